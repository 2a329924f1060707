"""Tags, chapters and cover of a sound file, written and read through FFmpeg (PyAV).

A file is muxed again with its new tags: packets are copied, the sound is never
decoded, and what it was tagged with before is gone. Names are those of Vorbis
comments (TITLE, ARTIST, TRACKNUMBER, …) for every format; each muxer turns them
into its own: comments in FLAC and Opus, ID3v2.4 in MP3, iTunes atoms in M4A.

Three things FFmpeg's muxers do not write are put into the finished file here:
the ID3 frames COMM and WCOP (comment, licence's address), and in M4A the
free-form atoms of every name that has no atom of its own. A picture in Ogg is a
comment (METADATA_BLOCK_PICTURE, the picture block of FLAC in base64).
"""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import ToolError

MS = Fraction(1, 1000)
FRONT_COVER = 3
"""The type of picture in FLAC's picture block and ID3's APIC."""


@dataclass(frozen=True)
class Chapter:
    """A named stretch; chapters follow each other without gaps."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True)
class Cover:
    """A picture to embed."""

    data: bytes
    mime: str  #: "image/jpeg" or "image/png": all players know these two
    width: int
    height: int


@dataclass(frozen=True)
class Format:
    """How FFmpeg reads and writes one format."""

    demuxer: str
    muxer: str
    options: Mapping[str, str]


FORMATS = {
    "flac": Format("flac", "flac", {"metadata_header_padding": "0"}),
    "opus": Format("ogg", "ogg", {}),
    "mp3": Format("mp3", "mp3", {"metadata_header_padding": "0"}),
    # FFmpeg's own "ipod" muxer refuses pictures from PyAV; "mp4" with this brand writes the same file.
    "m4a": Format("mov", "mp4", {"brand": "M4A "}),
}
ID3_NAMES = {"ISRC": "TSRC"}
"""Names FFmpeg passes on as ID3 frames when they are called like the frame."""
ATOMS = {"TITLE", "ARTIST", "ALBUM", "ALBUMARTIST", "TRACKNUMBER", "DATE", "GENRE", "COMMENT", "COPYRIGHT", "TMPO"}
"""Names that have an iTunes atom of their own; all others become free-form atoms."""
FFMPEG_NAMES = {"ALBUMARTIST": "album_artist", "TRACKNUMBER": "track"}
"""Names FFmpeg calls otherwise; ``read`` calls them back."""
NOT_TAGS = {"MAJOR_BRAND", "MINOR_VERSION", "COMPATIBLE_BRANDS", "LANGUAGE", "HANDLER_NAME", "VENDOR_ID", "ENCODER"}
"""What FFmpeg lists among the tags of MP4 and Ogg, though nobody tagged it."""


def write(
    path: Path,
    kind: str,
    words: Mapping[str, str],
    *,
    chapters: Sequence[Chapter] = (),
    cover: Cover | None = None,
) -> None:
    """Replace all tags of a sound file.

    Parameters
    ----------
    kind : "flac", "opus", "mp3" or "m4a"
    words : name in capitals -> value; in MP3, TBPM is the whole number the standard wants beside BPM, in M4A TMPO

    Raises
    ------
    ToolError
        Not a file of that kind, or the disk refuses; the file is as it was.
    """
    import av

    part = path.with_name(f"{path.stem}.tagged{path.suffix}")
    try:
        _mux(path, part, kind, words, chapters, cover)
        if kind == "mp3":
            tag = _with_id3_frames(part.read_bytes(), _id3_frames(words))
            part.write_bytes(tag + _without_id3(path.read_bytes()))
        elif kind == "m4a":
            own = {name: value for name, value in words.items() if name not in ATOMS}
            part.write_bytes(_with_freeform_atoms(part.read_bytes(), own))
        os.replace(part, path)
    except (av.FFmpegError, OSError, ValueError) as cause:
        raise ToolError(f"{path}: cannot be tagged as {kind} ({_reason(cause)})") from cause
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, kind: str) -> tuple[dict[str, str], tuple[Chapter, ...], bytes | None]:
    """(words, chapters, the cover's bytes) of a sound file; names in capitals.

    Raises
    ------
    ToolError
        Not a file of that kind.
    """
    import av

    try:
        with av.open(str(path), format=FORMATS[kind].demuxer) as container:
            if not container.streams.audio:
                raise ToolError(f"{path}: cannot be read as {kind} (no sound in it)")
            found = {**container.metadata, **container.streams.audio[0].metadata}
            words = {_our_name(name): value for name, value in found.items()}
            marks: list[Any] = list(container.chapters())  # their time base may be missing in PyAV's types only
            chapters = tuple(
                Chapter(
                    float(mark["start"] * mark["time_base"]),
                    float(mark["end"] * mark["time_base"]),
                    mark["metadata"].get("title", ""),
                )
                for mark in marks
            )
            return {k: v for k, v in words.items() if k not in NOT_TAGS}, chapters, _picture_in(container)
    except (av.FFmpegError, OSError, ValueError) as cause:
        raise ToolError(f"{path}: cannot be read as {kind} ({_reason(cause)})") from cause


def _reason(cause: Exception) -> str:
    return getattr(cause, "strerror", None) or str(cause)


def _our_name(name: str) -> str:
    back = {theirs: ours for ours, theirs in {**FFMPEG_NAMES, **ID3_NAMES}.items()}
    return back.get(name) or back.get(name.lower()) or name.upper()


def _picture_in(container: Any) -> bytes | None:
    from av.stream import Disposition

    pictures = [stream for stream in container.streams.video if stream.disposition & Disposition.attached_pic]
    if not pictures:
        return None
    return next((bytes(packet) for packet in container.demux(pictures[0]) if packet.size), None)


# ---- muxing ---------------------------------------------------------------------


def _mux(
    source: Path, target: Path, kind: str, words: Mapping[str, str], chapters: Sequence[Chapter], cover: Cover | None
) -> None:
    """Copy the sound's packets into a new file with these tags."""
    import av

    fmt = FORMATS[kind]
    options = {"fflags": "+bitexact", **fmt.options}
    with (
        av.open(str(source), format=fmt.demuxer) as old,
        av.open(str(target), "w", format=fmt.muxer, options=options) as new,
    ):
        if not old.streams.audio:
            raise ValueError("no sound in it")
        sound = new.add_stream_from_template(old.streams.audio[0])
        picture = _picture_stream(new, cover) if cover is not None and kind != "opus" else None
        (sound if kind == "opus" else new).metadata.update(_words_for(kind, words, chapters, cover))
        if chapters and kind in ("mp3", "m4a"):
            marks: list[Any] = [_ffmpeg_chapter(i, chapter) for i, chapter in enumerate(chapters, 1)]
            new.set_chapters(marks)
        if cover is not None and picture is not None:
            drawn: Any = av.Packet(cover.data)
            drawn.stream, drawn.is_keyframe = picture, True
            drawn.pts = drawn.dts = 0
            drawn.time_base = MS
            new.mux(drawn)
        for packet in old.demux(old.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = sound
                new.mux(packet)


def _picture_stream(container: Any, cover: Cover) -> Any:
    from av.stream import Disposition

    codec = "png" if cover.mime == "image/png" else "mjpeg"
    stream = container.add_mux_stream(codec, width=cover.width, height=cover.height)
    stream.time_base = MS
    stream.disposition = Disposition.attached_pic
    stream.metadata["comment"] = "Cover (front)"  # FFmpeg's way of saying which type of picture it is
    return stream


def _ffmpeg_chapter(number: int, chapter: Chapter) -> dict[str, Any]:
    start, end = round(chapter.start_s * 1000), round(chapter.end_s * 1000)
    return {"id": number, "start": start, "end": end, "time_base": MS, "metadata": {"title": chapter.title}}


def _words_for(kind: str, words: Mapping[str, str], chapters: Sequence[Chapter], cover: Cover | None) -> dict[str, str]:
    """The names a muxer is given."""
    if kind in ("flac", "opus"):
        named = dict(words)
        for i, chapter in enumerate(chapters, 1):
            named[f"CHAPTER{i:03d}"] = timestamp(chapter.start_s)
            named[f"CHAPTER{i:03d}NAME"] = chapter.title
        if kind == "opus" and cover is not None:
            named["METADATA_BLOCK_PICTURE"] = base64.b64encode(_picture_block(cover)).decode("ascii")
        return named
    if kind == "mp3":
        theirs = {"ALBUMARTIST": "album_artist", "TRACKNUMBER": "track", **ID3_NAMES}
        known = {"TITLE", "ARTIST", "ALBUM", "DATE", "GENRE", "COPYRIGHT"}
        return {
            theirs.get(name, name.lower() if name in known else name): value
            for name, value in words.items()
            if name != "COMMENT"
        }
    return {FFMPEG_NAMES.get(name, name.lower()): value for name, value in words.items() if name in ATOMS}


def timestamp(seconds: float) -> str:
    """``72.5`` -> ``"00:01:12.500"``, as Vorbis chapter comments want it."""
    ms = round(max(0.0, seconds) * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _picture_block(cover: Cover) -> bytes:
    """A picture as FLAC's METADATA_BLOCK_PICTURE (RFC 9639, section 8.8)."""
    mime = cover.mime.encode()
    sizes = struct.pack(">5I", cover.width, cover.height, 24, 0, len(cover.data))
    return struct.pack(">2I", FRONT_COVER, len(mime)) + mime + struct.pack(">I", 0) + sizes + cover.data


# ---- ID3: what FFmpeg does not write ------------------------------------------------


def _id3_frames(words: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    frames = []
    if "COMMENT" in words:
        frames.append((b"COMM", b"\x03eng\x00" + words["COMMENT"].encode()))  # UTF-8, English, no description
    if "LICENSE" in words:
        frames.append((b"WCOP", words["LICENSE"].encode("ascii", "ignore")))
    return frames


def _with_id3_frames(data: bytes, frames: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The ID3v2.4 tag at the start of a file, with more frames (id3v2.4.0-structure, sections 3.1 and 4)."""
    end = _id3_end(data)
    if not end:
        raise ValueError("no ID3 tag was written")
    more = b"".join(name + _synchsafe(len(body)) + b"\0\0" + body for name, body in frames)
    return data[:6] + _synchsafe(end - 10 + len(more)) + more + data[10:end]


def _without_id3(data: bytes) -> bytes:
    """A file behind its ID3v2 tags.

    The sound itself stays as the encoder wrote it: FFmpeg would write the first
    frame anew, with the ReplayGain it found among the old tags.
    """
    while end := _id3_end(data):
        data = data[end:]
    return data


def _id3_end(data: bytes) -> int:
    """Where the ID3v2 tag at the start of a file ends; 0 where there is none."""
    if len(data) < 10 or data[:3] != b"ID3":
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


def _synchsafe(number: int) -> bytes:
    """28 bits in four bytes whose highest bits are zero."""
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


# ---- MP4: what FFmpeg does not write ---------------------------------------------------


def _with_freeform_atoms(data: bytes, words: Mapping[str, str]) -> bytes:
    """Append free-form atoms to the tags of an MP4 file whose ``moov`` is its last box."""
    if not words:
        return data
    atoms = b"".join(_freeform(name, value) for name, value in words.items())
    start, end = 0, len(data)
    sizes_at = []
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        start, end = _find_box(data, name, start, end)
        sizes_at.append(start)
        start += 12 if name == b"meta" else 8  # meta has four bytes of version and flags before its children
    if _find_box(data, b"moov", 0, len(data))[1] != len(data):  # else offsets into the sound would be wrong
        raise ValueError("moov is not the last box")
    grown = bytearray(data)
    for at in sizes_at:
        (size,) = struct.unpack_from(">I", grown, at)
        struct.pack_into(">I", grown, at, size + len(atoms))
    grown[end:end] = atoms
    return bytes(grown)


def _find_box(data: bytes, name: bytes, start: int, end: int) -> tuple[int, int]:
    """(start, end) of the first box of that name between two offsets."""
    at = start
    while at + 8 <= end:
        (size,) = struct.unpack_from(">I", data, at)
        if size == 1:  # a 64-bit size follows
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size < 8 or at + size > end:
            break
        if data[at + 4 : at + 8] == name:
            return at, at + size
        at += size
    raise ValueError(f"no {name.decode()} box was written")


def _freeform(name: str, value: str) -> bytes:
    mean = _box(b"mean", b"\0\0\0\0com.apple.iTunes")
    utf8 = struct.pack(">2I", 1, 0)  # type 1: UTF-8; locale 0
    return _box(b"----", mean + _box(b"name", b"\0\0\0\0" + name.encode()) + _box(b"data", utf8 + value.encode()))


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content
