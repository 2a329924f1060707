"""Pictures and sound into files: MP4 (H.264, AAC) and WebM (AV1 or VP9, Opus), through PyAV.

Pictures are painted straight into the encoder's frames (YUV 4:2:0), nothing is
converted on the way. Sound is fed along with the pictures, so that a file of any
length needs the same memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio import plain_path
from ..errors import ToolError
from .draw import Look, Shot
from .h264 import stream_of
from .scroll import Parts, Scroller, frame_of, parts_of, planes_of

Float = npt.NDArray[np.float32]

CODECS = {"h264": "libx264", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
SUFFIX = {"h264": ".mp4", "av1": ".webm", "vp9": ".webm"}
AAC_BITS_PER_S = 192_000
OPUS_BITS_PER_S = 128_000
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
OPUS_RATES = (48000, 24000, 16000, 12000, 8000)
STEADY = "bframes=0:rc-lookahead=0:mbtree=0:scenecut=0:weightp=0:aq-mode=0:me=dia:subme=0:no-psy=1:force-cfr=1"
"""What x264 need not look for: a waterfall moves by whole pixels and a plaid not at all, without cuts or
fades; and nothing waits for the picture after it."""

FINER = 4
"""x264 with a constant quantiser needs no analysis of the whole picture (a quarter of its time); one so much lower
than ``crf`` gives the same PSNR or a little more."""

JUMP_IN_S = 10
"""A player may begin at every picture of so many seconds."""

GLOBAL_HEADER = 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER
BT709, LIMITED_RANGE = 1, 1  # numbers of ITU-T H.273 and of FFmpeg's AVColorRange


class Film:
    """A video file being written.

    >>> with Film(path, look, encoder="h264", preset="superfast", quality=23, sample_rate=44100, channels=2) as film:
    ...     for shot in shots(reel, look): film.show(shot); film.hear(block)
    """

    def __init__(
        self,
        path: Path,
        look: Look,
        *,
        encoder: str = "h264",
        preset: str = "superfast",
        quality: int = 23,
        sample_rate: int = 0,
        channels: int = 0,
    ) -> None:
        import av

        self._av = av
        self._path = path
        self._look = look
        self._n_shown = 0
        self._n_heard = 0
        self._sound: Any = None
        self._resampler: Any = None
        rate = round(look.fps)
        settings = _options(encoder, preset, quality)
        parts = parts_of(look) if encoder == "h264" else None
        if parts is not None:  # all slices of a picture are coded alike, and ``scroll`` writes CAVLC
            settings["x264-params"] += ":cabac=0"
        try:
            movflags = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
            self._container = av.open(plain_path(path), "w", options=movflags)
            video: Any = self._container.add_stream(CODECS[encoder], rate=rate, options=settings)
            self._video = video
            _describe(video.codec_context, look.width, look.height, rate)
            self._scroller = None if parts is None else self._open_scroller(parts, settings)
            if sample_rate:
                self._open_sound(encoder, sample_rate, channels)
        except (av.FFmpegError, OSError, ValueError) as cause:
            raise ToolError(f"{path}: cannot be written as {encoder} video: {cause}") from cause

    def _open_sound(self, encoder: str, sample_rate: int, channels: int) -> None:
        name, bits = ("aac", AAC_BITS_PER_S) if encoder == "h264" else ("libopus", OPUS_BITS_PER_S)
        rates: tuple[int, ...] = AAC_RATES if encoder == "h264" else OPUS_RATES
        layout = "mono" if channels == 1 else "stereo"
        target = sample_rate if sample_rate in rates else min(r for r in rates if r >= min(sample_rate, max(rates)))
        # [bit/s] a channel at 44.1 kHz sounds good with half the stereo rate; slower rates need less
        per_channel = bits / 2 * min(1.0, target / 44100)
        self._sound = self._container.add_stream(name, rate=target, layout=layout)
        self._sound.bit_rate = int(max(32_000, per_channel)) * (1 if channels == 1 else 2)
        if name == "aac":  # half the time of the default search; no difference was heard or measured at these rates
            self._sound.codec_context.options = {"aac_coder": "fast"}
        frame_size = 1024 if name == "aac" else target // 50
        form = "fltp" if name == "aac" else "flt"
        self._resampler = self._av.AudioResampler(format=form, layout=layout, rate=target, frame_size=frame_size)
        self._source = (sample_rate, channels)

    def _open_scroller(self, parts: Parts, settings: dict[str, str]) -> Scroller:
        whole: Any = self._video.codec_context  # encodes nothing; knows how the large picture is to be announced
        whole.options = settings
        whole.flags |= GLOBAL_HEADER
        whole.open()
        stream = stream_of(whole.extradata)

        def open_encoder(width: int, height: int, slice_mbs: int) -> Any:
            context: Any = self._av.CodecContext.create("libx264", "w")
            slices = f":slice-max-mbs={slice_mbs}" if slice_mbs else ""
            rate = round(self._look.fps)
            _describe(context, width, height, rate)
            context.framerate, context.time_base = rate, Fraction(1, rate)
            context.options = {**settings, "forced-idr": "1", "x264-params": settings["x264-params"] + slices}
            return context

        return Scroller(self._look, parts, stream, open_encoder)

    def show(self, shot: Shot) -> None:
        """Append one picture."""
        pts, self._n_shown = self._n_shown, self._n_shown + 1
        if self._scroller is None:
            frame = frame_of(self._look.width, self._look.height)
            shot.paint(planes_of(frame))
            frame.pts = pts
            with ordinary_class() if pts == 0 else nullcontext():  # the encoder opens with its first picture
                self._write(self._video, frame)
            return
        jump_in = pts % (JUMP_IN_S * round(self._look.fps)) == 0
        try:
            packet = self._av.Packet(self._scroller.encode(shot, pts, jump_in))
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = self._video, pts, pts, jump_in
            packet.time_base = Fraction(1, round(self._look.fps))
            self._container.mux(packet)
        except (self._av.FFmpegError, OSError) as cause:
            raise ToolError(f"{self._path}: writing failed: {cause}; is the disk full?") from cause

    def hear(self, audio: Float) -> None:
        """Append sound: float32 (channels, n_samples) at the rate and with the channels announced."""
        rate, channels = self._source
        if channels > 2:  # the front pair carries it; a mix would be louder than what was measured
            audio = audio[:2]
        layout = "mono" if channels == 1 else "stereo"
        frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(audio), format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = self._n_heard
        frame.time_base = Fraction(1, rate)
        self._n_heard += audio.shape[1]
        for part in self._resampler.resample(frame):
            self._write(self._sound, part)

    @property
    def shown_s(self) -> float:
        return self._n_shown / self._look.fps

    def _write(self, stream: Any, frame: Any) -> None:
        try:
            for packet in stream.encode(frame):
                self._container.mux(packet)
        except (self._av.FFmpegError, OSError) as cause:
            raise ToolError(f"{self._path}: writing failed: {cause}; is the disk full?") from cause

    def close(self) -> None:
        """Let the encoders finish, write the file's index."""
        if self._sound is not None:
            for part in self._resampler.resample(None):
                self._write(self._sound, part)
            self._write(self._sound, None)
        if self._scroller is None:
            self._write(self._video, None)
        self._container.close()

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._container.close()


def _describe(context: Any, width: int, height: int, rate: int) -> None:
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.color_range = LIMITED_RANGE
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.gop_size = JUMP_IN_S * rate


def _options(encoder: str, preset: str, quality: int) -> dict[str, str]:
    if encoder == "h264":
        return {"preset": preset, "qp": str(min(51, max(1, quality - FINER))), "threads": "1", "x264-params": STEADY}
    if encoder == "av1":
        return {"preset": "10", "crf": str(min(63, quality + 14)), "svtav1-params": "lp=1"}
    return {"deadline": "realtime", "cpu-used": "7", "crf": str(min(63, quality + 11)), "b": "0", "row-mt": "1"}


@contextmanager
def ordinary_class() -> Iterator[None]:
    """Give the threads of this process the scheduling class back that its main thread had before.

    libsvtav1 puts whoever opens it, and its own threads, into SCHED_FIFO with
    the highest priority where it may (as root, in many containers); processes
    started later inherit that, and nothing else gets a turn.
    """
    if not hasattr(os, "sched_getscheduler"):  # only Linux has classes
        yield
        return
    before, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(ProcessLookupError):  # ended meanwhile
                if os.sched_getscheduler(thread) != before:
                    os.sched_setscheduler(thread, before, priority)


def with_sound(film: Film, shown: Iterator[Shot], sound: Iterator[Float], sample_rate: int) -> int:
    """Show all pictures and play all sound, side by side; returns how many pictures there were.

    Each block of sound goes in when the pictures have come so far, so that
    neither waits long for the other in memory.
    """
    heard_s = 0.0
    count = 0
    for shot in shown:
        film.show(shot)
        count += 1
        while heard_s <= film.shown_s:
            block = next(sound, None)
            if block is None:
                heard_s = float("inf")
                break
            film.hear(block)
            heard_s += block.shape[1] / sample_rate
    for block in sound:
        film.hear(block)
    return count
