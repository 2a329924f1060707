"""What of a song machines made: one set of answers, in the words of each who asks.

Distributors ask how vocals, instruments, composition, post-production and lyrics were made (``[release] vocals`` …;
pictures and texts here besides). DDEX ERN 4.3.2 asks ``ContainsAI`` of recording, image, text and video and
``AiContribution`` of each contributor: All, Partly or None. IPTC has an address for each digital source type, which
C2PA manifests and tags carry. For an imported take its sidecar may answer (``"contains_ai": "None"``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from ...records import AUTO
from ..song_metadata import Album, AlbumSong

CATEGORIES = ("vocals", "instruments", "composition", "post_production", "lyrics", "images", "texts")
PARTS = ("recording", "composition", "image", "text", "video")
ALL, PARTLY, NONE = "All", "Partly", "None"
CONTAINS_AI = {"generated": ALL, "assisted": PARTLY, "human": NONE, "programmed": NONE}
"""DDEX's word for each answer; "none" has none: what is not there contains nothing."""
OWN = "contains_ai"
"""The key of an imported take's sidecar."""

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SCHEMA_ORG = {
    "trainedAlgorithmicMedia": "TrainedAlgorithmicMediaDigitalSource",
    "compositeWithTrainedAlgorithmicMedia": "CompositeWithTrainedAlgorithmicMediaDigitalSource",
    "compositeSynthetic": "CompositeSyntheticDigitalSource",
    "algorithmicMedia": "AlgorithmicMediaDigitalSource",
}


def finishing(songs: Sequence[AlbumSong]) -> str:
    """How songs were selected and finished, as far as the catalogue knows.

    "generated" if no person chose any of them, "assisted" if people and machine shared the
    choosing or a net finished the sound, else "human".
    """
    by_people = [song.chosen_by not in (None, AUTO) for song in songs]
    if not any(by_people):
        return "generated"
    return "human" if all(by_people) and not any(song.flesh for song in songs) else "assisted"


def answers_of(album: Album, song: AlbumSong) -> dict[str, str]:
    """How each of CATEGORIES was made: the album's answers, but for what an imported take's sidecar says."""
    said = {name: album.disclosure[name] for name in CATEGORIES}
    own = str((song.recipe.get("origin") or {}).get("recipe", {}).get(OWN, "")).capitalize()
    word = {ALL: "generated", PARTLY: "assisted", NONE: "human"}.get(own)
    made = ("vocals", "instruments", "composition", "lyrics")
    return {**said, **{name: word for name in made if word and said[name] != "none"}}


def contains_ai(album: Album, song: AlbumSong) -> dict[str, str]:
    """DDEX's answer for each of PARTS that the song has."""
    said = answers_of(album, song)
    recording = together(*(CONTAINS_AI.get(said[name]) for name in ("vocals", "instruments")))
    composition = together(*(CONTAINS_AI.get(said[name]) for name in ("composition", "lyrics")))
    image, text = (together(CONTAINS_AI.get(said[name])) for name in ("images", "texts"))
    parts = {"recording": recording, "composition": composition, "image": image, "text": text}
    return {**parts, "video": together(recording, image)} if "video" in song.files else parts


def together(*parts: str | None) -> str:
    """The answer for what is made of parts; None: a part that is not there."""
    there = {part for part in parts if part}
    return PARTLY if len(there) > 1 else there.pop() if there else NONE


def of_release(album: Album) -> str:
    return together(*(answer for song in album.songs for answer in contains_ai(album, song).values()))


def contributors(album: Album, song: AlbumSong) -> list[dict[str, str]]:
    """Who made the song, each with DDEX's role and ``AiContribution``: GenerativeAI where all of it was generated."""
    parts = contains_ai(album, song)
    return [
        {
            "contributor": "GenerativeAI" if parts[part] == ALL else album.artist,
            "role": role,
            "ai_contribution": parts[part],
        }
        for part, role in (("recording", "Artist"), ("composition", "Composer"))
    ]


def source_type(album: Album, song: AlbumSong | None, what: str) -> str:
    """IPTC's digital source type of a file: ``what`` is a kind of sound, "video", or a picture's kind."""
    if song is not None and what == "video":
        name = {ALL: "trainedAlgorithmicMedia", NONE: "algorithmicMedia"}.get(
            contains_ai(album, song)["video"], "compositeSynthetic"
        )
    elif song is not None and what not in ("poster", "gif", "hover"):
        name = _source_type(contains_ai(album, song)["recording"])
    else:
        drawn = album.disclosure["images"]
        name = "algorithmicMedia" if drawn == "programmed" else _source_type(CONTAINS_AI.get(drawn, NONE))
    return IPTC + name


def _source_type(answer: str) -> str:
    made = {ALL: "trainedAlgorithmicMedia", PARTLY: "compositeWithTrainedAlgorithmicMedia"}
    return made.get(answer, "digitalCreation")


# ---- the sheets --------------------------------------------------------------


def sheet_json(album: Album) -> str:
    """``ai-disclosure.json``."""
    about = {
        "format": "neuralbum-ai-disclosure/1",
        "vocabulary": "ContainsAI and AiContribution as in DDEX ERN 4.3.2; digital source types of IPTC",
        "title": album.title,
        "artist": album.artist,
        "contains_ai": of_release(album),
        "songs": [song_answers(album, song) for song in album.songs],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def song_answers(album: Album, song: AlbumSong) -> dict[str, Any]:
    origin = song.recipe.get("origin")
    return {
        "number": song.number,
        "title": song.title,
        "isrc": song.isrc,
        "iscc": song.iscc,
        "answers": answers_of(album, song),
        "contains_ai": contains_ai(album, song),
        "contributors": contributors(album, song),
        "digital_source_type": source_type(album, song, "sound"),
        "model": "" if origin else song.recipe["model_id"],
        "generator": origin["generator"] if origin else "",
        "selected_by": song.chosen_by or "",
    }


def sheet_csv(album: Album) -> str:
    """``ai-disclosure.csv``, a row a song; cells that a spreadsheet could take for a formula are quoted as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    made = ("model", "generator", "temperature", "seed", "selected_by")
    ai = [*(f"ContainsAI {part}" for part in PARTS), "AiContribution Artist", "AiContribution Composer"]
    writer.writerow(["number", "title", "isrc", "iscc", *CATEGORIES, *ai, "digital_source_type", *made])
    for song in album.songs:
        about = song_answers(album, song)
        ours = song.temperature is not None
        about["temperature"] = f"{song.temperature:.3f}" if ours else ""
        about["seed"] = f"{song.recipe['seed']}/{song.recipe['number']}" if ours else ""
        row = [str(song.number), song.title, song.isrc, song.iscc]
        row += [*about["answers"].values(), *(about["contains_ai"].get(part, "") for part in PARTS)]
        row += [one["ai_contribution"] for one in about["contributors"]]
        row += [about["digital_source_type"], *(about[name] for name in made)]
        writer.writerow([_as_text(cell) for cell in row])
    return out.getvalue()


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
