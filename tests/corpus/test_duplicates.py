from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from neuralbum.corpus.duplicates import RATE, SAME, SignatureMeter, difference, find_copies, read_signature
from neuralbum.demo.band import make_band


def signature(mono: np.ndarray, block: int = 30_000) -> str:
    meter = SignatureMeter()
    for start in range(0, mono.size, block):
        meter.add(mono[start : start + block])
    return meter.signature()


@pytest.fixture(scope="module")
def songs() -> list[np.ndarray]:
    """Three of the demo band's songs, mono at RATE."""
    return [signal.resample_poly(song.audio.mean(axis=0), 80, 441).astype(np.float32) for song in make_band(5, 3, 20.0)]


def test_a_louder_squashed_and_later_copy_is_recognised(songs):
    remaster = np.tanh(2.0 * songs[0][int(2.34 * RATE) :]).astype(np.float32)
    noisy = remaster + 0.003 * np.random.default_rng(1).standard_normal(remaster.size).astype(np.float32)
    assert difference(read_signature(signature(songs[0])), read_signature(signature(noisy))) < SAME


def test_different_songs_of_one_band_are_not_taken_for_copies(songs):
    assert find_copies([signature(song) for song in songs]) == []


def test_the_first_of_three_copies_stays(songs):
    same = [signature(songs[0]), signature(songs[1]), signature(0.3 * songs[0]), signature(songs[0][RATE:])]
    assert [(c.copy, c.original) for c in find_copies(same)] == [(2, 0), (3, 0)]


def test_blocks_do_not_change_the_signature(songs):
    assert signature(songs[0], 30_000) == signature(songs[0], 7_777)


def test_half_a_second_has_no_signature():
    assert signature(np.zeros(RATE // 2, np.float32)) == ""
    assert find_copies(["", ""]) == []
