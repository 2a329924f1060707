"""A band of sines, hits and noise, and a plain renderer fitted on it once."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.nets.frames import FrameSpec, analyse
from neuralbum.nets.griffin_lim import PlainRenderer

SPEC = FrameSpec()


def sine(hz, seconds, amplitude=0.25, rate=SPEC.sample_rate):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def recording(seed, seconds=12.0, spec=SPEC):
    """Stereo of half-second notes, a noise of changing level and width below them, and hits."""
    rng = np.random.default_rng(seed)
    rate, out = spec.sample_rate, []
    for _ in range(round(seconds * 2)):
        note = sum(sine(hz, 0.5, 0.15 * rng.random(), rate) for hz in rng.uniform(60.0, 1400.0, 3))
        noise = rng.standard_normal((2, len(note))).astype(np.float32) * np.float32(10 ** rng.uniform(-4, -1))
        noise[1] += np.float32(rng.random()) * (noise[0] - noise[1])
        hit = rng.standard_normal(len(note)) * 0.3 * np.exp(-np.arange(len(note)) / rate / 0.02)
        out.append(note + noise + hit * (rng.random() < 0.5))
    return np.concatenate(out, axis=1).astype(np.float32)


@pytest.fixture(scope="session")
def pairs():
    return [(analyse(audio, SPEC)[0], audio) for audio in map(recording, range(3))]


@pytest.fixture(scope="session")
def plain(pairs):
    return PlainRenderer.fit(pairs, SPEC)
