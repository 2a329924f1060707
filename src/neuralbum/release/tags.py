"""What players read: titles, licence, tempo, loudness, distinctions as chapters, the cover.

One ``Tags`` record, written in each format's own words through mutagen, and
read back into the same record (``read_tags``), so that a test can say that
nothing is lost:

  FLAC, Opus   Vorbis comments; LICENSE, CHAPTER001/CHAPTER001NAME; Opus has
               R128_TRACK_GAIN (RFC 7845, relative to -23 LUFS) instead of ReplayGain
  MP3          ID3v2.4; WCOP + TXXX:LICENSE, TBPM (whole number, as the standard
               wants) + TXXX:BPM, CHAP + CTOC, TXXX:REPLAYGAIN_*
  M4A          iTunes atoms; tmpo, cprt, freeform for the rest; no chapters

Whatever was in the file before is removed: a take's own tags are nobody's business.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ToolError
from .chapters import Chapter, parse_timestamp, timestamp
from .names import plain_text

REPLAYGAIN_LUFS = -18.0
"""ReplayGain 2.0's reference loudness."""
R128_LUFS = -23.0
"""EBU R 128's, which Opus uses (RFC 7845, section 5.2.1)."""
FREEFORM = "----:com.apple.iTunes:"


@dataclass(frozen=True)
class Cover:
    """A picture to embed."""

    data: bytes
    mime: str  #: "image/jpeg" or "image/png": all players know these two
    width: int
    height: int


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
    import mutagen

    try:
        _WRITERS[kind](path, tags, cover)
    except mutagen.MutagenError as cause:
        raise ToolError(f"{path}: cannot be tagged as {kind} ({cause})") from cause


def read_tags(path: Path, kind: str) -> tuple[Tags, Cover | None]:
    """Read back what ``write_tags`` wrote."""
    import mutagen

    try:
        return _READERS[kind](path)
    except mutagen.MutagenError as cause:
        raise ToolError(f"{path}: cannot be read as {kind} ({cause})") from cause


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
    "COPYRIGHT", "CONTACT", "ISRC", "COMMENT", "METADATA_BLOCK_PICTURE", "ENCODER",
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
        import math

        peak = 20 * math.log10(max(1e-9, float(words["REPLAYGAIN_TRACK_PEAK"])))
    extra = tuple(
        (name, value)
        for name, value in words.items()
        if name not in _KNOWN and not name.startswith(("CHAPTER", "REPLAYGAIN", "R128"))
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


# ---- Vorbis comments: FLAC and Opus -------------------------------------------


def _picture(cover: Cover) -> Any:
    from mutagen.flac import Picture

    picture = Picture()
    picture.type, picture.mime, picture.data = 3, cover.mime, cover.data  # 3: front cover
    picture.width, picture.height, picture.depth = cover.width, cover.height, 24
    return picture


def _fill_vorbis(comments: Any, words: dict[str, str], tags: Tags) -> None:
    for name, value in words.items():
        comments[name] = value
    for i, chapter in enumerate(tags.chapters, 1):
        comments[f"CHAPTER{i:03d}"] = timestamp(chapter.start_s)
        comments[f"CHAPTER{i:03d}NAME"] = plain_text(chapter.title)


def _write_flac(path: Path, tags: Tags, cover: Cover | None) -> None:
    from mutagen.flac import FLAC

    file: Any = FLAC(path)
    file.clear_pictures()
    if file.tags is None:
        file.add_tags()
    file.tags.clear()
    _fill_vorbis(file.tags, {**_words(tags), **_replaygain(tags), **_extras(tags)}, tags)
    if cover is not None:
        file.add_picture(_picture(cover))
    file.save(deleteid3=True)


def _write_opus(path: Path, tags: Tags, cover: Cover | None) -> None:
    from mutagen.oggopus import OggOpus

    file: Any = OggOpus(path)
    file.tags.clear()
    _fill_vorbis(file.tags, {**_words(tags), **_r128(tags), **_extras(tags)}, tags)
    if cover is not None:
        file.tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(_picture(cover).write()).decode("ascii")
    file.save()


def _read_vorbis(comments: Any, duration_s: float) -> Tags:
    words = {name.upper(): values[0] for name, values in dict(comments).items()}
    starts = []
    for i in range(1, 1000):
        if f"CHAPTER{i:03d}" not in words:
            break
        starts.append((parse_timestamp(words[f"CHAPTER{i:03d}"]), words.get(f"CHAPTER{i:03d}NAME", "")))
    ends = [*(start for start, _ in starts[1:]), duration_s]
    chapters = tuple(Chapter(start, end, name) for (start, name), end in zip(starts, ends, strict=False))
    return _from_words(words, chapters)


def _from_picture(picture: Any) -> Cover:
    return Cover(picture.data, picture.mime, picture.width, picture.height)


def _read_flac(path: Path) -> tuple[Tags, Cover | None]:
    from mutagen.flac import FLAC

    file: Any = FLAC(path)
    cover = _from_picture(file.pictures[0]) if file.pictures else None
    return _read_vorbis(file.tags or {}, file.info.length), cover


def _read_opus(path: Path) -> tuple[Tags, Cover | None]:
    from mutagen.flac import Picture
    from mutagen.oggopus import OggOpus

    file: Any = OggOpus(path)
    held = file.tags.get("METADATA_BLOCK_PICTURE")
    cover = _from_picture(Picture(base64.b64decode(held[0]))) if held else None
    return _read_vorbis(file.tags, file.info.length), cover


# ---- ID3: MP3 --------------------------------------------------------------------

_FRAMES = {
    "TITLE": "TIT2",
    "ARTIST": "TPE1",
    "ALBUM": "TALB",
    "ALBUMARTIST": "TPE2",
    "TRACKNUMBER": "TRCK",
    "DATE": "TDRC",
    "GENRE": "TCON",
    "COPYRIGHT": "TCOP",
    "ISRC": "TSRC",
}


def _write_mp3(path: Path, tags: Tags, cover: Cover | None) -> None:
    from mutagen import id3
    from mutagen.mp3 import MP3

    file: Any = MP3(path)
    file.tags = id3.ID3()
    words = _words(tags)
    for name, frame in _FRAMES.items():
        if name in words:
            file.tags.add(getattr(id3, frame)(encoding=3, text=words[name]))
    if tags.bpm is not None:
        file.tags.add(id3.TBPM(encoding=3, text=str(round(tags.bpm))))
    if tags.licence_url:
        file.tags.add(id3.WCOP(url=tags.licence_url))
    if "COMMENT" in words:
        file.tags.add(id3.COMM(encoding=3, lang="eng", desc="", text=words["COMMENT"]))
    free: dict[str, str] = {
        name: words[name] for name in ("BPM", "LICENSE", "LICENSE_SPDX", "CONTACT") if name in words
    }
    for name, value in {**free, **_replaygain(tags), **_extras(tags)}.items():
        file.tags.add(id3.TXXX(encoding=3, desc=name, text=value))
    if tags.chapters:
        names = [f"chp{i}" for i in range(1, len(tags.chapters) + 1)]
        flags = id3.CTOCFlags.TOP_LEVEL | id3.CTOCFlags.ORDERED
        file.tags.add(id3.CTOC(element_id="toc", flags=flags, child_element_ids=names, sub_frames=[]))
        for name, chapter in zip(names, tags.chapters, strict=True):
            title = id3.TIT2(encoding=3, text=plain_text(chapter.title))
            file.tags.add(
                id3.CHAP(
                    element_id=name,
                    start_time=round(chapter.start_s * 1000),
                    end_time=round(chapter.end_s * 1000),
                    start_offset=0xFFFFFFFF,
                    end_offset=0xFFFFFFFF,
                    sub_frames=[title],
                )
            )
    if cover is not None:
        file.tags.add(id3.APIC(encoding=3, mime=cover.mime, type=3, desc="cover", data=cover.data))
    file.save(v2_version=4, v1=0)


def _read_mp3(path: Path) -> tuple[Tags, Cover | None]:
    from mutagen.mp3 import MP3

    frames: Any = MP3(path).tags or {}
    words = {frame.desc: str(frame.text[0]) for frame in frames.values() if frame.FrameID == "TXXX"}
    words |= {name: str(frames[frame].text[0]) for name, frame in _FRAMES.items() if frame in frames}
    for frame in frames.values():
        if frame.FrameID == "COMM":
            words["COMMENT"] = str(frame.text[0])
        elif frame.FrameID == "WCOP":
            words["LICENSE"] = frame.url
    order = frames["CTOC:toc"].child_element_ids if "CTOC:toc" in frames else []
    chapters = []
    for name in order:
        frame = frames[f"CHAP:{name}"]
        title = str(frame.sub_frames["TIT2"].text[0])
        chapters.append(Chapter(frame.start_time / 1000, frame.end_time / 1000, title))
    picture = next((frame for frame in frames.values() if frame.FrameID == "APIC"), None)
    cover = None if picture is None else cover_of(picture.data)
    return _from_words(words, tuple(chapters)), cover


# ---- iTunes atoms: M4A ---------------------------------------------------------------

_ATOMS = {
    "TITLE": "\xa9nam",
    "ARTIST": "\xa9ART",
    "ALBUM": "\xa9alb",
    "ALBUMARTIST": "aART",
    "DATE": "\xa9day",
    "GENRE": "\xa9gen",
    "COMMENT": "\xa9cmt",
    "COPYRIGHT": "cprt",
}


def _write_m4a(path: Path, tags: Tags, cover: Cover | None) -> None:
    from mutagen.mp4 import MP4, MP4Cover

    file: Any = MP4(path)
    if file.tags is None:
        file.add_tags()
    file.tags.clear()
    words = _words(tags)
    for name, atom in _ATOMS.items():
        if name in words:
            file.tags[atom] = [words[name]]
    file.tags["trkn"] = [(tags.number, 0)]
    if tags.bpm is not None:
        file.tags["tmpo"] = [round(tags.bpm)]
    free: dict[str, str] = {
        name: words[name] for name in ("BPM", "LICENSE", "LICENSE_SPDX", "CONTACT", "ISRC") if name in words
    }
    for name, value in {**free, **_replaygain(tags), **_extras(tags)}.items():
        file.tags[FREEFORM + name] = [value.encode()]
    if cover is not None:
        kind = MP4Cover.FORMAT_PNG if cover.mime == "image/png" else MP4Cover.FORMAT_JPEG
        file.tags["covr"] = [MP4Cover(cover.data, kind)]
    file.save()


def _read_m4a(path: Path) -> tuple[Tags, Cover | None]:
    from mutagen.mp4 import MP4

    atoms: Any = MP4(path).tags or {}
    words = {name: str(atoms[atom][0]) for name, atom in _ATOMS.items() if atom in atoms}
    words |= {k.removeprefix(FREEFORM): bytes(v[0]).decode() for k, v in atoms.items() if k.startswith(FREEFORM)}
    if "trkn" in atoms:
        words["TRACKNUMBER"] = str(atoms["trkn"][0][0])
    cover = cover_of(bytes(atoms["covr"][0])) if "covr" in atoms else None
    return _from_words(words, ()), cover


_WRITERS = {"flac": _write_flac, "opus": _write_opus, "mp3": _write_mp3, "m4a": _write_m4a}
_READERS = {"flac": _read_flac, "opus": _read_opus, "mp3": _read_mp3, "m4a": _read_m4a}


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
