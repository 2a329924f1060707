"""A model card for each net whose takes are on the album: Hugging Face's front matter, then plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ...records import Model, Track
from ..sentences import UNKNOWN, copies
from ..song_metadata import Album


def model_card(
    album: Album,
    model: Model,
    *,
    tracks: Sequence[Track],
    curve: Mapping[str, Sequence[tuple[int, float]]],
    emissions_g: float | None = None,
) -> str:
    """The card's Markdown.

    Parameters
    ----------
    tracks : the corpus as it is now; by split
    curve : training curves by name, (step, value)
    emissions_g : grams of CO2e of the training, if the footprint room gave a figure
    """
    sampled = sum(song.recipe["model_id"] == model.id for song in album.songs)
    by_split = {split: [t for t in tracks if t.split == split] for split in ("train", "valid", "heldout")}
    return str(
        _template().render(
            album=album,
            model=model,
            curve=curve,
            emissions_g=emissions_g,
            sampled=sampled,
            n_songs=sampled or sum(song.flesh == model.id for song in album.songs),
            # [s] / [s/min]
            splits=[
                (split, len(part), sum(t.duration_s for t in part) / 60) for split, part in by_split.items() if part
            ],
            copies=copies(album.songs),
            config=json.dumps(model.config, indent=1, sort_keys=True, ensure_ascii=False, default=str),
        )
    )


def import_card(album: Album, model_id: str) -> str:
    """The card of a generator that is not ours: what is known of it, and that the rest is not."""
    songs = [song for song in album.songs if song.recipe["model_id"] == model_id]
    told = [song.recipe["origin"]["recipe"] for song in songs]
    same = {key: value for key, value in told[0].items() if all(one.get(key) == value for one in told)}
    name = str(songs[0].recipe["origin"]["generator"])
    lines = [f"# {'A generator that is not known' if name == UNKNOWN else _plain(name)}", ""]
    lines += [f"Made {len(songs)} of the {len(album.songs)} songs of *{_plain(album.title)}*; they were imported.", ""]
    lines += [f"- {_plain(key)}: {_plain(str(value))}" for key, value in sorted(same.items())]
    lines += [
        "- what it was trained on, and what it is beyond this: unknown to neuralbum",
        f"- rights: {_plain(album.permission)}",
    ]
    return "\n".join([*lines, "", copies(songs), ""])


def _plain(text: str) -> str:
    """Text that Markdown does not read as markup or a table."""
    return "".join("\\" + c if c in "\\`*_{}[]<>#|" else c for c in " ".join(text.split()))


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["plain"] = _plain
    return environment.from_string(Path(__file__).with_name("model_card.md.j2").read_text(encoding="utf-8"))
