"""A model card for each net whose takes are on the album: Hugging Face's front matter, then plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..records import Model, Track
from .sentences import copies
from .song_metadata import Album


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
    fleshed = sum(song.flesh == model.id for song in album.songs)
    by_it = f"{fleshed} songs of *{_plain(album.title)}* were made to sound by it."
    if sampled:
        by_it = f"{sampled} songs of *{_plain(album.title)}* were played by it."
    lines = [
        "---",
        f"license: {json.dumps(album.licence.spdx.lower())}",
        "library_name: neuralbum",
        "pipeline_tag: audio-to-audio" if model.kind == "flesh" else "pipeline_tag: text-to-audio",
        "tags: [music, neural-audio-synthesis, unconditional-audio-generation]",
        f"model_name: {json.dumps(model.id)}",
    ]
    if emissions_g is not None:
        lines += ["co2_eq_emissions:", f"  emissions: {emissions_g:.3g}", "  source: neuralbum footprint ledger"]
        lines += ["  training_type: from scratch"]
    lines += [
        "---",
        "",
        f"# {model.id}",
        "",
        f"A net ({model.kind}, preset {model.preset}, {model.sample_rate} Hz) trained on one band,",
        f"{_plain(album.artist)}. {by_it}",
        "",
        "## What it was trained on",
        "",
        f"- rights holder: {_plain(album.rights_holder)}",
        f"- by what right: {_plain(album.permission)}",
        f"- contact: {_plain(album.contact)}",
    ]
    if tracks:
        for split in ("train", "valid", "heldout"):
            part = [t for t in tracks if t.split == split]
            if part:
                minutes = sum(t.duration_s for t in part) / 60  # [s] / [s/min]
                lines.append(f"- {split}: {len(part)} songs, {minutes:.1f} minutes")
    lines += [f"- corpus digest: `{model.corpus_digest}`", "", "## How it did", ""]
    if curve:
        lines += ["| curve | first | last | best | steps |", "| --- | --- | --- | --- | --- |"]
        for name, points in sorted(curve.items()):
            values = [value for _, value in points]
            if values:
                lines.append(
                    f"| {_plain(name)} | {values[0]:.4g} | {values[-1]:.4g} | {min(values):.4g} | {points[-1][0]} |"
                )
    else:
        lines.append("No training curves were recorded.")
    lines += [
        "",
        "## What it is for, and what it is not",
        "",
        "It imitates one band's sound because that band allowed it. It is not a model of music at large, knows no",
        "words, and must not be used to pass for anybody. Takes may contain close copies of the training music.",
        copies(album.songs),
        "",
        "## Configuration",
        "",
        "```json",
        json.dumps(_jsonable(model.config), indent=1, sort_keys=True, ensure_ascii=False),
        "```",
        "",
    ]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text that Markdown does not read as markup or a table."""
    return "".join("\\" + c if c in "\\`*_{}[]<>#|" else c for c in " ".join(text.split()))


def _jsonable(value: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(value, default=str))
