"""What players read: titles, licence, tempo, loudness, distinctions as chapters, the cover.

One ``Tags`` record, written in each format's own words (``neuralbum.audio.tags``, through FFmpeg):

  FLAC, Opus   Vorbis comments; LICENSE, CHAPTER001/CHAPTER001NAME; Opus has
               R128_TRACK_GAIN (RFC 7845, relative to -23 LUFS) instead of ReplayGain
  MP3          ID3v2.4; WCOP + TXXX:LICENSE, TBPM (whole number, as the standard
               wants) + TXXX:BPM, CHAP + CTOC, TXXX:REPLAYGAIN_*
  M4A          iTunes atoms; tmpo, cprt, chapters, freeform for the rest

Whatever was in the file before is removed: a take's own tags are nobody's business.

Distinctions become chapters, so that a player can jump to "breakdown in 6/8": each runs to
the next one. Where the first does not start the song, a chapter of the song's own title
does, because players show nothing before the first chapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..audio import tags as tagging
from ..audio.tags import Chapter, Cover
from ..errors import ToolError
from .song_metadata import Distinction, plain_text

REPLAYGAIN_LUFS = -18.0
"""ReplayGain 2.0's reference loudness."""
R128_LUFS = -23.0
"""EBU R 128's, which Opus uses (RFC 7845, section 5.2.1)."""
WHOLE_BPM = {"mp3": "TBPM", "m4a": "TMPO"}
"""Where a format has a field of its own for the tempo, it holds a whole number."""


@dataclass(frozen=True)
class Tags:
    """Everything a song's file says about itself."""

    title: str
    artist: str
    album: str
    number: int
    date: str = ""
    genre: str = ""
    bpm: float | None = None
    licence: str = ""  #: SPDX
    licence_url: str = ""
    copyright: str = ""
    contact: str = ""
    isrc: str = ""
    comment: str = ""
    loudness_lufs: float | None = None
    true_peak_db: float | None = None
    album_lufs: float | None = None
    chapters: tuple[Chapter, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()  #: NAME, value: how it was generated


def write_tags(path: Path, kind: str, tags: Tags, cover: Cover | None = None) -> None:
    """Replace all tags of an audio file in place.

    Raises
    ------
    ToolError
        Not a file of that kind, or the disk refuses.
    """
    gains = _r128(tags) if kind == "opus" else _replaygain(tags)
    words = {**_words(tags), **gains, **_extras(tags)}
    if tags.bpm is not None and kind in WHOLE_BPM:
        words[WHOLE_BPM[kind]] = str(round(tags.bpm))
    chapters = [Chapter(c.start_s, c.end_s, plain_text(c.title)) for c in tags.chapters]
    tagging.write(path, kind, words, chapters=chapters, cover=cover)


# ---- the record as plain words ----------------------------------------------


def _words(tags: Tags) -> dict[str, str]:
    """Vorbis-style names and values, which all formats share in some dress."""
    words = {
        "TITLE": tags.title,
        "ARTIST": tags.artist,
        "ALBUM": tags.album,
        "ALBUMARTIST": tags.artist,
        "TRACKNUMBER": str(tags.number),
        "DATE": tags.date,
        "GENRE": tags.genre,
        "BPM": "" if tags.bpm is None else f"{tags.bpm:.1f}",
        "LICENSE": tags.licence_url,
        "LICENSE_SPDX": tags.licence,
        "COPYRIGHT": tags.copyright,
        "CONTACT": tags.contact,
        "ISRC": tags.isrc,
        "COMMENT": tags.comment,
    }
    return {name: text for name, value in words.items() if (text := plain_text(value))}


def _replaygain(tags: Tags) -> dict[str, str]:
    words = {}
    if tags.loudness_lufs is not None:
        words["REPLAYGAIN_TRACK_GAIN"] = f"{REPLAYGAIN_LUFS - tags.loudness_lufs:.2f} dB"
        words["REPLAYGAIN_REFERENCE_LOUDNESS"] = f"{REPLAYGAIN_LUFS:.2f} LUFS"
    if tags.true_peak_db is not None:
        words["REPLAYGAIN_TRACK_PEAK"] = f"{10 ** (tags.true_peak_db / 20):.6f}"
    if tags.album_lufs is not None:
        words["REPLAYGAIN_ALBUM_GAIN"] = f"{REPLAYGAIN_LUFS - tags.album_lufs:.2f} dB"
    return words


def q7_8(gain_db: float) -> str:
    """A gain as Opus stores it: 1/256 dB in 16 bits."""
    return str(max(-32768, min(32767, round(gain_db * 256))))


def _r128(tags: Tags) -> dict[str, str]:
    words = {}
    if tags.loudness_lufs is not None:
        words["R128_TRACK_GAIN"] = q7_8(R128_LUFS - tags.loudness_lufs)
    if tags.album_lufs is not None:
        words["R128_ALBUM_GAIN"] = q7_8(R128_LUFS - tags.album_lufs)
    return words


def _extras(tags: Tags) -> dict[str, str]:
    return {plain_text(name).upper(): plain_text(value) for name, value in tags.extra if plain_text(value)}


# ---- chapters ----------------------------------------------------------------------------

OPENING_S = 1.0
"""A first distinction within the first second counts as the song's start."""


def chapters(distinctions: Sequence[Distinction], *, title: str, duration_s: float) -> tuple[Chapter, ...]:
    """Lay a song out in chapters; none where there is no distinction."""
    if not distinctions:
        return ()
    marks: dict[float, str] = {}
    for distinction in sorted(distinctions, key=lambda d: (d.start_s, d.text)):
        # Two notes on one moment share a chapter: players drop chapters without length.
        at = round(distinction.start_s, 3)
        marks[at] = f"{marks[at]} · {distinction.text}" if at in marks else distinction.text
    starts = sorted(marks)
    if starts[0] > OPENING_S:
        marks[0.0] = title
    else:
        marks[0.0] = marks.pop(starts[0])
    starts = sorted(marks)
    ends = [*starts[1:], max(duration_s, starts[-1])]
    return tuple(Chapter(start, end, marks[start]) for start, end in zip(starts, ends, strict=True))


# ---- the cover ---------------------------------------------------------------------------

COVER_SIDE = 600
"""Pixels: what phones and car radios show; bigger only makes every file bigger."""


def make_cover(path: Path, source_type: str = "") -> Cover:
    """A picture file as a JPEG cover: cropped to the middle square, at most COVER_SIDE pixels.

    ``source_type``: IPTC's, written as XMP (Iptc4xmpExt:DigitalSourceType).

    Raises
    ------
    ToolError
        Not a picture Pillow can read.
    """
    import io

    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            side = min(COVER_SIDE, *image.size)
            square = ImageOps.fit(image.convert("RGB"), (side, side))
    except (OSError, ValueError, Image.DecompressionBombError) as cause:
        raise ToolError(f"{path}: cannot be used as a cover ({cause}); use a JPEG, PNG or WebP") from cause
    out = io.BytesIO()
    square.save(out, "JPEG", quality=85, **({"xmp": _xmp(source_type)} if source_type else {}))
    return Cover(out.getvalue(), "image/jpeg", side, side)


def _xmp(source_type: str) -> bytes:
    about = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{source_type}"/></rdf:RDF></x:xmpmeta>'
    )
    return about.encode("ascii")
