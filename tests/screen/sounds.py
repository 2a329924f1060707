"""Sounds for the screen's tests: a plain band, noise, tones, and ways to spoil them."""

from __future__ import annotations

import numpy as np

RATE = 16_000


def band(seconds: float, *, bpm: float = 120.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Kick, snare, hats and changing chords: float32 (n,), no two bars alike."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    out = np.zeros(n + rate)
    step_s = 60.0 / bpm / 2
    time = np.arange(rate // 2) / rate
    kick = np.sin(2 * np.pi * 60 * time) * np.exp(-time * 18)
    for i in range(int(seconds / step_s)):
        at = round(i * step_s * rate)
        hat = rng.normal(0, 1, 800) * np.exp(-np.arange(800) / 150)
        out[at : at + 800] += 0.12 * hat
        if i % 4 == 0:
            out[at : at + kick.size] += 0.7 * kick
        if i % 4 == 2:
            out[at : at + 3000] += 0.3 * rng.normal(0, 1, 3000) * np.exp(-np.arange(3000) / 700)
    long = np.arange(n) / rate
    for start in np.arange(0, seconds, 4 * 60 / bpm):
        inside = (long >= start) & (long < start + 4 * 60 / bpm)
        root = 110 * 2 ** (rng.integers(0, 12) / 12)
        for overtone in range(1, 9):
            out[:n][inside] += 0.1 / overtone * np.sin(2 * np.pi * root * overtone * long[inside])
    out = out[:n] + 0.001 * rng.normal(0, 1, n)
    return (0.8 * out / np.abs(out).max()).astype(np.float32)


def noise(seconds: float, *, level: float = 0.2, rate: int = RATE, seed: int = 1) -> np.ndarray:
    return (level * np.random.default_rng(seed).normal(0, 1, round(seconds * rate))).astype(np.float32)


def tone(seconds: float, *, hz: float = 220.0, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def stuck(audio: np.ndarray, start_s: float, period_s: float, end_s: float, *, rate: int = RATE) -> np.ndarray:
    """Repeat the ``period_s`` that begin at ``start_s`` until ``end_s``."""
    out = audio.copy()
    a, b, n = round(start_s * rate), round(end_s * rate), round(period_s * rate)
    out[a:b] = np.resize(audio[a : a + n], b - a)
    return out
