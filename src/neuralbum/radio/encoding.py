"""The processes that encode: AAC segments for HLS, and pushes to RTMP and Icecast. They read PCM from a socket.

What is read: float32, two channels interleaved, 1024 samples a frame, until the end of the stream. What is answered:
one JSON object a line. Secrets come from the environment and never leave this file.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from ..audio.encode import AudioStream
from ..errors import ParameterError, in_one_line
from .mixer import Audio
from .params import RATE
from .playlist import Playlist

FRAME = 1024  #: samples, of AAC-LC
FRAME_BYTES = FRAME * 2 * 4
FRAME_S = FRAME / RATE
PREROLL = 3
"""Frames of known sound that a new encoder is given first, and whose output is dropped: its first frame is the
encoder's own delay, and a decoder needs each frame's predecessor."""
DELAY = 1  #: frames by which FFmpeg's encoder is late
SHORTEST = 10  #: frames; what is left at the end and is shorter is no segment
RTMP_KEY, ICECAST_PASSWORD = "NEURALBUM_RTMP_KEY", "NEURALBUM_ICECAST_PASSWORD"
MOUNTS = {
    ".mp3": ("mp3", "mp3", "audio/mpeg"),
    ".aac": ("m4a", "adts", "audio/aac"),
    ".ogg": ("opus", "ogg", "audio/ogg"),
}
"""Ending of an Icecast mount -> kind of sound, container, MIME type."""


class _Packets:
    """A file to which the ADTS muxer writes one frame at a time."""

    name = "stream.aac"

    def __init__(self) -> None:
        self.waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.waiting.append(bytes(data))
        return len(data)


def segments(link: socket.socket, folder: str, kbps: int, segment_s: float, began_at: float, preroll: int) -> None:
    """Encode to ``folder`` until the link ends; frame 0 after ``preroll`` frames sounds at ``began_at``.

    Answers {"frames": n} after each segment: so many frames are safe on disk.
    """
    import av

    _leave_stopping_to_the_parent()
    playlist = Playlist(Path(folder), segment_s)
    held: list[bytes] = []
    packets, done, drop = _Packets(), 0, preroll + DELAY
    per_segment = max(1, round(segment_s / FRAME_S))
    container = av.open(packets, "w", format="adts", options={"flush_packets": "1"})
    stream = AudioStream(container, "m4a", sample_rate=RATE, channels=2, kbps=kbps)
    reading = _frames(link)
    say(link, {"ready": True})
    while True:
        frame = next(reading, None)
        if frame is not None:
            stream.write(frame)
        else:
            stream.close()
        for packet in packets.waiting:
            if drop:
                drop -= 1
            else:
                held.append(packet)
        packets.waiting.clear()
        if len(held) >= per_segment or (frame is None and len(held) >= SHORTEST):
            try:
                playlist.add(b"".join(held), len(held) * FRAME_S, began_at + done * FRAME_S)
            except OSError as why:
                say(link, {"error": in_one_line(why)})
                return
            done += len(held)
            held.clear()
            say(link, {"frames": done})
        if frame is None:
            return


def push(link: socket.socket, url: str, kbps: int, title: str) -> None:
    """Send the sound to an RTMP or Icecast server until the link or the connection ends."""
    import av

    _leave_stopping_to_the_parent()
    address, secret = with_secret(url)
    try:
        if url.startswith("rtmp"):
            kind, form, options = "m4a", "flv", {"flvflags": "no_duration_filesize"}
        else:
            kind, form, mime = MOUNTS[Path(urlsplit(url).path).suffix]
            options = {"content_type": mime, "ice_name": title}
        container = av.open(address, "w", format=form, options=options, timeout=10)
        stream = AudioStream(container, kind, sample_rate=RATE, channels=2, kbps=kbps)
        say(link, {"ready": True})
        for frame in _frames(link):
            stream.write(frame)
        stream.close()
        container.close()
    except Exception as why:
        cause = why.__cause__ or why  # FFmpeg's own words hold the whole address
        text = getattr(cause, "strerror", None) or in_one_line(cause)
        say(link, {"error": str(text).replace(secret, "***") if secret else str(text)})


def with_secret(url: str) -> tuple[str, str]:
    """The address that FFmpeg is given, and what of it must never be seen.

    Raises
    ------
    ParameterError
        No address of RTMP or Icecast, a secret in it, or none in the environment.
    """
    parts = urlsplit(url)
    if parts.password:
        raise ParameterError("a password does not belong into an address; put it into the environment")
    if parts.scheme in ("rtmp", "rtmps") and parts.hostname:
        key = os.environ.get(RTMP_KEY, "")
        if not key:
            raise ParameterError(f"--rtmp needs the stream key in the environment: {RTMP_KEY}")
        return f"{url.rstrip('/')}/{key}", key
    if parts.scheme == "icecast" and parts.hostname and Path(parts.path).suffix in MOUNTS:
        word = os.environ.get(ICECAST_PASSWORD, "")
        if not word:
            raise ParameterError(f"--icecast needs the source's password in the environment: {ICECAST_PASSWORD}")
        host = parts.netloc.rpartition("@")[2]
        user = parts.username or "source"
        return urlunsplit(parts._replace(netloc=f"{user}:{word}@{host}")), word
    raise ParameterError(
        f"{parts.scheme or 'no scheme'}: write rtmp://HOST/APP, or icecast://HOST:PORT/MOUNT with one of "
        f"{', '.join(MOUNTS)} at its end"
    )


def _frames(link: socket.socket) -> Iterator[Audio]:
    """Whole frames, float32 (2, FRAME), until the other end is closed."""
    with link.makefile("rb", buffering=8 * FRAME_BYTES) as file:
        while len(data := file.read(FRAME_BYTES)) == FRAME_BYTES:
            yield np.frombuffer(data, dtype=np.float32).reshape(FRAME, 2).T


def say(link: socket.socket, words: dict[str, Any]) -> None:
    try:
        link.sendall(json.dumps(words).encode() + b"\n")
    except OSError:  # nobody is there any more
        raise SystemExit(0) from None


def _leave_stopping_to_the_parent() -> None:
    """Ctrl-C and a service manager's SIGTERM reach the whole group; the link's end is what stops this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
