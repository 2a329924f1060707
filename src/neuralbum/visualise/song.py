"""One song from a sound file to its pictures: what the project's stage and the loose-file command share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio import MonoMix, apart, cqt
from ..errors import AudioError
from .analyse import N_PITCHES, SongLevels, Span, gather, n_video_frames, spans, video_levels
from .draw import Look, pictures
from .encode import VideoWriter, frame_picture, with_sound
from .flash import limit
from .frame_array import FrameArray
from .live import write_live
from .params import Params
from .stills import write_gif, write_hover, write_poster

Float = npt.NDArray[np.float32]

SOUND_BLOCK_S = 1.0


@dataclass(frozen=True)
class Outputs:
    """Where to write what; None is not written."""

    video: Path | None = None
    poster: Path | None = None
    gif: Path | None = None
    hover: Path | None = None
    arrays: Path | None = None


def look_of(params: Params) -> Look:
    """What the painter needs of the settings."""
    return Look(params.layout, params.width, params.height, params.fps, params.palette, params.note_names)


def sound_of(path: Path) -> tuple[Iterator[Float], int]:
    """A file's sound mixed to one channel, block by block, and the rate at which it comes.

    Rates too low for the highest note are raised: nothing is added, but the bins are there.
    """
    source = apart.blocks(path)
    first = next(source, None)
    if first is None:
        raise AudioError(f"{path}: 0 samples; the file is empty or was cut short")
    rate = first[1]
    factor = 1
    while rate * factor < cqt.lowest_rate(N_PITCHES):
        factor *= 2

    def mono() -> Iterator[Float]:
        import soxr

        mix = MonoMix()
        raiser = soxr.ResampleStream(rate, rate * factor, 1, dtype="float32") if factor > 1 else None
        yield_from = [first[0]]
        while yield_from:
            block = mix(yield_from.pop())
            following = next(source, None)
            if following is not None:
                yield_from.append(following[0])
            yield block if raiser is None else raiser.resample_chunk(block, last=following is None)

    return mono(), rate * factor


def spans_of(path: Path, params: Params) -> tuple[Iterator[Span], int]:
    """Analyse a sound file, span by span; also gives the rate."""
    blocks, rate = sound_of(path)

    def named() -> Iterator[Span]:
        try:
            yield from spans(blocks, rate, params.margin)
        except AudioError as cause:
            text = str(cause)
            raise AudioError(text if str(path) in text else f"{path}: {text}") from cause

    return named(), rate


def levels_of(path: Path, params: Params) -> SongLevels:
    """Analyse a sound file and keep its levels."""
    found, rate = spans_of(path, params)
    return gather(found, rate)


def draw_song(path: Path, params: Params, outputs: Outputs) -> dict[str, Any]:
    """Analyse a sound file and write its pictures.

    Returns
    -------
    dict : what a finding says of them: duration, frames, size, the flash report, bytes of each file
    """
    with one_core():
        return _draw(path, params, outputs)


def _draw(path: Path, params: Params, outputs: Outputs) -> dict[str, Any]:
    look = look_of(params)
    levels = levels_of(path, params)
    raw: FrameArray = video_levels(levels, params)
    levels.db.close()
    frames, report = limit(raw, look, limiter=params.limiter)
    if outputs.video is not None:
        info = apart.probe(path)
        sound = (block for block, _ in apart.blocks(path, block_s=SOUND_BLOCK_S))
        with VideoWriter(
            outputs.video,
            look,
            encoder=params.encoder,
            preset=params.preset,
            quality=params.quality,
            sample_rate=info.sample_rate,
            channels=info.channels,
        ) as video:
            with_sound(video, pictures(frames, look, new=frame_picture), sound, info.sample_rate)
    if outputs.poster is not None:
        write_poster(outputs.poster, frames, look)
    if outputs.gif is not None:
        write_gif(outputs.gif, raw, look, limiter=params.limiter)
    if outputs.hover is not None:
        write_hover(outputs.hover, raw, look, limiter=params.limiter, encoder=params.encoder)
    if outputs.arrays is not None:
        write_live(outputs.arrays, frames, look)
    written = {name: made for name, made in asdict(outputs).items() if made is not None}
    return {
        "duration_s": levels.duration_s,
        "n_frames": n_video_frames(levels.n_samples, levels.sample_rate, params.fps),
        "fps": params.fps,
        "width": params.width,
        "height": params.height,
        "layout": params.layout,
        "palette": params.palette,
        "flash": asdict(report),
        "bytes": {name: made.stat().st_size for name, made in written.items()},
    }


def one_core() -> Any:
    """A context in which the matrix library keeps to one thread: for small matrices more threads only wait."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")
