"""The page fits taps itself, so that the tempo is there with the tap: it must say what the screen's fit says."""

from __future__ import annotations

import json
import math
import subprocess

import numpy as np
import pytest

from neuralbum.screen import taps

from .test_front_end import WEB, node

ASK = """
import { fit } from '%s';
let text = '';
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(JSON.parse(text).map(fit))); // JSON writes infinity as null
"""


def some_taps(rng: np.random.Generator) -> list[float]:
    """As people tap: jitter, beats missed and doubled, a key that bounces, a pause, another tempo after it."""
    period = 60 / rng.uniform(17, 420)
    beats = np.arange(rng.integers(0, 40)) * period
    kept = beats[rng.random(beats.size) > rng.choice([0.0, 0.05, 0.3])]
    doubled = kept[rng.random(kept.size) < rng.choice([0.0, 0.1])] + rng.uniform(0.01, 0.4) * period
    times = np.sort(
        np.concatenate([kept, doubled]) + rng.normal(0, rng.choice([0.0, 0.01, 0.03, 0.1]), kept.size + doubled.size)
    )
    if rng.random() < 0.2:
        times = np.concatenate([times, times[-1:] + 5 + np.arange(9) * 0.4])
    return [float(t) for t in times + 30]


def test_both_fits_say_the_same_of_the_same_taps():
    rng = np.random.default_rng(0)
    vectors = [[], [1.0], [1.0, 1.0], [1.0, 1.02], [1.0, 1.5], *(some_taps(rng) for _ in range(400))]
    script = ASK % (WEB / "src" / "taps.ts").as_uri()
    done = subprocess.run(
        [node(), "--input-type=module", "-e", script], input=json.dumps(vectors), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = json.loads(done.stdout)
    assert sum(page["bpm"] > 0 for page in theirs) > 300
    for times, page in zip(vectors, theirs, strict=True):
        ours = taps.fit(times)
        assert page["bpm"] == pytest.approx(ours.bpm, rel=1e-9), times
        assert (page["n"], page["missed"], page["doubled"]) == (ours.n_taps, ours.missed, ours.doubled), times
        assert page["settled"] == ours.settled, times
        spread = math.inf if page["spread"] is None else page["spread"]
        assert spread == pytest.approx(ours.spread, rel=1e-6, abs=1e-12), times
