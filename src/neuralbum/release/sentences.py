"""What the album says of itself, in whole sentences; each follows from what the catalogue knows of *this* album.

Pure: records in, texts out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..records import AUTO
from .disclosure.answers import contains_ai
from .song_metadata import Album, AlbumSong, clock

UNKNOWN = "unknown"
"""What an import says where it does not know the generator."""


MOST_NAMED = 3


def made_by(album: Album, song: AlbumSong | None = None) -> str:
    """The label people see: by what a song, or the album, was made; of imported takes what is known, and no more."""
    songs = album.songs if song is None else (song,)
    others = [one for one in songs if one.recipe.get("origin")]
    said = []
    for by_machine, verb in ((True, "generated"), (False, "made")):
        kind = [one for one in others if (contains_ai(album, one)["recording"] != "None") == by_machine]
        names = dict.fromkeys(str(one.recipe["origin"]["generator"]) for one in kind)
        known = [name for name in names if name != UNKNOWN]
        if known:
            said.append(f"{verb} by {_listed(known)}")
        if UNKNOWN in names:
            said.append("generated, it is not known by what" if by_machine else "made by people")
    by = ", ".join(said)
    if len(others) == len(songs):
        return by[:1].upper() + by[1:]
    net = f"Made by a net trained on {album.artist}"
    return f"{net}; {len(others)} of {len(songs)} songs {by}" if others else net


def _listed(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], "others"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def unmarked(album: Album) -> str:
    """What marks the album goes without, and how it would get them; empty if it has all."""
    lacks = []
    if not album.watermark:
        lacks.append("the sound is not marked")
    if not album.signed:
        lacks.append("files carry no C2PA signature (sign_certificate, sign_key)")
    elif not album.timestamp:
        lacks.append("signatures carry no time stamp and last as long as the certificate (sign_timestamp)")
    return "; ".join(lacks)


def signature(album: Album, song: AlbumSong) -> str:
    """Where the signatures of a song's files are; empty if it has none."""
    kinds = {k: p for k, p in sorted(song.files.items()) if p in album.signed}
    names = {kind: "CLIP" if kind == "hover" else kind.upper() for kind in kinds}
    inside = [names[k] for k, p in kinds.items() if album.signed[p] == p]
    beside = [names[k] for k, p in kinds.items() if album.signed[p] != p]
    if not kinds:
        return ""
    said = [f"in the file: {', '.join(inside)}"] if inside else []
    said += [f"beside the file (.c2pa), which cannot carry it: {', '.join(beside)}"] if beside else []
    return "; ".join([*said, f"time stamp by {album.timestamp}" if album.timestamp else "no time stamp"])


def verdict(song: AlbumSong) -> str:
    """What the search for copies found in one song."""
    found = song.originality
    if not found or found.get("original") is None:
        return "Not searched for copies of the training music."
    longest = found.get("longest_s")
    if found["original"]:
        chance = f" The longest chance likeness lasts {longest:.1f} s." if longest else ""
        return "Searched against every training track: no copy found." + chance
    return "Parts of it follow a training track closely" + (f", for up to {longest:.1f} s." if longest else ".")


def copies(songs: Sequence[AlbumSong]) -> str:
    """What the search for copies found on the whole album."""
    searched = [s for s in songs if s.originality and s.originality.get("original") is not None]
    close = copied(songs)
    if not searched:
        return "No song of this album was searched for copies of the training music."
    said = (
        [f"All {len(songs)} songs were searched against every training track."]
        if len(searched) == len(songs) > 1
        else ["Its one song was searched against every training track."]
        if len(searched) == len(songs)
        else [
            f"{len(searched)} of {len(songs)} songs were searched against every training track; "
            + (f"the other {rest} were not." if (rest := len(songs) - len(searched)) > 1 else "one was not.")
        ]
    )
    if close:
        said.append(
            "One of them follows a training track closely in parts."
            if len(close) == 1
            else f"{len(close)} of them follow a training track closely in parts."
        )
    else:
        said.append("No copy was found.")
    clean = [s for s in searched if s not in close and _number(s.originality, "longest_s")]
    if clean:
        longest = max(clean, key=lambda s: _number(s.originality, "longest_s"))
        seconds = _number(longest.originality, "longest_s")
        said.append(f"The longest likeness that chance explains lasts {seconds:.1f} s, in “{longest.title}”.")
    return " ".join(said)


def copied(songs: Sequence[AlbumSong]) -> list[AlbumSong]:
    """The songs in which the search found a copy."""
    return [s for s in songs if s.originality and s.originality.get("original") is False]


def selection(songs: Sequence[AlbumSong]) -> str:
    """Who chose the songs. That somebody judged a take is known; that they heard all of it is not, and not said."""
    by_people = sum(song.chosen_by not in (None, AUTO) for song in songs)
    if by_people == len(songs):
        return "People chose its songs among many takes."
    if by_people == 0:
        return "A program ranked the takes and kept the first; no person chose its songs."
    rest = len(songs) - by_people
    return (
        f"People chose {by_people} of its {len(songs)} songs among many takes; "
        f"a program ranked the rest and kept {rest}."
    )


def chosen_by(song: AlbumSong) -> str:
    """Who kept one song's take."""
    if song.chosen_by is None:
        return "It is not recorded who kept this take."
    return "A program’s ranking kept this take." if song.chosen_by == AUTO else "A person kept this take."


def picture(song: AlbumSong) -> str:
    """A song's picture, for those who do not see it."""
    pulse = (
        f" and has a pulse of {song.bpm:.0f} beats a minute"
        if song.bpm
        else " and has no pulse"
        if song.bpm == 0
        else ""
    )
    style = f" Its style is {song.style}." if song.style else ""
    return f"“{song.title}” drawn from its own sound. The song lasts {spoken(song.duration_s)}{pulse}.{style}"


def spoken(seconds: float) -> str:
    """``160`` -> ``"2 minutes and 40 seconds"``."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    parts = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in ((minutes, "minute"), (rest, "second")) if n]
    return " and ".join(parts)


def primed(prime: Mapping[str, Any], titles: Mapping[str, str], sample_rate: int) -> str:
    """What the net heard before it began: the song by name and the second; empty if nothing.

    Parameters
    ----------
    prime : of the take's recipe: a song and its bar; of older ones a stretch of a track in samples, or a stored state
    titles : track id -> title
    sample_rate : Hz, of the recipe
    """
    if "song" in prime:
        return f"half a second of “{prime['song']}”, before its bar {int(prime['bar']) + 1}; it is not part of the take"
    if "track" in prime:
        title = titles.get(str(prime["track"]))
        song = f"“{title}”" if title else "a track that is no longer in the corpus"
        start, n = (_number(prime, name) / sample_rate for name in ("start", "n_samples"))
        length = f"{n:.3g} s of " if n else ""
        return f"{length}{song}, from {clock(start)} on; what was heard is not part of the take"
    if "state" in prime:
        return "what the net had in mind at a healthy moment of its training; no music"
    return ""


def size(n_bytes: float) -> str:
    """``14_200_000`` -> ``"14 MB"``; decimal, as shops and disks count."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= one:
            value = n_bytes / one
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{n_bytes:.0f} bytes"


def embed_code(album: Album, song: AlbumSong) -> str:
    """HTML that shows the song's small player on another page; ADDRESS stands for the album's where it is not known."""
    from markupsafe import escape

    base = album.url or "ADDRESS/"
    title = escape(f"{song.title} by {album.artist}")
    return (
        f'<iframe src="{base}embed/{song.slug}.html" title="{title}" width="480" height="190" '
        f'loading="lazy" style="border:0"></iframe>'
    )


def _number(values: Mapping[str, Any] | None, name: str) -> float:
    found = (values or {}).get(name)
    return float(found) if isinstance(found, int | float) else 0.0
