"""``labels.toml``: what a person says of the band's songs, for nets that are told tags or tempo.

    [tags]
    "Stairs" = ["slow", "live"]      # a song's title, its file's name, or its track id
    [tempo]
    "Stairs" = 92                    # beats per minute

A song that is not named is one nobody said anything about.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from ..errors import ParameterError
from ..records import Track
from ..settings import nearest
from .conditions import KNOTS, Labels

LONGEST_TAG, MOST_TAGS = 60, 200
TABLES = ("tags", "tempo")


def read_labels(path: Path, tracks: Sequence[Track]) -> dict[str, Labels]:
    """Labels by track id.

    Raises
    ------
    ParameterError
        The file is missing or is not what is written above; a song that is not in the corpus (with the nearest).
    """
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise ParameterError(
            f'{path}: missing; the conditions tag and tempo need it: [tags] "Song title" = ["slow"], '
            f'[tempo] "Song title" = 92'
        ) from cause
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise ParameterError(f"{path}: cannot be read as TOML ({cause})") from cause
    for table in text:
        if table not in TABLES:
            raise ParameterError(f"{path}: unknown table {table!r}{nearest(table, TABLES)}")
    tags = {_track(path, name, tracks): _tags(path, name, value) for name, value in _table(path, text, "tags")}
    tempi = {_track(path, name, tracks): _tempo(path, name, value) for name, value in _table(path, text, "tempo")}
    if len({tag for words in tags.values() for tag in words}) > MOST_TAGS:
        raise ParameterError(f"{path}: more than {MOST_TAGS} different tags")
    return {name: Labels(tags.get(name, ()), tempi.get(name)) for name in {*tags, *tempi}}


def vocabulary(labels: Mapping[str, Labels]) -> tuple[str, ...]:
    """All tags, sorted."""
    return tuple(sorted({tag for label in labels.values() for tag in label.tags}))


def _table(path: Path, text: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    table = text.get(name, {})
    if not isinstance(table, dict):
        raise ParameterError(f"{path}: [{name}] must be a table of songs")
    return list(table.items())


def _track(path: Path, name: str, tracks: Sequence[Track]) -> str:
    """The id of the one track of that title, file name or id."""
    word = name.casefold()
    known: dict[str, set[str]] = {}
    for track in tracks:
        file = PurePath(track.path)
        for alias in (track.id, track.title, file.name, file.stem):
            known.setdefault(alias.casefold(), set()).add(track.id)
    fitting = known.get(word, set())
    if len(fitting) > 1:
        raise ParameterError(f"{path}: {name!r} names {len(fitting)} songs; write the file's name or the track id")
    if not fitting:
        raise ParameterError(f"{path}: no song {name!r} in the corpus{nearest(name, [t.title for t in tracks])}")
    return next(iter(fitting))


def _tags(path: Path, name: str, value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(w, str) and 0 < len(w) <= LONGEST_TAG for w in words):
        raise ParameterError(f"{path}: {name!r} = {value!r} must be words of at most {LONGEST_TAG} letters")
    return tuple(sorted(set(words)))


def _tempo(path: Path, name: str, value: Any) -> float:
    low, high = KNOTS["tempo"][[0, -1]]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ParameterError(f"{path}: {name!r} = {value!r} must be a tempo from {low:g} to {high:g} beats per minute")
    return float(value)
