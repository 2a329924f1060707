"""What players read: titles, licence, tempo, loudness, distinctions as chapters, the cover.

One ``Tags`` record, written in each format's own words (``neuralbum.audio.tags``,
through FFmpeg), and read back into the same record (``read_tags``), so that a
test can say that nothing is lost:

  FLAC, Opus   Vorbis comments; LICENSE, CHAPTER001/CHAPTER001NAME; Opus has
               R128_TRACK_GAIN (RFC 7845, relative to -23 LUFS) instead of ReplayGain
  MP3          ID3v2.4; WCOP + TXXX:LICENSE, TBPM (whole number, as the standard
               wants) + TXXX:BPM, CHAP + CTOC, TXXX:REPLAYGAIN_*
  M4A          iTunes atoms; tmpo, cprt, chapters, freeform for the rest

Whatever was in the file before is removed: a take's own tags are nobody's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..audio import tags as tagging
from ..audio.tags import Chapter, Cover
from ..errors import ToolError
from .names import plain_text

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


def read_tags(path: Path, kind: str) -> tuple[Tags, Cover | None]:
    """Read back what ``write_tags`` wrote."""
    words, chapters, picture = tagging.read(path, kind)
    return _from_words(words, chapters), None if picture is None else cover_of(picture)


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


_KNOWN = {
    "TITLE", "ARTIST", "ALBUM", "ALBUMARTIST", "TRACKNUMBER", "DATE", "GENRE", "BPM", "LICENSE", "LICENSE_SPDX",
    "COPYRIGHT", "CONTACT", "ISRC", "COMMENT", "TBPM", "TMPO",
}  # fmt: skip


def _from_words(words: dict[str, str], chapters: tuple[Chapter, ...]) -> Tags:
    def decibels(name: str) -> float | None:
        return float(words[name].split()[0]) if name in words else None

    loudness = album = peak = None
    if (gain := decibels("REPLAYGAIN_TRACK_GAIN")) is not None:
        loudness = REPLAYGAIN_LUFS - gain
    if (gain := decibels("REPLAYGAIN_ALBUM_GAIN")) is not None:
        album = REPLAYGAIN_LUFS - gain
    if "R128_TRACK_GAIN" in words:
        loudness = R128_LUFS - int(words["R128_TRACK_GAIN"]) / 256
    if "R128_ALBUM_GAIN" in words:
        album = R128_LUFS - int(words["R128_ALBUM_GAIN"]) / 256
    if "REPLAYGAIN_TRACK_PEAK" in words:
        peak = 20 * math.log10(max(1e-9, float(words["REPLAYGAIN_TRACK_PEAK"])))
    extra = tuple(
        (name, value)
        for name, value in words.items()
        if name not in _KNOWN and not name.startswith(("REPLAYGAIN", "R128"))
    )
    return Tags(
        title=words.get("TITLE", ""),
        artist=words.get("ARTIST", ""),
        album=words.get("ALBUM", ""),
        number=int(words.get("TRACKNUMBER", "0").partition("/")[0] or 0),
        date=words.get("DATE", ""),
        genre=words.get("GENRE", ""),
        bpm=float(words["BPM"]) if "BPM" in words else None,
        licence=words.get("LICENSE_SPDX", ""),
        licence_url=words.get("LICENSE", ""),
        copyright=words.get("COPYRIGHT", ""),
        contact=words.get("CONTACT", ""),
        isrc=words.get("ISRC", ""),
        comment=words.get("COMMENT", ""),
        loudness_lufs=loudness,
        true_peak_db=peak,
        album_lufs=album,
        chapters=chapters,
        extra=extra,
    )


# ---- the cover ---------------------------------------------------------------------------

COVER_SIDE = 600
"""Pixels: what phones and car radios show; bigger only makes every file bigger."""


def cover_of(data: bytes) -> Cover:
    """Describe a picture's bytes (its header is read, its kind is not guessed from a name)."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return Cover(data, Image.MIME.get(image.format or "", "application/octet-stream"), *image.size)


def make_cover(path: Path) -> Cover:
    """A picture file as a JPEG cover: cropped to the middle square, at most COVER_SIDE pixels.

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
    square.save(out, "JPEG", quality=85)
    return Cover(out.getvalue(), "image/jpeg", side, side)
