"""``labels.toml``: what a person says of the band's songs, tags and tempo.

    [tags]
    "Stairs" = ["slow", "live"]      # a song's title, its file's name, or its track id
    [tempo]
    "Stairs" = 92                    # beats per minute

A song that is not named is one nobody said anything about; ``[]`` says that no tag fits. People write
this file by hand and ``neuralbum label`` writes it for them: what it does not have to touch, comments
too, stays as it was (tomlkit, MIT).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from ..errors import ParameterError, ToolError
from ..project import atomic
from ..records import Track
from ..settings import nearest

LOWEST_BPM, HIGHEST_BPM = 40.0, 320.0
LONGEST_TAG, MOST_TAGS = 60, 200
TABLES = ("tags", "tempo")
SUGGESTED = "suggested: "  #: how the comment of a line begins that no person wrote
HEADER = "# What is said of the band's songs; docs/corpus.md. Write here, or with `neuralbum label`.\n"


@dataclass(frozen=True)
class Labels:
    """What a person said of one song."""

    tags: tuple[str, ...] = ()
    tempo: float | None = None  #: beats per minute
    none_fit: bool = False  #: somebody wrote [] for its tags


@dataclass(frozen=True)
class Change:
    """What is said anew of one song."""

    tags: tuple[str, ...] | None = None  #: (): none fit; None: as before
    tempo: float | None = None  #: 0: forget it; None: as before
    because: Mapping[str, str] = field(default_factory=dict)  #: table -> where a suggestion comes from


def read_labels(path: Path, tracks: Sequence[Track], *, may_lack: bool = False) -> dict[str, Labels]:
    """Labels by track id.

    Parameters
    ----------
    may_lack : a missing file is an empty one.

    Raises
    ------
    ParameterError
        The file is missing or is not what is written above; a song that is not in the corpus (with the
        nearest), or that is named twice.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as cause:
        if may_lack:
            return {}
        raise ParameterError(
            f"{path}: missing. Label songs with `neuralbum label SONG --tag slow "
            f'--tempo 92`, or write [tags] "Song title" = ["slow"], [tempo] "Song title" = 92'
        ) from cause
    except (OSError, UnicodeDecodeError) as cause:
        raise ParameterError(f"{path}: cannot be read ({cause})") from cause
    return _parse(path, text, tracks)


def find_track(name: str, tracks: Sequence[Track], *, where: str = "") -> Track:
    """The one track of that title, file name or id; ``where`` it was asked for begins the error.

    Raises
    ------
    ParameterError
        None (with the nearest), or more than one.
    """
    fitting = {track.id: track for track in tracks if name.casefold() in _aliases(track)}
    if len(fitting) > 1:
        names = ", ".join(f"{PurePath(t.path).name} ({t.id})" for t in fitting.values())
        raise ParameterError(
            f"{where}{name!r} names {len(fitting)} songs; write the file's name or the track id: {names}"
        )
    if not fitting:
        raise ParameterError(f"{where}no song {name!r} in the corpus{nearest(name, [t.title for t in tracks])}")
    return next(iter(fitting.values()))


def say(
    path: Path,
    tracks: Sequence[Track],
    songs: Iterable[str],
    *,
    tags: Iterable[str] = (),
    untag: Iterable[str] = (),
    tempo: float | None = None,
) -> list[Track]:
    """Label songs: give them tags and take some away, set a tempo (0 forgets it); returns their tracks.

    Raises
    ------
    ParameterError
        A song that is not there or has not the tag that is taken away; a tag or tempo out of bounds; a file that
        cannot be read.
    """
    said = read_labels(path, tracks, may_lack=True)
    chosen = list({track.id: track for track in (find_track(name, tracks) for name in songs)}.values())
    more, fewer = ([word.strip() for word in words] for words in (tags, untag))
    changes = {}
    for track in chosen:
        known = said.get(track.id, Labels())
        for word in fewer:
            if word not in known.tags:
                hint = nearest(word, known.tags) if known.tags else ""
                raise ParameterError(f"{track.title!r} has no tag {word!r}{hint}")
        words = tuple(sorted({*known.tags, *more} - set(fewer)))
        changes[track.id] = Change(words if more or fewer else None, tempo)
    write_labels(path, tracks, changes)
    return chosen


def write_labels(path: Path, tracks: Sequence[Track], changes: Mapping[str, Change], *, only_new: bool = False) -> None:
    """Change what is said of songs (by track id) and nothing else of the file; whole or not at all.

    Parameters
    ----------
    only_new : tags and tempi that stand there stay as they are.

    Raises
    ------
    ParameterError
        The file cannot be read as labels, or what is said is out of bounds.
    ToolError
        It cannot be written, or not without changing more than was asked for.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else HEADER
    except (OSError, UnicodeDecodeError) as cause:
        raise ParameterError(f"{path}: cannot be read ({cause})") from cause
    before = _parse(path, text, tracks)
    if only_new:
        changes = {name: _where_lacking(change, before.get(name, Labels())) for name, change in changes.items()}
    _check(changes, tracks)
    try:
        document = tomlkit.parse(text)
        for name, change in changes.items():
            known = before.get(name, Labels())
            if change.tags is not None and (change.tags != known.tags or not (change.tags or known.none_fit)):
                _put_tags(document, _key(document, "tags", name, tracks), change)
            if change.tempo is not None and change.tempo != (known.tempo or 0):
                _put_tempo(document, _key(document, "tempo", name, tracks), change)
        written = tomlkit.dumps(document)
        if "\r\n" in text:
            written = written.replace("\r\n", "\n").replace("\n", "\r\n")
        tomllib.loads(written)
    except (TOMLKitError, tomllib.TOMLDecodeError) as cause:
        raise ToolError(
            f"{path}: is written in a way that cannot be changed safely ({cause}); do it by hand"
        ) from cause
    if _parse(path, written, tracks) != _changed(before, changes):
        raise ToolError(f"{path}: cannot be changed without changing more than was asked for; do it by hand")
    if written == text:
        return
    try:
        with atomic(path.resolve()) as part:  # a link stays a link
            part.write_bytes(written.encode("utf-8"))
    except OSError as cause:
        raise ToolError(f"{path}: cannot be written ({cause})") from cause


def _where_lacking(change: Change, known: Labels) -> Change:
    """What of a change nobody has said anything about yet."""
    return replace(
        change,
        tags=None if known.tags or known.none_fit else change.tags,
        tempo=None if known.tempo else change.tempo,
    )


def _check(changes: Mapping[str, Change], tracks: Sequence[Track]) -> None:
    titles = {track.id: track.title for track in tracks}
    for name, change in changes.items():
        if change.tags:
            _tags("", titles[name], list(change.tags))
        if change.tempo:
            _tempo("", titles[name], change.tempo)


def _changed(before: Mapping[str, Labels], changes: Mapping[str, Change]) -> dict[str, Labels]:
    after = dict(before)
    for name, change in changes.items():
        label = after.get(name, Labels())
        if change.tags is not None:
            label = replace(label, tags=change.tags, none_fit=not change.tags)
        if change.tempo is not None:
            label = replace(label, tempo=change.tempo or None)
        after[name] = label
    return {name: label for name, label in after.items() if label != Labels()}


# ---- the file -----------------------------------------------------------------


def _parse(path: Path, text: str, tracks: Sequence[Track]) -> dict[str, Labels]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise ParameterError(f"{path}: cannot be read as TOML ({cause})") from cause
    for table in found:
        if table not in TABLES:
            raise ParameterError(f"{path}: unknown table {table!r}{nearest(table, TABLES)}")
    tags = {name: _tags(f"{path}: ", *said) for name, said in _table(path, found, "tags", tracks).items()}
    tempi = {name: _tempo(f"{path}: ", *said) for name, said in _table(path, found, "tempo", tracks).items()}
    if len({tag for words in tags.values() for tag in words}) > MOST_TAGS:
        raise ParameterError(f"{path}: more than {MOST_TAGS} different tags")
    return {
        name: Labels(tags.get(name, ()), tempi.get(name), none_fit=name in tags and not tags[name])
        for name in {*tags, *tempi}
    }


def _table(path: Path, found: Mapping[str, Any], name: str, tracks: Sequence[Track]) -> dict[str, tuple[str, Any]]:
    """A table's entries by track id: what the song is called there, and what is said of it."""
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise ParameterError(f"{path}: [{name}] must be a table of songs")
    entries: dict[str, tuple[str, Any]] = {}
    for key, value in table.items():
        track = find_track(key, tracks, where=f"{path}: ")
        if track.id in entries:
            raise ParameterError(
                f"{path}: [{name}] names one song twice, as {entries[track.id][0]!r} and as {key!r}; keep one of them"
            )
        entries[track.id] = (key, value)
    return entries


def _tags(where: str, name: str, value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(w, str) and 0 < len(w) <= LONGEST_TAG for w in words):
        raise ParameterError(f"{where}{name!r} = {value!r} must be words of at most {LONGEST_TAG} letters")
    return tuple(sorted(set(words)))


def _tempo(where: str, name: str, value: Any) -> float:
    inside = isinstance(value, int | float) and LOWEST_BPM <= value <= HIGHEST_BPM
    if isinstance(value, bool) or not inside:
        raise ParameterError(
            f"{where}{name!r} = {value!r} must be a tempo from {LOWEST_BPM:g} to {HIGHEST_BPM:g} beats per minute"
        )
    return float(value)


def _aliases(track: Track) -> set[str]:
    file = PurePath(track.path)
    return {alias.casefold() for alias in (track.id, track.title, file.name, file.stem) if alias}


def _key(document: Any, table: str, track_id: str, tracks: Sequence[Track]) -> str:
    """What a song is called in the file already, here or in the other table; else the first name that is its alone."""
    for place in (table, *TABLES):
        for key in document.get(place, ()):
            if find_track(key, tracks).id == track_id:
                return str(key)
    track = next(track for track in tracks if track.id == track_id)
    for name in (track.title, PurePath(track.path).name):
        if name and all(other.id == track_id or name.casefold() not in _aliases(other) for other in tracks):
            return name
    return track.id


def _put_tags(document: Any, key: str, change: Change) -> None:
    """Change a list in place, so that its lines and comments stay; anything else is replaced."""
    import tomlkit
    from tomlkit.items import Array

    assert change.tags is not None
    known = document.get("tags", {}).get(key)
    if not isinstance(known, Array):
        _put(document, "tags", key, tomlkit.item(list(change.tags)), change)
        return
    for word in [word for word in known if word not in change.tags]:
        known.remove(word)
    for word in change.tags:
        if word not in known:
            known.append(word)
    _disown(known)


def _put_tempo(document: Any, key: str, change: Change) -> None:
    import tomlkit

    assert change.tempo is not None
    if not change.tempo:
        document["tempo"].remove(key)
        return
    bpm = int(change.tempo) if change.tempo == int(change.tempo) else change.tempo
    _put(document, "tempo", key, tomlkit.item(bpm), change)


def _put(document: Any, table: str, key: str, item: Any, change: Change) -> None:
    import tomlkit
    from tomlkit.items import InlineTable

    if table not in document:
        document.add(table, tomlkit.table())
    document[table][key] = item
    _disown(document[table][key])
    if table in change.because and not isinstance(document[table], InlineTable):  # there is no room for a comment
        plain = "".join(c if c.isprintable() else " " for c in change.because[table])
        document[table][key].comment(SUGGESTED + plain)


def _disown(item: Any) -> None:
    """A line that a person changes is a suggestion no more."""
    if item.trivia.comment.removeprefix("#").strip().startswith(SUGGESTED.strip()):
        item.trivia.comment, item.trivia.comment_ws = "", ""
