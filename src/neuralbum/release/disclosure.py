"""The AI-disclosure sheet: what was generated, in the five categories distributors ask for.

The categories are those of the industry's disclosure work (vocals, instruments,
composition, post-production, lyrics). No DDEX message is written: element names
differ by version and receiver, and this sheet says the same plainly.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from ..records import AUTO
from .sleeve import Album, AlbumSong

CATEGORIES = ("vocals", "instruments", "composition", "post_production", "lyrics")


def finishing(songs: Sequence[AlbumSong]) -> str:
    """How songs were selected and finished, as far as the catalogue knows.

    "generated" if no person chose any of them, "assisted" if people and machine shared the
    choosing or a net finished the sound, else "human".
    """
    by_people = [song.chosen_by not in (None, AUTO) for song in songs]
    if not any(by_people):
        return "generated"
    return "human" if all(by_people) and not any(song.flesh for song in songs) else "assisted"


def sheet_csv(album: Album) -> str:
    """One row per song; cells that a spreadsheet could take for a formula are quoted as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["number", "title", "isrc", *CATEGORIES, "model", "temperature", "seed", "selected_by"])
    for song in album.songs:
        answers = [album.disclosure[name] for name in CATEGORIES]
        row = [
            str(song.number),
            song.title,
            song.isrc,
            *answers,
            song.recipe["model_id"],
            "" if song.temperature is None else f"{song.temperature:.3f}",
            "" if song.temperature is None else f"{song.recipe['seed']}/{song.recipe['number']}",
            song.chosen_by or "",
        ]
        writer.writerow([_as_text(cell) for cell in row])
    return out.getvalue()


def sheet_json(album: Album) -> str:
    about = {
        "album": album.title,
        "artist": album.artist,
        "rights_holder": album.rights_holder,
        "training_permission": album.permission,
        "answers": "generated: made by a model; assisted: by a person with a model; human; none: there is none",
        **{name: album.disclosure[name] for name in CATEGORIES},
        "songs": [
            {"number": s.number, "title": s.title, "isrc": s.isrc, "model": s.recipe["model_id"]} for s in album.songs
        ],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
