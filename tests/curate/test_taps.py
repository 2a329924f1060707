"""The page fits taps itself, so that the tempo is there with the tap: held against the tempo that was tapped."""

from __future__ import annotations

import json
import math
import subprocess

import numpy as np
import pytest

from .test_front_end import WEB, node

ASK = """
import { fit } from '%s';
let text = '';
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(JSON.parse(text).map(fit))); // JSON writes infinity as null
"""
BPM, JITTER_S, N_TRIALS = 137.0, 0.02, 200


def fits(sequences):
    """What the page makes of each sequence of tap times."""
    script = ASK % (WEB / "src" / "taps.ts").as_uri()
    text = json.dumps([[float(t) for t in times] for times in sequences])
    done = subprocess.run([node(), "--input-type=module", "-e", script], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("fault", ["none", "missed", "doubled"])
def test_one_fault_among_sixteen_taps_costs_less_than_half_a_percent(fault):
    rng = np.random.default_rng(3)
    sequences = []
    for _ in range(N_TRIALS):
        times = np.sort(3.0 + np.arange(16) * 60 / BPM + rng.normal(0, JITTER_S, 16))
        if fault == "missed":
            times = np.delete(times, rng.integers(1, 15))
        if fault == "doubled":
            times = np.sort(np.append(times, times[rng.integers(1, 15)] + rng.uniform(0.07, 0.15)))
        sequences.append(times)
    found = fits(sequences)
    counted = {"none": (0, 0), "missed": (1, 0), "doubled": (0, 1)}[fault]
    assert np.mean([(one["missed"], one["doubled"]) == counted for one in found]) > 0.95
    errors = [abs(one["bpm"] / BPM - 1) for one in found]
    assert np.median(errors) < 0.003
    assert np.quantile(errors, 0.9) < 0.005


def test_a_pause_begins_a_new_count_and_no_two_taps_are_no_tempo():
    after, none, one, twice = fits([[*np.arange(5) * 0.5, *(10 + np.arange(9) * 0.4)], [], [1.0], [1.0, 1.0]])
    assert (after["n"], after["settled"]) == (9, True)
    assert after["bpm"] == pytest.approx(150)
    assert none["bpm"] == one["bpm"] == twice["bpm"] == 0


def test_any_sorted_taps_give_a_finite_tempo():
    rng = np.random.default_rng(0)
    sequences = [np.sort(rng.uniform(0, 60, rng.integers(0, 25))) for _ in range(500)]
    assert all(math.isfinite(one["bpm"]) and one["bpm"] >= 0 for one in fits(sequences))
