"""Decode what is odd in a sound file, so that nobody above has to know of it.

- A rate or a number of channels that changes on the way (files that were joined,
  chained Ogg) is brought to what the file begins with.
- A damaged spot of a lossy file costs that spot, and ``DecodeLog`` says how much.
- Only formats that hold sound themselves are opened: a play list named
  ``song.flac`` does not open its neighbours.
- Channels are asked for interleaved, and by number where a file orders them its
  own way, as PyAV 18 overruns its list of planes from 8 planes on, and frees the
  map of a channel order twice.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from .headers import FilePart, Outline, mpeg_frame_bytes, outline

Audio = npt.NDArray[np.float32]

MAX_CHANNELS = 64
LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000  #: Hz
FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,ircam,latm,loas,matroska,mlp,mov,"
    "mp3,mpc,mpc8,mpeg,mpegts,nistsphere,nut,ogg,oma,osq,qoa,rka,rm,shn,sox,tak,truehd,tta,voc,w64,wav,wavarc,wv,xwma"
)
"""FFmpeg's readers of files that hold their sound themselves; those that point to other files are left out."""
LOSSLESS = ("flac", "alac", "wavpack", "tta", "ape", "pcm_", "tak", "shorten", "mlp", "truehd", "osq", "wmalossless")
"""Codecs of which a damaged spot is an error: who keeps such files expects every sample."""
SYNC = {"mp3": b"\xff", "aac": b"\xff", "ac3": b"\x0b\x77", "eac3": b"\x0b\x77", "dts": b"\x7f\xfe"}
"""Formats without a container: a frame is found by how it begins, and time is counted from the frames."""
TIMED = ("mov", "matroska", "ogg")
"""Containers with a time stamp of their own for every packet: a hole shows as a jump. Others count it from bytes."""
HOLE_S = 0.05
"""A jump of the time stamps by less than this is rounding."""


@dataclass
class DecodeLog:
    """What decoding met on the way; ``blocks`` fills it in."""

    heard_s: float = 0.0
    n_damaged: int = 0  #: spots with sound behind them that could not be decoded
    lost_s: float = 0.0  #: what they held, as far as can be told
    junk: bool = False  #: bytes behind the sound that are none
    breaks_off: bool = False  #: the last page is shorter than it says
    last_frame_cut: bool = False
    rates: list[int] = field(default_factory=list)  #: Hz, as they come
    channels: list[int] = field(default_factory=list)

    def remarks(self) -> list[str]:
        """What a person should know, a sentence each."""
        told = []
        if self.lost_s >= HOLE_S:
            told.append(f"damaged: about {self.lost_s:.2f} s are missing, the rest was used")
        elif self.n_damaged or self.junk:
            told.append("holds some bytes that are no sound; they were passed over")
        if self.last_frame_cut:
            told.append("ends within a frame: it may have been cut short")
        if len(self.rates) > 1:
            told.append(
                f"the sample rate changes within the file ({_listed(self.rates)} Hz); all is {self.rates[0]} Hz"
            )
        if len(self.channels) > 1:
            told.append(
                f"the number of channels changes within the file ({_listed(self.channels)}); all is {self.channels[0]}"
            )
        return told


def plain_path(path: Path | str) -> str:
    """A path that FFmpeg takes for nothing but a path: a colon in a relative name would name a protocol."""
    return str(Path(path).absolute())


def frames_of(path: Path | str, log: DecodeLog) -> Iterator[Any]:
    """The frames of a file, of all links of a chained one."""
    about = outline_of(path)
    for link in about.links or (None,):
        with opened(path, link) as container:
            stream = container.streams.audio[0]
            _check(path, int(stream.codec_context.sample_rate or 0), n_channels(stream.codec_context))
            yield from _Decoding(path, container, log).frames()
    log.breaks_off = about.cut


class _Decoding:
    """Goes through one stream and judges what cannot be decoded."""

    def __init__(self, path: Path | str, container: Any, log: DecodeLog) -> None:
        self._path, self._container, self._log = path, container, log
        self._stream = container.streams.audio[0]
        self._lossless = self._stream.codec_context.name.startswith(LOSSLESS)
        self._sync = SYNC.get(container.format.name)
        self._timed = container.format.name.startswith(TIMED)
        self._n_bytes = self._largest = 0  # of packets that could be decoded
        self._damaged: list[int] = []  # sizes of the packets since then that could not
        self._ends_in_a_frame = False
        self._last: Any = None  # packet
        self._skipped = 0  # bytes between packets
        self._heard_s = 0.0
        self._due_s: float | None = None  # where the next frame should begin

    def frames(self) -> Iterator[Any]:
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.FFmpegError as cause:
                if not self._whole():
                    raise self._broken() from cause
                self._log.junk = True  # a tag behind the sound
                return
            self._locate(packet)
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                self._damage(packet)
                continue
            if decoded:
                self._sound(packet.size, decoded)
            yield from decoded
        self._end()

    def _locate(self, packet: Any) -> None:
        if not packet.size or packet.pos is None:
            return
        if self._last is not None and self._sync is not None:
            self._skipped += max(0, packet.pos - self._last.pos - self._last.size)
        self._last = packet

    def _sound(self, size: int, decoded: list[Any]) -> None:
        if self._damaged and self._lossless:
            raise self._broken()
        for frame in decoded:
            length_s = frame.samples / frame.sample_rate
            if self._timed and frame.pts is not None and frame.time_base is not None:
                at_s = float(frame.pts * frame.time_base)
                if self._due_s is not None and at_s - self._due_s > HOLE_S:
                    self._log.lost_s += at_s - self._due_s
                    self._log.n_damaged += not self._damaged
                self._due_s = at_s + length_s
            self._heard_s += length_s
            self._log.heard_s += length_s
        if self._sync is not None:
            self._log.lost_s += self._seconds(sum(self._damaged) + self._skipped)
        self._log.n_damaged += bool(self._damaged or self._skipped)
        self._damaged, self._skipped = [], 0
        self._n_bytes += size
        self._largest = max(self._largest, size)

    def _damage(self, packet: Any) -> None:
        self._damaged.append(packet.size)
        starts = self._sync is not None and bytes(packet)[: len(self._sync)] == self._sync
        self._ends_in_a_frame = starts and packet.size <= self._largest

    def _end(self) -> None:
        """Nothing follows: what could not be decoded last is bytes behind the sound, or its broken end."""
        if self._damaged and self._lossless and not self._whole():
            self._log.breaks_off = True  # the header counts the samples: whoever wants to know compares
        elif self._damaged and not self._lossless and (self._sync is None or self._ends_in_a_frame):
            raise self._broken()
        self._log.junk |= bool(self._damaged)
        if self._container.format.name == "mp3" and self._last is not None and not self._damaged:
            self._log.last_frame_cut = self._last.size < mpeg_frame_bytes(bytes(self._last)[:4])

    def _whole(self) -> bool:
        """Is all there that the header states?"""
        stated = self._stream.duration
        return stated is not None and self._heard_s >= float(stated * self._stream.time_base)

    def _broken(self) -> AudioError:
        return AudioError(f"{self._path}: the sound breaks off or is damaged after {self._log.heard_s:.1f} s")

    def _seconds(self, n_bytes: int) -> float:
        return n_bytes * self._heard_s / self._n_bytes if self._n_bytes else 0.0


class OneForm:
    """Brings frames to interleaved float32 (n_samples, channels), at one rate and with one number of channels."""

    def __init__(self, path: Path | str, log: DecodeLog) -> None:
        self._path, self._log = path, log
        self.sample_rate = self._channels = 0
        self._form: tuple[Any, ...] = ()
        self._plain: Any = None  # av.AudioResampler: any sample format -> interleaved float32
        self._rate: Any = None  # soxr.ResampleStream, where the rate is not the first one

    def take(self, frame: Any) -> list[Audio]:
        out = []
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if form != self._form:
            out += self._change(frame, form)
        return [*out, *(self._convert(plain) for plain in self._plain.resample(frame))]

    def rest(self) -> list[Audio]:
        """What the filters still hold."""
        if self._plain is None:
            return []
        out = [self._convert(plain) for plain in self._plain.resample(None)]
        if self._rate is not None:
            out.append(self._resampled(np.zeros((0, self._channels), np.float32), last=True))
        self._plain = self._rate = None
        return [part for part in out if part.size]

    def _change(self, frame: Any, form: tuple[Any, ...]) -> list[Audio]:
        import av
        import soxr

        n_channels = frame.layout.nb_channels
        _check(self._path, frame.sample_rate, n_channels)
        out = self.rest()
        if not self.sample_rate:
            self.sample_rate, self._channels = frame.sample_rate, n_channels
        for seen, value in ((self._log.rates, frame.sample_rate), (self._log.channels, n_channels)):
            if not seen or seen[-1] != value:
                seen.append(value)
        self._form = form
        self._plain = av.AudioResampler(format="flt", layout=frame.layout.name, rate=frame.sample_rate)
        if frame.sample_rate != self.sample_rate:
            self._rate = soxr.ResampleStream(
                frame.sample_rate, self.sample_rate, self._channels, dtype="float32", quality="HQ"
            )
        return out

    def _convert(self, plain: Any) -> Audio:
        sound: Audio = plain.to_ndarray().reshape(-1, plain.layout.nb_channels)
        if sound.shape[1] != self._channels:
            sound = np.repeat(sound.mean(axis=1, keepdims=True, dtype=np.float32), self._channels, axis=1)
        return sound if self._rate is None else self._resampled(sound)

    def _resampled(self, sound: Audio, *, last: bool = False) -> Audio:
        made = self._rate.resample_chunk(sound if self._channels > 1 else sound[:, 0], last=last)
        return np.asarray(made, dtype=np.float32).reshape(-1, self._channels)


def _check(path: Path | str, sample_rate: int, n_channels: int) -> None:
    if n_channels > MAX_CHANNELS:
        raise AudioError(f"{path}: {n_channels} channels; at most {MAX_CHANNELS} can be used")
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise AudioError(f"{path}: a sample rate of {sample_rate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} Hz can be used")


def n_channels(context: Any) -> int:
    return int(context.layout.nb_channels)


def outline_of(path: Path | str) -> Outline:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would never end, nor be there a second time
            raise AudioError(f"{path}: is not a file")
        return outline(path)
    except OSError as cause:
        raise AudioError(f"{path}: cannot be read ({cause.strerror or cause})") from cause


def opened(path: Path | str, link: tuple[int, int] | None = None) -> Any:
    import av

    try:
        file: Any = plain_path(path) if link is None else FilePart(path, *link)
        container = av.open(file, options={"format_whitelist": FORMATS}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as cause:
        raise AudioError(f"{path}: cannot be read as sound ({_why(cause)})") from cause
    if not container.streams.audio:
        container.close()
        raise AudioError(f"{path}: holds no sound")
    context = container.streams.audio[0].codec_context
    if context is None:
        container.close()
        raise AudioError(f"{path}: its codec is not known here; convert it to FLAC")
    # Native orders keep their name; a file's own order becomes a mere number of channels (see the header).
    layout = context.layout
    if layout.nb_channels:
        context.layout = layout.name if "(" not in layout.name else f"{layout.nb_channels} channels"
    return container


def _why(cause: Exception) -> str:
    """A sentence for an exception of FFmpeg."""
    match cause:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "it may not be read; check its permissions"
        case IsADirectoryError():
            return "it is a folder"
        case _:
            return "it is damaged, or is no sound file of a kind that is read"


def _listed(numbers: list[int]) -> str:
    return ", then ".join(map(str, numbers[:3])) + (" …" if len(numbers) > 3 else "")
