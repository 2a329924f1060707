"""The drummer: each drum is a small sum of falling sines and filtered noise.

A kit is struck four times per drum when it is set up; a song then places these
strokes, so that no two bars are equal to the sample and playing costs little.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from .score import Clock, Hit

Mono = npt.NDArray[np.float32]
N_STROKES = 4

PLACE = {"kick": 0.0, "snare": 0.06, "hat": 0.45, "open": 0.45, "ride": -0.5, "crash": -0.35, "tom1": 0.3, "tom2": -0.3}
"""Where each drum stands: −1 left, 1 right."""

LEVEL = {"kick": 0.95, "snare": 0.85, "hat": 0.17, "open": 0.2, "ride": 0.17, "crash": 0.3, "tom1": 0.7, "tom2": 0.75}


@dataclass(frozen=True)
class Kit:
    """How the drums are tuned."""

    kick_hz: float = 52.0
    snare_hz: float = 195.0
    bright: float = 1.0  #: of snare wires and cymbals
    ring: float = 1.0  #: decay times are scaled by it


def strokes(kit: Kit, sample_rate: int, rng: np.random.Generator) -> dict[str, list[Mono]]:
    """Strike every drum N_STROKES times."""
    return {drum: [_strike(drum, kit, sample_rate, rng) for _ in range(N_STROKES)] for drum in PLACE}


def play(
    hits: Iterable[Hit],
    clock: Clock,
    kit: dict[str, list[Mono]],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Place the strokes: float32 (2, clock.n_samples). Timing wavers by some 2 ms, force by 1 dB."""
    out = np.zeros((2, clock.n_samples), dtype=np.float32)
    for hit in hits:
        at = clock.sample(hit.beat, 0.002 * rng.standard_normal())
        force = hit.force * 10 ** (rng.normal(0.0, 1.0) / 20)
        sound = kit[hit.drum][int(rng.integers(N_STROKES))]
        n = min(sound.size, clock.n_samples - at)
        if n <= 0:
            continue
        angle = (PLACE[hit.drum] + 1) * np.pi / 4
        level = force * LEVEL[hit.drum]
        out[0, at : at + n] += np.float32(level * np.cos(angle) * np.sqrt(2)) * sound[:n]
        out[1, at : at + n] += np.float32(level * np.sin(angle) * np.sqrt(2)) * sound[:n]
    return out


def _strike(drum: str, kit: Kit, sample_rate: int, rng: np.random.Generator) -> Mono:
    match drum:
        case "kick":
            sound = _skin(kit.kick_hz, 3.2, 0.028, 0.16 * kit.ring, 0.5, sample_rate)
            n = sound.size
            sound += 0.35 * _noise(n, 0.006, (1500.0, 6000.0), sample_rate, rng)
        case "snare":
            sound = _skin(kit.snare_hz, 1.35, 0.02, 0.085 * kit.ring, 0.32, sample_rate)
            sound += 0.5 * _skin(kit.snare_hz * 1.78, 1.1, 0.015, 0.05 * kit.ring, 0.32, sample_rate)
            wires = _noise(sound.size, 0.075 * kit.ring, (900.0, 9000.0 * min(1.5, kit.bright)), sample_rate, rng)
            sound = 0.6 * sound + 0.75 * kit.bright * wires
        case "tom1" | "tom2":
            hz = kit.kick_hz * (2.6 if drum == "tom1" else 1.8)
            sound = _skin(hz, 1.5, 0.04, 0.2 * kit.ring, 0.7, sample_rate)
            sound += 0.12 * _noise(sound.size, 0.012, (800.0, 5000.0), sample_rate, rng)
        case _:
            decay_s = {"hat": 0.035, "open": 0.3, "ride": 0.35, "crash": 0.75}[drum] * kit.ring
            sound = _cymbal(drum, decay_s, kit.bright, sample_rate, rng)
    peak = float(np.abs(sound).max())
    return (sound / peak).astype(np.float32)


def _skin(
    hz: float, sweep: float, sweep_s: float, decay_s: float, length_s: float, sample_rate: int
) -> npt.NDArray[np.float64]:
    """A sine that falls from ``sweep * hz`` to ``hz``; the phase is the integral of the frequency."""
    t = np.arange(int(length_s * sample_rate)) / sample_rate
    phase = hz * (t + (sweep - 1) * sweep_s * (1 - np.exp(-t / sweep_s)))
    tone: npt.NDArray[np.float64] = np.sin(2 * np.pi * phase) * np.exp(-t / decay_s)
    return tone * _release(t.size)


def _noise(
    n: int, decay_s: float, band_hz: tuple[float, float], sample_rate: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    low, high = band_hz[0], min(band_hz[1], 0.45 * sample_rate)
    sos = signal.butter(2, (low, high), "bandpass", fs=sample_rate, output="sos")
    noise = signal.sosfilt(sos, rng.standard_normal(n))
    shaped: npt.NDArray[np.float64] = noise / (np.abs(noise).max() + 1e-12)
    return shaped * np.exp(-np.arange(n) / (decay_s * sample_rate)) * _release(n)


def _cymbal(
    drum: str, decay_s: float, bright: float, sample_rate: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """High noise, and for the ride some inharmonic ringing."""
    n = int(min(6 * decay_s, 3.0) * sample_rate)
    low = {"hat": 7000.0, "open": 5200.0, "ride": 4500.0, "crash": 2600.0}[drum]
    sound = _noise(n, decay_s, (low, 12000.0 * bright), sample_rate, rng)
    if drum == "ride":
        t = np.arange(n) / sample_rate
        for hz in (3127.0, 4211.0, 5673.0, 6991.0):
            sound += 0.12 * np.sin(2 * np.pi * (hz * t + rng.random())) * np.exp(-t / (0.5 * decay_s)) * _release(n)
    return sound


def _release(n: int) -> npt.NDArray[np.float64]:
    """1 until the last tenth, then a straight line to 0, so that no stroke ends in a click."""
    return np.minimum(1.0, np.arange(n, 0, -1) / (0.1 * n + 1))
