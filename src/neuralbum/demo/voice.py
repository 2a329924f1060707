"""The singer: breath and a rough glottis through the formants of vowels.

A scream is mostly noise, modulated by a pulse whose periods jitter and whose
every second pulse is weaker (the subharmonic that makes a voice rough); a sung
syllable has more pulse, less noise and a vibrato. Formants are two-pole
resonators at the frequencies of Peterson and Barney (1952), raised by a tenth
as an open throat raises them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy import signal

from .score import Clock, Syllable

Mono = npt.NDArray[np.float32]

FORMANTS_HZ = {
    "a": (730, 1090, 2440, 3400),
    "e": (530, 1840, 2480, 3500),
    "i": (270, 2290, 3010, 3700),
    "o": (570, 840, 2410, 3300),
    "u": (300, 870, 2240, 3200),
}
WIDTHS_HZ = (110.0, 130.0, 190.0, 280.0)
LEVELS = (1.0, 0.8, 0.55, 0.35)
OPEN_THROAT = 1.1

ROUGHNESS = {"scream": 0.85, "shout": 0.5, "sung": 0.15}
"""Share of noise in the source."""


def sing(
    syllables: Iterable[Syllable],
    *,
    clock: Clock,
    rng: np.random.Generator,
    throat: float = OPEN_THROAT,
) -> Mono:
    """The whole voice track, float32 (clock.n_samples,)."""
    out = np.zeros(clock.n_samples, dtype=np.float32)
    for syllable in syllables:
        at = clock.sample(syllable.beat, 0.008 * rng.standard_normal())
        n = min(int(min(max(syllable.beats * clock.beat_s, 0.09), 1.8) * clock.sample_rate), clock.n_samples - at)
        if n <= 64:
            continue
        out[at : at + n] += _syllable(syllable, n, throat, clock.sample_rate, rng)
    return out


def _syllable(syllable: Syllable, n: int, throat: float, sample_rate: int, rng: np.random.Generator) -> Mono:
    rough = ROUGHNESS[syllable.manner]
    t = np.arange(n) / sample_rate
    hz = 440.0 * 2 ** ((syllable.pitch - 69) / 12)
    bend = 1 + 0.012 * np.sin(2 * np.pi * 5.5 * t) * min(1.0, 1.2 - rough) - 0.06 * np.exp(-t / 0.04)
    if syllable.manner != "sung":
        bend += 0.08 * (t / t[-1]) * rng.normal(0.0, 1.0)  # screams slide
    jitter = np.interp(t, np.linspace(0, t[-1], 2 + n // 200), rng.standard_normal(2 + n // 200))
    phase = np.cumsum(hz * (bend + 0.12 * rough * jitter)) / sample_rate
    pulse = np.exp(-6.0 * (phase % 1.0)) * (1 - 0.5 * rough * (np.floor(phase) % 2)) - 0.16
    noise = rng.standard_normal(n)
    source = (1 - rough) * 2.0 * pulse + rough * noise * (0.35 + 1.3 * np.clip(pulse + 0.16, 0, 1))
    sound = np.zeros(n)
    for centre, width, level in zip(FORMANTS_HZ[syllable.vowel], WIDTHS_HZ, LEVELS, strict=True):
        r = np.exp(-np.pi * width * (1 + rough) / sample_rate)
        w = 2 * np.pi * centre * throat / sample_rate
        sound += level * signal.lfilter([1 - r, 0, -(1 - r)], [1, -2 * r * np.cos(w), r * r], source)
    sound /= np.sqrt(np.mean(sound**2)) + 1e-9
    attack = np.minimum(1.0, t / 0.02) * np.minimum(1.0, (t[-1] - t) / 0.05)
    loud: Mono = (0.35 * np.tanh(sound * (0.6 + rough)) * attack).astype(np.float32)
    return loud
