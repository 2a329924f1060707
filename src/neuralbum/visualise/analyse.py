"""From sound to what is drawn: pitches now (colour) and hits now (light).

The chain of the article: harmonic-percussive separation with a margin; the
harmonic sound goes through a constant-Q transform, one bin a semitone; the
percussive sound through a mel spectrogram, A-weighted at the bands' centres,
in decibels; hits stick and fade from their recent maximum.

Everything is pure and works span by span: a span is a stretch of the song with
as much of its neighbourhood as its frames depend on, so that the numbers do
not know where the song was cut (medians reach 15 frames, transforms 2, the
lowest note half a second).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..audio import cqt, hpss, mel, stft, weighting
from ..errors import AudioError
from .frame_array import FrameArray
from .params import Params

Float = npt.NDArray[np.float32]

N_FFT = 2048
HOP_LENGTH = 512
N_PITCHES = 84
N_BANDS = 128
LOW_HZ = 20.0
SPAN_FRAMES = 1024
"""Frames analysed at once, about 12 s: enough to make the overlap cheap, few enough for 100 MB."""

SILENCE_DB = -80.0
"""A song whose loudest level lies under this is black: nobody would hear it."""

AMPLITUDE_FLOOR = 1e-5
POWER_FLOOR = 1e-10


@dataclass(frozen=True)
class Span:
    """What a stretch of song holds, frames first. ``start`` counts frames from the song's beginning."""

    start: int
    mask_h: Float  #: (n_frames, 1025) in [0, 1]
    mask_p: Float
    y_p: Float  #: (n_samples,) the percussive sound of these frames: hop_length samples each
    c_db: Float  #: (n_frames, 84) magnitude of each pitch in the harmonic sound
    m_db: Float  #: (n_frames, 128) A-weighted power of each band in the percussive sound


@dataclass
class SongLevels:
    """A whole song's levels in decibels, and where their maxima are."""

    sample_rate: int
    n_samples: int
    db: FrameArray  #: rows of 84 c_db then 128 m_db
    c_max_db: float
    m_max_db: float

    @property
    def n_frames(self) -> int:
        return len(self.db)

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate


def analyse(audio: Float, sample_rate: int, margin: float) -> Span:
    """Analyse one channel as a whole.

    Parameters
    ----------
    audio : float32 (n_samples,)
    sample_rate : Hz, at least 11 kHz
    margin : >= 1, of the separation
    """
    n_samples = len(audio)
    spectrum = stft.stft(audio, N_FFT, HOP_LENGTH, exact=True)
    mask_h, mask_p = hpss.hpss_masks(np.abs(spectrum), margin)

    y_p = stft.istft(spectrum * mask_p, n_samples, N_FFT, HOP_LENGTH)
    filters = mel.mel_filters(sample_rate, N_FFT, N_BANDS, LOW_HZ)
    again = stft.stft(y_p, N_FFT, HOP_LENGTH)
    power = mel.mel_power(again.real**2 + again.imag**2, filters)
    centres_hz = mel.band_centres(N_BANDS, LOW_HZ, sample_rate / 2)
    m_db = 10.0 * np.log10(np.maximum(power, POWER_FLOOR)) + weighting.a_weighting_db(centres_hz).astype(np.float32)

    # The highest note lies near 4 kHz: the harmonic sound is made at a fraction of the rate, from the bins below.
    slower = slowing(sample_rate)
    n_bins = N_FFT // 2 // slower
    kept = spectrum[:, :n_bins] * mask_h[:, :n_bins]
    y_h = stft.istft(kept, n_samples // slower, N_FFT // slower, HOP_LENGTH // slower)
    y_h /= slower  # the shorter inverse transform divides by less
    c = cqt.cqt(y_h, sample_rate / slower, HOP_LENGTH // slower, N_PITCHES)
    c *= np.float32(np.sqrt(slower))  # waves are scaled by the root of their length in samples of the song
    c_db = 20.0 * np.log10(np.maximum(c, AMPLITUDE_FLOOR))
    return Span(0, mask_h, mask_p, y_p, c_db.astype(np.float32), m_db.astype(np.float32))


def slowing(sample_rate: int) -> int:
    """By which power of two the rate may be divided and still carry the highest note, with an octave to spare.

    Half as much would do, at half the cost; but with the octave the waves are the very
    ones that ``librosa.cqt`` uses at 44.1 and 48 kHz, and the levels agree to 0.002 dB.
    """
    slower = 1
    while slower < 8 and sample_rate / (2 * slower) >= 2 * cqt.lowest_rate(N_PITCHES):
        slower *= 2
    return slower


def context_frames(sample_rate: int) -> int:
    """Frames on each side that a frame depends on through all the steps."""
    slower = slowing(sample_rate)
    notes = cqt.reach_s(sample_rate / slower, N_PITCHES) * sample_rate / HOP_LENGTH
    transforms = 2 * (N_FFT // HOP_LENGTH)
    return hpss.REACH + transforms + int(np.ceil(notes))


def spans(
    blocks: Iterable[Float], sample_rate: int, margin: float, *, span_frames: int = SPAN_FRAMES
) -> Iterator[Span]:
    """Analyse a song that arrives in blocks (mono float32), with the same result as in one piece.

    Raises
    ------
    AudioError
        There are fewer than a handful of samples, or one is NaN or infinite.
    """
    context = context_frames(sample_rate)
    source = iter(blocks)
    held = np.empty(0, dtype=np.float32)
    held_from = 0  # in frames
    frame = 0
    ended = False
    while True:
        wanted = (frame + span_frames + context - held_from) * HOP_LENGTH
        parts = [held]
        n_held = len(held)
        while n_held < wanted and not ended:
            block = next(source, None)
            if block is None:
                ended = True
                break
            if not np.isfinite(block).all():
                raise AudioError("holds NaN or infinite samples; convert it again from its source")
            parts.append(block)
            n_held += len(block)
        held = np.concatenate(parts)
        last = ended and len(held) <= wanted
        if frame == 0 and last and not len(held):
            raise AudioError("0 samples; the file is empty or was cut short")
        if frame == 0 and last and len(held) < slowing(sample_rate):
            raise AudioError(f"{len(held)} samples; too short to be drawn")
        whole = analyse(held[:wanted], sample_rate, margin)
        start = frame - held_from
        stop = len(whole.c_db) if last else start + span_frames
        sound_stop = len(whole.y_p) if last else stop * HOP_LENGTH
        yield Span(
            frame,
            whole.mask_h[start:stop],
            whole.mask_p[start:stop],
            whole.y_p[start * HOP_LENGTH : sound_stop],
            whole.c_db[start:stop],
            whole.m_db[start:stop],
        )
        if last:
            return
        frame += span_frames
        keep_from = max(0, frame - context)
        held = held[(keep_from - held_from) * HOP_LENGTH :]
        held_from = keep_from


def gather(found: Iterable[Span], sample_rate: int) -> SongLevels:
    """Keep the levels of a song's spans and find their maxima."""
    levels = SongLevels(sample_rate, 0, FrameArray(N_PITCHES + N_BANDS), -np.inf, -np.inf)
    for span in found:
        levels.db.append(np.concatenate([span.c_db, span.m_db], axis=1))
        levels.n_samples += len(span.y_p)
        levels.c_max_db = max(levels.c_max_db, float(span.c_db.max()))
        levels.m_max_db = max(levels.m_max_db, float(span.m_db.max()))
    return levels


def level(db: Float, max_db: float, range_db: float) -> Float:
    """Decibels -> 0…1 over the ``range_db`` under the song's maximum; a song under SILENCE_DB is all 0."""
    if max_db < SILENCE_DB:
        return np.zeros_like(db)
    return np.clip((db - np.float32(max_db - range_db)) / np.float32(range_db), 0.0, 1.0)


@dataclass(frozen=True)
class LevelBlock:
    """Some frames' levels, 0…1, and what they come to in video frames."""

    H: Float  #: (n_frames, 84) pitches
    B: Float  #: (n_frames, 128) bands as they are
    K: Float  #: (n_frames, 128) bands that stick
    H_v: Float  #: (n_video_frames, 84) mean over the analysis frames of each video frame
    K_v: Float  #: (n_video_frames, 128) maximum of them


def n_video_frames(n_samples: int, sample_rate: int, fps: int) -> int:
    """Enough pictures to cover the sound: its duration times fps, rounded up."""
    return -(-n_samples * fps // sample_rate)


def level_blocks(levels: SongLevels, params: Params, *, frames_at_once: int = 600) -> Iterator[LevelBlock]:
    """Go through a song's levels, some video frames at a time.

    Video frame k takes the analysis frames centred in [k / fps, (k + 1) / fps);
    where there is none (few analysis frames, many pictures) the one before stays.
    """
    from ..kernels.decay import sticky

    rate, fps = levels.sample_rate, params.fps
    # [s/frame] / [s] = half-lives a frame lasts
    keep = 2.0 ** (-(HOP_LENGTH / rate) / params.half_life_s)
    total = n_video_frames(levels.n_samples, rate, fps)
    stuck = np.zeros(N_BANDS, dtype=np.float32)
    last_h = np.zeros(N_PITCHES, dtype=np.float32)
    last_k = stuck
    for first in range(0, total, frames_at_once):
        stop = min(first + frames_at_once, total)
        # The first analysis frame at or after k / fps is ceil(k * rate / (hop * fps)).
        edges = -(-np.arange(first, stop + 1, dtype=np.int64) * rate // (HOP_LENGTH * fps))
        if stop == total:
            edges[-1] = max(edges[-1], levels.n_frames)  # what is centred on the very end belongs to the last picture
        edges = np.minimum(edges, levels.n_frames)
        db = levels.db.read(int(edges[0]), int(edges[-1]))
        h = level(db[:, :N_PITCHES], levels.c_max_db, params.range_db)
        b = level(db[:, N_PITCHES:], levels.m_max_db, params.range_db)
        k = sticky(b, keep, stuck)
        if len(k):
            stuck = k[-1].copy()
        starts, counts = edges[:-1] - edges[0], np.diff(edges)
        some = counts > 0
        h_v = np.empty((stop - first, N_PITCHES), dtype=np.float32)
        k_v = np.empty((stop - first, N_BANDS), dtype=np.float32)
        if some.any():
            h_v[some] = np.add.reduceat(h, starts[some], axis=0) / counts[some, None]
            k_v[some] = np.maximum.reduceat(k, starts[some], axis=0)
        for i in np.flatnonzero(~some):
            h_v[i], k_v[i] = (h_v[i - 1], k_v[i - 1]) if i else (last_h, last_k)
        last_h, last_k = h_v[-1], k_v[-1]
        yield LevelBlock(h, b, k, h_v, k_v)


def video_levels(levels: SongLevels, params: Params) -> FrameArray:
    """The song as the painter gets it: one row of 84 pitches then 128 bands for each video frame.

    Pitches linger a little too, so that a held note that a drum tears holes into
    is drawn as one column.
    """
    from ..kernels.decay import sticky

    keep = 2.0 ** (-1.0 / params.fps / params.linger_s) if params.linger_s else 0.0
    lingering = np.zeros(N_PITCHES, dtype=np.float32)
    frames = FrameArray(N_PITCHES + N_BANDS)
    for block in level_blocks(levels, params):
        pitches = sticky(block.H_v, keep, lingering)
        lingering = pitches[-1]
        frames.append(np.concatenate([pitches, block.K_v], axis=1))
    return frames
