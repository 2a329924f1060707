"""Let a checkpoint sing, and measure whether it sings like the corpus.

The loss is measured while the net hears real music. What it does when it hears
itself can differ: fall silent, freeze, turn to noise. So a few clips are sampled
at each checkpoint, and their level, flatness, brightness and predictive entropy are
compared with the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..dsp import front_end
from .songs import Song
from .stepping import Engine

FRAME = 512  #: samples a statistic is taken over
TEMPERATURE = 1.0
PRIME_S = 1.0

Statistics = dict[str, float]


def statistics(amplitudes: npt.NDArray[np.floating]) -> Statistics:
    """Free-running statistics of (B, n) or (n,) sound.

    level_db and level_spread_db (mean and deviation over frames), flatness (of the
    mean power spectrum, in nats: 0 is white), brightness (share of power above a quarter
    of the band, log), silent_share.
    """
    sound = np.atleast_2d(np.asarray(amplitudes, dtype=np.float64))
    n = sound.shape[1] // FRAME * FRAME
    frames = sound[:, :n].reshape(-1, FRAME)
    power = (frames**2).mean(1)
    level = 10.0 * np.log10(power + 1e-10)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    mean = spectrum.mean(0) + 1e-12
    high = mean[len(mean) // 4 :].sum() / mean.sum()
    return {
        "level_db": float(level.mean()),
        "level_spread_db": float(level.std()),
        "flatness": float(np.log(mean).mean() - np.log(mean.mean())),
        "brightness": float(np.log(high + 1e-9)),
        "silent_share": float((level < -55.0).mean()),
    }


TOLERANCE = {
    "level_db": 3.0,
    "level_spread_db": 3.0,
    "flatness": 0.7,
    "brightness": 0.7,
    "silent_share": 0.1,
}
"""How much each statistic may differ before it counts as one unit of distance."""


def distance(sampled: Statistics, corpus: Statistics) -> float:
    """Root mean square of the differences, each in units of its tolerance; 0 is alike."""
    shared = [name for name in TOLERANCE if name in sampled and name in corpus]
    return float(np.sqrt(np.mean([((sampled[n] - corpus[n]) / TOLERANCE[n]) ** 2 for n in shared])))


def corpus_statistics(songs: Sequence[Song], n_levels: int, *, seconds: float, sample_rate: int) -> Statistics:
    """The same statistics of the middle of each song."""
    cuts = []
    for song in songs:
        n = min(len(song.levels), int(seconds * sample_rate))
        start = (len(song.levels) - n) // 2
        cuts.append(statistics(front_end.amplitudes_of(song.levels[start : start + n], n_levels)))
    return {name: float(np.mean([cut[name] for cut in cuts])) for name in cuts[0]}


def sing(
    engine: Engine, songs: Sequence[Song], *, n_clips: int, seconds: float, sample_rate: int, seed: int
) -> tuple[npt.NDArray[np.float32], Statistics]:
    """Sample clips (n_clips, n) after hearing a second of music each; and their statistics."""
    memory = engine.begin(n_clips)
    rng = np.random.default_rng([seed, 11])
    n_prime = max(engine.hop, int(PRIME_S * sample_rate) // engine.hop * engine.hop)
    for b in range(n_clips):
        song = songs[int(rng.integers(len(songs)))]
        n = min(n_prime, len(song.levels) // engine.hop * engine.hop)
        start = int(rng.integers(0, len(song.levels) - n + 1))
        engine.hear(memory, b, song.levels[start : start + n])
    n = max(FRAME, int(seconds * sample_rate) // engine.hop * engine.hop)
    n = -(-n // engine.hop) * engine.hop
    uniforms = np.stack([np.random.default_rng([seed, 12, b]).random(n) for b in range(n_clips)])
    sampled = engine.sample(memory, uniforms, np.full((n_clips, n), TEMPERATURE, dtype=np.float32))
    clips = front_end.amplitudes_of(sampled.levels, engine.n_levels)
    measured = statistics(clips)
    measured["entropy"] = float(sampled.entropy.mean())
    return clips, measured
