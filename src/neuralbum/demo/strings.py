"""Plucked strings: a guitar through a distorted amplifier, a clean one, and a bass.

A string is two wavetables, a bright one that fades quickly and a dull one that
stays, as a plucked string loses its high partials first. Distortion is a tanh
after a high-pass, antialiased by first-order antiderivatives (Parker, Zavalishin
and Le Bivic, "Reducing the aliasing of nonlinear waveshaping using continuous-time
convolution", DAFx 2016); the cabinet is a few biquads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import signal

from .score import Clock, Pluck, Strum

Mono = npt.NDArray[np.float32]

TABLE = 8192
N_PARTIALS = 48
PLUCK_AT = 0.13
"""Where the plectrum meets the string, as a share of its length."""


@dataclass(frozen=True)
class Amp:
    """The guitarists' sound."""

    drive: float = 26.0  #: gain into the tanh
    cabinet_hz: float = 4700.0  #: where the loudspeaker stops
    presence_db: float = 5.0  #: at 2.6 kHz
    scoop_db: float = -4.0  #: at 450 Hz
    detune_cents: float = 5.0  #: between the two guitarists


@cache
def _table(slope: float) -> Mono:
    k = np.arange(1, N_PARTIALS + 1)
    amplitude = np.sin(np.pi * k * PLUCK_AT) / k**slope
    phase = 2 * np.pi * np.arange(TABLE) / TABLE
    wave = (amplitude[:, None] * np.sin(k[:, None] * phase)).sum(axis=0)
    return (wave / np.abs(wave).max()).astype(np.float32)


def _string(
    hz: float, n: int, decay_s: float, sample_rate: int, tables: tuple[Mono, Mono], rng: np.random.Generator
) -> Mono:
    """One plucked string of ``n`` samples; it starts a few cents sharp, as plucked strings do."""
    t = np.arange(n, dtype=np.float32) / np.float32(sample_rate)
    sharp = hz * (2 ** (8 / 1200) - 1)
    # The phase needs double precision for long notes: 10 s at 300 Hz are 3000 periods of 8192 steps.
    phase = np.arange(n) * (hz / sample_rate) + rng.random()
    phase += sharp * 0.04 * (1 - np.exp(-t / np.float32(0.04)))
    index = (phase * TABLE).astype(np.int64) & (TABLE - 1)
    bright, dull = tables
    # Partials fade the faster the higher the note.
    fade_s = np.float32(0.35 * decay_s * (110.0 / hz) ** 0.5)
    tone: Mono = dull[index] + np.exp(-t / fade_s) * (bright[index] - dull[index])
    return tone * np.exp(-t / np.float32(decay_s))


def _hz(pitch: float) -> float:
    """MIDI number -> frequency: 69 is 440 Hz."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def _edges(n: int, sample_rate: int, attack_s: float = 0.0015, release_s: float = 0.006) -> Mono:
    """A note's attack and release, so that it neither begins nor ends in a click."""
    edge = np.ones(n, dtype=np.float32)
    up, down = min(n, int(attack_s * sample_rate)), min(n, int(release_s * sample_rate))
    edge[:up] *= np.linspace(0, 1, up, dtype=np.float32)
    edge[n - down :] *= np.linspace(1, 0, down, dtype=np.float32)
    return edge


def guitar(
    strums: Iterable[Strum],
    *,
    clean: bool,
    amp: Amp,
    cents: float,
    clock: Clock,
    rng: np.random.Generator,
) -> Mono:
    """One guitarist plays the distorted (or the clean) strums; timing wavers by some 3 ms."""
    dry = np.zeros(clock.n_samples, dtype=np.float32)
    sample_rate = clock.sample_rate
    tables = (_table(1.0), _table(2.0))
    for strum in strums:
        if strum.clean is not clean:
            continue
        at = clock.sample(strum.beat, 0.003 * rng.standard_normal())
        ring = 1.6 if clean else 1.0
        length_s = (
            min(strum.beats * clock.beat_s * ring, 6.0) if not strum.muted else min(strum.beats * clock.beat_s, 0.16)
        )
        n = min(int(length_s * sample_rate), clock.n_samples - at)
        if n <= 8:
            continue
        decay_s = 0.055 if strum.muted else 2.2
        sound = np.zeros(n, dtype=np.float32)
        for i, pitch in enumerate(strum.pitches):
            wobble = (cents + rng.normal(0.0, 1.5)) / 100
            sound += (1.0, 0.8, 0.6)[i] * _string(_hz(pitch + wobble), n, decay_s, sample_rate, tables, rng)
        pick = min(n, int(0.004 * sample_rate))
        sound[:pick] += 0.25 * rng.standard_normal(pick).astype(np.float32)
        force = strum.force * 10 ** (rng.normal(0.0, 0.8) / 20) * (1.25 if strum.muted else 1.0)
        dry[at : at + n] += np.float32(0.5 * force) * sound * _edges(n, sample_rate)
    if not dry.any():
        return dry
    return _clean(dry, sample_rate) if clean else _distorted(dry, amp, sample_rate)


def _distorted(dry: Mono, amp: Amp, sample_rate: int) -> Mono:
    tight = signal.sosfilt(signal.butter(1, 140.0, "highpass", fs=sample_rate, output="sos"), dry)
    hot = antialiased_tanh(amp.drive * tight + 0.15) - np.tanh(0.15)
    return signal.sosfilt(cabinet(amp, sample_rate), hot).astype(np.float32)


def antialiased_tanh(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """tanh by differences of its antiderivative log cosh, which folds fewer partials back."""
    magnitude = np.abs(x)
    integral = magnitude + np.log1p(np.exp(-2 * magnitude))
    step = np.diff(x, prepend=x[:1])
    small = np.abs(step) < 1e-4  # there the quotient would lose its digits, and tanh of the mean is exact enough
    middle = np.tanh(x - 0.5 * step)
    return np.where(small, middle, np.diff(integral, prepend=integral[:1]) / np.where(small, 1.0, step))


def cabinet(amp: Amp, sample_rate: int) -> npt.NDArray[np.float64]:
    """The loudspeaker as second-order sections."""
    return np.concatenate(
        [
            signal.butter(2, 85.0, "highpass", fs=sample_rate, output="sos"),
            _peak(450.0, 1.0, amp.scoop_db, sample_rate),
            _peak(2600.0, 1.1, amp.presence_db, sample_rate),
            signal.butter(4, amp.cabinet_hz, "lowpass", fs=sample_rate, output="sos"),
        ]
    )


def _peak(hz: float, q: float, gain_db: float, sample_rate: int) -> npt.NDArray[np.float64]:
    """A peaking equaliser (R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients")."""
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * hz / sample_rate
    alpha = np.sin(w) / (2 * q)
    b = np.array([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a])
    d = np.array([1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])
    return np.concatenate([b / d[0], d / d[0]])[None]


def _clean(dry: Mono, sample_rate: int) -> Mono:
    """A clean amplifier: a little compression, a rounded top."""
    sos = np.concatenate(
        [
            signal.butter(1, 110.0, "highpass", fs=sample_rate, output="sos"),
            _peak(3000.0, 0.8, 4.0, sample_rate),
            signal.butter(2, 7500.0, "lowpass", fs=sample_rate, output="sos"),
        ]
    )
    return signal.sosfilt(sos, np.tanh(1.4 * dry)).astype(np.float32)


def bass(
    notes: Iterable[Pluck],
    *,
    clock: Clock,
    rng: np.random.Generator,
    grit: float = 2.5,
    low_db: float = 3.0,
    top_hz: float = 3000.0,
    vibrato_cents: float = 0.0,
) -> Mono:
    """Single plucked notes: the bass, and with another sound the lead guitar."""
    dry = np.zeros(clock.n_samples, dtype=np.float32)
    sample_rate = clock.sample_rate
    tables = (_table(1.2), _table(2.4))
    for note in notes:
        at = clock.sample(note.beat, 0.002 * rng.standard_normal())
        n = min(int(min(note.beats * clock.beat_s * 0.96, 5.0) * sample_rate), clock.n_samples - at)
        if n <= 8:
            continue
        wobble = rng.normal(0.0, 1.0 + vibrato_cents) / 100
        sound = _string(_hz(note.pitch + wobble), n, 1.6, sample_rate, tables, rng)
        dry[at : at + n] += np.float32(0.6 * note.force) * sound * _edges(n, sample_rate, 0.003)
    if not dry.any():
        return dry
    sos = np.concatenate(
        [
            signal.butter(2, 38.0, "highpass", fs=sample_rate, output="sos"),
            _peak(90.0, 0.9, low_db, sample_rate),
            signal.butter(2, top_hz, "lowpass", fs=sample_rate, output="sos"),
        ]
    )
    return signal.sosfilt(sos, np.tanh(grit * dry)).astype(np.float32)
