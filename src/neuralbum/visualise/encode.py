"""Pictures and sound into files: MP4 (H.264, AAC) and WebM (AV1 or VP9, Opus), through PyAV.

Pictures are painted straight into the encoder's frames (YUV 4:2:0), nothing is
converted on the way. Sound is fed along with the pictures, so that a file of any
length needs the same memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio import plain_path
from ..audio.encode import AudioStream
from ..errors import ToolError
from .draw import Look, Picture

Float = npt.NDArray[np.float32]

STEADY = "bframes=0:rc-lookahead=0:mbtree=0:scenecut=0:weightp=0:aq-mode=0:me=dia:subme=0:no-psy=1:force-cfr=1"
"""What x264 need not look for: a waterfall moves by whole pixels and a plaid not at all, without cuts or
fades; and nothing waits for the picture after it. Without this it takes 1.7 times the time for the same PSNR."""

FINER = 4
"""x264 with a constant quantiser needs no analysis of the whole picture (a quarter of its time); one so much lower
than ``crf`` gives the same PSNR or a little more."""


@dataclass(frozen=True)
class Format:
    """One kind of video: FFmpeg's encoder and its options, and the sound that goes with it."""

    encoder: str
    suffix: str
    sound: str  #: a kind of ``audio.encode``
    sound_kbps: int
    options: Callable[[str, int], dict[str, str]]  #: of preset and quality


def _x264(preset: str, quality: int) -> dict[str, str]:
    return {"preset": preset, "qp": str(min(51, max(1, quality - FINER))), "threads": "1", "x264-params": STEADY}


def _svt_av1(preset: str, quality: int) -> dict[str, str]:
    return {"preset": "10", "crf": str(min(63, quality + 14)), "svtav1-params": "lp=1"}


def _vpx_vp9(preset: str, quality: int) -> dict[str, str]:
    return {"deadline": "realtime", "cpu-used": "7", "crf": str(min(63, quality + 11)), "b": "0", "row-mt": "1"}


FORMATS = {
    "h264": Format("libx264", ".mp4", "m4a", 192, _x264),
    "av1": Format("libsvtav1", ".webm", "opus", 128, _svt_av1),
    "vp9": Format("libvpx-vp9", ".webm", "opus", 128, _vpx_vp9),
}
"""By ``[visualise] encoder``."""

KEYFRAME_EVERY_S = 10

BT709, LIMITED_RANGE = 1, 1  # numbers of ITU-T H.273 and of FFmpeg's AVColorRange


class VideoWriter:
    """A video file being written.

    >>> with VideoWriter(path, look, sample_rate=44100, channels=2) as video:
    ...     for picture in pictures(frames, look, new=frame_picture): video.write_picture(picture)
    ...     video.write_audio(block)
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
        self._fps = look.fps
        self._n_pictures = 0
        form = FORMATS[encoder]
        require(encoder)
        os.environ.setdefault("SVT_LOG", "1")  # libsvtav1 writes its settings to stderr otherwise; 1: errors only
        try:
            movflags = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
            self._container = av.open(plain_path(path), "w", options=movflags)
            self._video: Any = self._container.add_stream(
                form.encoder, rate=round(look.fps), options=form.options(preset, quality)
            )
        except (av.FFmpegError, OSError, ValueError) as cause:
            raise ToolError(f"{path}: cannot be written as {encoder} video: {cause}") from cause
        context: Any = self._video.codec_context
        context.width, context.height, context.pix_fmt = look.width, look.height, "yuv420p"
        context.color_range = LIMITED_RANGE
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.gop_size = KEYFRAME_EVERY_S * round(look.fps)
        self._sound: AudioStream | None = None
        if sample_rate:
            self._sound = AudioStream(
                self._container, form.sound, sample_rate=sample_rate, channels=channels, kbps=form.sound_kbps
            )

    def write_picture(self, picture: Picture) -> None:
        """Append a picture that ``frame_picture`` made."""
        picture.frame.pts = self._n_pictures
        with ordinary_class() if self._n_pictures == 0 else nullcontext():  # the encoder opens with its first picture
            self._encode(picture.frame)
        self._n_pictures += 1

    def write_audio(self, audio: Float) -> None:
        """Append sound: float32 (channels, n_samples) at the rate and with the channels announced."""
        assert self._sound is not None
        self._sound.write(audio)

    @property
    def duration_s(self) -> float:
        """How long the pictures are that were written so far."""
        return self._n_pictures / self._fps

    def _encode(self, frame: Any) -> None:
        try:
            self._container.mux(self._video.encode(frame))
        except (self._av.FFmpegError, OSError) as cause:
            raise ToolError(f"{self._path}: writing failed: {cause}; is the disk full?") from cause

    def close(self) -> None:
        """Let the encoders finish, write the file's index."""
        if self._sound is not None:
            self._sound.close()
        self._encode(None)
        self._container.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._container.close()


def require(encoder: str) -> None:
    """Say so if FFmpeg, as it was built for this PyAV, cannot make that kind of video.

    Raises
    ------
    ToolError
        Names an encoder that is there.
    """
    if not _is_there(encoder):
        others = [name for name in FORMATS if _is_there(name)]
        advice = f"set [visualise] encoder = {others[0]!r}" if others else "install PyAV from its wheels"
        raise ToolError(f"this FFmpeg has no {FORMATS[encoder].encoder} and cannot make {encoder} video; {advice}")


def _is_there(encoder: str) -> bool:
    import av

    try:
        av.Codec(FORMATS[encoder].encoder, "w")
    except ValueError:  # UnknownCodecError is one
        return False
    return True


def frame_picture(look: Look) -> Picture:
    """An empty picture in the memory of an encoder's frame."""
    import av

    frame = av.VideoFrame(look.width, look.height, "yuv420p")
    planes = []
    for number, plane in enumerate(frame.planes):
        width, height = (size >> (number > 0) for size in (frame.width, frame.height))
        raw = np.frombuffer(memoryview(plane), dtype=np.uint8)  # writable: the frame's own memory
        planes.append(raw.reshape(-1, plane.line_size)[:height, :width])
    y, cb, cr = planes
    return Picture(y, cb, cr, frame)


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


def with_sound(video: VideoWriter, pictures: Iterator[Picture], sound: Iterator[Float], sample_rate: int) -> None:
    """Write all pictures and all sound, side by side, so that neither waits long for the other in memory."""
    written_s = 0.0
    for picture in pictures:
        video.write_picture(picture)
        while written_s <= video.duration_s:
            block = next(sound, None)
            if block is None:
                written_s = float("inf")
                break
            video.write_audio(block)
            written_s += block.shape[1] / sample_rate
    for block in sound:
        video.write_audio(block)
