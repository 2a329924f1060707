"""Hold a net that sings to the entropy it has while it hears its music, and to lines no steadier than its music's.

A net that hears only itself may grow surer and surer until it holds one tone, or less and less sure until all is
noise. Both show in the entropy of its predictions. While a stream's running entropy is lower than in nearly all of
the band's music, its temperature rises a little, and falls while it is higher; in between nothing is
done. (Feedback from surprise to temperature: S. Basu et al., "Mirostat", 2021.) A percent is mostly enough, since each
sample's spread follows the last ones'.

A whistle that rings on fills a net's sound without making it much surer, and a net that is cooled for being unsure
whistles the more. So the steadiest line of each stream is followed, too: while it stands out more than the lines of
most of the music, the temperature lies above 1, and within seconds the line frays and makes room for another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..dsp import front_end
from .likeness import LINES, TONE_FRAME, line_shares

if TYPE_CHECKING:
    from .songs import Song
    from .stepping import Engine, Sampled, Wishes

VERSION = 2
MEMORY_S = 0.5  #: of the running entropy
STEP_S = 0.032  #: sampled at one temperature
GAIN = 0.2  #: temperature for each bit beyond the band's range
COOLEST, HOTTEST = 0.9, 1.3
RANGE = (0.1, 0.9)  #: quantiles of the music's entropies: outside of them the reins pull

LINE_MEMORY_S = 2.0  #: of the running share of each line
NO_LINE_DB = -40.0  #: share a stream begins with
LINE_GAIN, LINE_MOST = 0.02, 0.05  #: temperature for each dB that a line stands out too far, and the most of it
LINE_QUANTILE, LINE_HEARD_S = 0.75, 60  #: of the music's steadiest lines, moment by moment; of each song, s

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reins:
    """The range of a net's entropy over its music, bits a sample, and the share a line may hold, in dB."""

    low: float
    high: float
    sample_rate: int
    line_db: float = math.inf

    @property
    def name(self) -> str:
        """As recipes have it."""
        return f"reins-{VERSION}:{self.low:.3f}:{self.high:.3f}:{self.line_db:.2f}"

    def begin(self, n_streams: int) -> Float64:
        """What is known of streams that have not sung yet, (n_streams, 1 + LINES): a row's copy is a snapshot.

        First the running entropy, then the running share of each line in dB.
        """
        running = np.full((n_streams, 1 + LINES), NO_LINE_DB)
        running[:, 0] = (self.low + self.high) / 2.0 if self != FREE else 0.0
        return running

    def factor(self, running: Float64) -> Float64:
        """What temperatures are multiplied by, (B,), for streams of which this is known."""
        entropy, line = running[:, 0], running[:, 1:].max(1)
        pull = GAIN * (np.maximum(self.low - entropy, 0.0) - np.maximum(entropy - self.high, 0.0))
        held = np.clip(1.0 + pull, COOLEST, HOTTEST)
        warm = 1.0 + np.minimum(LINE_GAIN * (line - self.line_db), LINE_MOST)
        return np.where(line > self.line_db, np.maximum(held, warm), held)

    def sample(
        self,
        engine: Engine,
        memory: Any,
        running: Float64,
        uniforms: Float64,
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
        told: Wishes | None = None,
    ) -> Sampled:
        """``engine.sample``, held; ``running`` (``begin``) goes forward in place. By ``FREE`` the engine's own.

        Lines are followed from one call to the next, so callers sample half a second or so at once.
        """
        from .stepping import Sampled

        if self == FREE:
            return engine.sample(memory, uniforms, temperatures, busy, told)
        n = uniforms.shape[1]
        step = max(engine.hop, int(STEP_S * self.sample_rate) // engine.hop * engine.hop)
        levels, entropy = [], []
        for start in range(0, n, step):
            cut = slice(start, min(start + step, n))
            said = None if told is None else told[:, start // engine.hop : cut.stop // engine.hop]
            heat = (temperatures[:, cut] * self.factor(running)[:, None]).astype(np.float32)
            sampled = engine.sample(memory, uniforms[:, cut], heat, busy, said)
            share = np.exp(-(cut.stop - start) / (MEMORY_S * self.sample_rate))
            running[:, 0] *= share
            running[:, 0] += (1.0 - share) * sampled.entropy.mean(1)
            levels.append(sampled.levels)
            entropy.append(sampled.entropy)
        whole = Sampled(np.concatenate(levels, axis=1), np.concatenate(entropy, axis=1))
        if self.line_db < math.inf:
            sounding = slice(None) if busy is None else list(busy)
            sound = front_end.amplitudes_of(whole.levels[sounding], engine.n_levels)
            running[sounding, 1:] = _followed(running[sounding, 1:], sound, self.sample_rate)
        return whole


def _followed(lines: Float64, sound: npt.NDArray[np.float32], sample_rate: int) -> Float64:
    """The running shares (B, LINES) after so much sound (B, n); as they were, if that is less than a frame."""
    n_streams, n = sound.shape
    n_frames = n // TONE_FRAME
    if not n_frames:
        return lines
    frames = sound[:, n - n_frames * TONE_FRAME :].reshape(n_streams, n_frames, TONE_FRAME)
    # One stream at a time: the bits of a transform may depend on how many are made at once.
    shares = np.stack([line_shares(each, sample_rate).mean(0) for each in frames])
    kept = np.exp(-n / (LINE_MEMORY_S * sample_rate))
    return np.asarray(kept * lines + (1.0 - kept) * shares)


def usual_line(songs: Sequence[Song], n_levels: int, *, sample_rate: int) -> float:
    """How far the steadiest line stands out in most of the music, in dB; infinity if that is too short to tell.

    The middle minute of each song is followed as ``sample`` follows streams.
    """
    step, before = sample_rate // 2, int(2 * LINE_MEMORY_S * sample_rate)
    steadiest = []
    for song in songs:
        n = min(len(song.levels), LINE_HEARD_S * sample_rate) // step * step
        start = (len(song.levels) - n) // 2
        sound = front_end.amplitudes_of(song.levels[start : start + n], n_levels)[None]
        lines = np.full((1, LINES), NO_LINE_DB)
        for at in range(0, n, step):
            lines = _followed(lines, sound[:, at : at + step], sample_rate)
            if at >= before:
                steadiest.append(float(lines.max()))
    return float(np.quantile(steadiest, LINE_QUANTILE)) if steadiest else math.inf


FREE = Reins(-math.inf, math.inf, 16_000)
"""Reins that never pull."""
