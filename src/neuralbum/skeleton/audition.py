"""Let a checkpoint sing, and measure whether it sings like the corpus.

The loss is measured while the net hears real music. What it does when it hears
itself can differ: fall silent, freeze, turn to noise. So a few clips are sampled
at each checkpoint, and their level, flatness, brightness, tonality and predictive entropy (against
that while hearing the corpus) are compared with the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..dsp import front_end
from .reins import FREE, Reins
from .songs import Song
from .stepping import Engine

FRAME = 512  #: samples a statistic is taken over
TONE_FRAME, NEIGHBOURS = 2048, 17  #: samples, and bins of their spectrum: what a tone is told from noise by
SILENT_DB = -55.0
TEMPERATURE = 1.0
PRIME_S = 1.0

Statistics = dict[str, float]


def statistics(amplitudes: npt.NDArray[np.floating]) -> Statistics:
    """Free-running statistics of (B, n) or (n,) sound.

    level_db and level_spread_db (mean and deviation over frames), flatness (of the
    mean power spectrum, in nats: 0 is white), brightness (share of power above a quarter
    of the band, log), silent_share; and tonality, where 128 ms are heard at 16 kHz: see ``tonality``.
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
        "silent_share": float((level < SILENT_DB).mean()),
        **({} if (tonal := tonality(sound)) is None else {"tonality": tonal}),
    }


def tonality(sound: npt.NDArray[np.float64]) -> float | None:
    """How unevenly power lies among neighbouring bins, in nats, over the frames of (B, n) sound that can be heard.

    The standard deviation of the logarithm of a bin's power over its neighbours' mean. Noise of any colour has 1.2: a
    bin's power is exponentially distributed, its logarithm deviates by pi / sqrt(6) = 1.28, and the neighbours lean the
    same way. Tones stand out: four rock songs have 1.5 to 1.7 (``benchmarks/nll.py``), a chord alone 2.2. None if no
    frame can be heard.
    """
    n = sound.shape[1] // TONE_FRAME * TONE_FRAME
    frames = sound[:, :n].reshape(-1, TONE_FRAME)
    frames = frames[10.0 * np.log10((frames**2).mean(1) + 1e-10) >= SILENT_DB]
    if not len(frames):
        return None
    power = np.abs(np.fft.rfft(frames * np.hanning(TONE_FRAME), axis=1)) ** 2 + 1e-12
    around = sliding_window_view(power, NEIGHBOURS, axis=1).mean(-1)
    inner = slice(NEIGHBOURS // 2, -(NEIGHBOURS // 2))
    return float((np.log(power[:, inner]) - np.log(around)).std())


TOLERANCE = {
    "level_db": 3.0,
    "level_spread_db": 3.0,
    "flatness": 0.7,
    "brightness": 0.7,
    "silent_share": 0.1,
    "tonality": 0.15,
    "entropy": 0.5,
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
    known = {name for cut in cuts for name in cut}
    return {name: float(np.mean([cut[name] for cut in cuts if name in cut])) for name in sorted(known)}


HEALTHY_SHARE = 0.9
"""A second that is sung is healthy if it lies no farther from the corpus than this share of the corpus's own."""
SECONDS_HEARD = 64
ALONE_S, LOOK_S, HEARD_S = 1.0, 0.5, 1.0
"""How long a net must have sung by itself, how often it is looked at, and what is looked at."""


def healthy_distance(songs: Sequence[Song], known: Statistics, n_levels: int, *, sample_rate: int) -> float:
    """How far from the corpus its own seconds lie, all but the oddest: what a healthy second may be."""
    n = int(HEARD_S * sample_rate)
    places = [(song, start) for song in songs for start in range(0, len(song.levels) - n + 1, n)]
    chosen = [places[int(i)] for i in np.linspace(0, len(places) - 1, min(SECONDS_HEARD, len(places))).round()]
    far = [
        distance(statistics(front_end.amplitudes_of(song.levels[start : start + n], n_levels)), known)
        for song, start in chosen
    ]
    return float(np.quantile(far, HEALTHY_SHARE)) if far else 0.0


@dataclass(frozen=True)
class Sung:
    """What a net sang at a checkpoint."""

    clips: npt.NDArray[np.float32]  #: (n_clips, n)
    heard: Statistics
    states: tuple[Any, ...] = ()  #: snapshots of the engine's memory at healthy moments


def sing(
    engine: Engine,
    songs: Sequence[Song],
    *,
    n_clips: int,
    seconds: float,
    sample_rate: int,
    seed: int,
    healthy: Callable[[npt.NDArray[np.float32]], bool] | None = None,
    reins: Reins = FREE,
) -> Sung:
    """Sample clips after hearing a second of music each; look for states worth keeping where ``healthy`` says."""
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
    block = max(engine.hop, int(LOOK_S * sample_rate) // engine.hop * engine.hop)
    parts: list[npt.NDArray[np.float32]] = []
    entropy: list[npt.NDArray[np.float32]] = []
    states: list[Any] = []
    running = np.full(n_clips, reins.middle)
    for at in range(0, n, block):
        dice = uniforms[:, at : at + block]
        heat = np.full(dice.shape, TEMPERATURE, dtype=np.float32)
        sampled = reins.sample(engine, memory, running, dice, heat)
        parts.append(front_end.amplitudes_of(sampled.levels, engine.n_levels))
        entropy.append(sampled.entropy)
        if healthy is None or at + block < ALONE_S * sample_rate or at + block > n:
            continue
        recent = np.concatenate(parts, axis=1)[:, -int(HEARD_S * sample_rate) :]
        states += [engine.snapshot(memory, b) for b in range(n_clips) if healthy(recent[b])]
    clips = np.concatenate(parts, axis=1)
    measured = statistics(clips)
    measured["entropy"] = float(np.concatenate(entropy, axis=1).mean())
    return Sung(clips, measured, tuple(states))
