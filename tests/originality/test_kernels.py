"""Every fast kernel agrees with its plain NumPy twin."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.kernels import diagonal, landmarks, qmax, top_peaks

RNG = np.random.default_rng(5)


def test_local_maxima_agree_also_on_plateaus():
    picture = RNG.standard_normal((80, 40)).astype(np.float32)
    picture[20:26, 10:16] = 4.0
    plain = landmarks.local_maxima_plain(picture, 4, 5, 0.5)
    fast = landmarks.local_maxima(picture, 4, 5, 0.5)
    assert np.array_equal(plain[0], fast[0])
    assert np.array_equal(plain[1], fast[1])
    assert np.allclose(plain[2], fast[2], atol=1e-4)


def test_pairs_and_votes_agree():
    frame = np.sort(RNG.integers(0, 400, 150)).astype(np.int32)
    bin_ = RNG.integers(0, 204, 150).astype(np.int32)
    hashes, anchors = landmarks.pairs(frame, bin_, 5)
    plain_hashes, plain_anchors = landmarks.pairs_plain(frame, bin_, 5)
    assert np.array_equal(hashes, plain_hashes)
    assert np.array_equal(anchors, plain_anchors)
    order = np.lexsort((anchors, hashes))
    value, at = hashes[order], anchors[order]
    low = value & np.uint32((1 << landmarks.LOW_BITS) - 1)
    postings = (low << np.uint32(landmarks.FRAME_BITS)) | at.astype(np.uint32)
    starts = np.searchsorted(value >> landmarks.LOW_BITS, np.arange(landmarks.N_BUCKETS + 1)).astype(np.uint32)
    ours, theirs = np.zeros(300, np.float32), np.zeros(300, np.float32)
    landmarks.votes(hashes[::3], anchors[::3], starts, postings, 400, ours)
    landmarks.votes_plain(hashes[::3], anchors[::3], starts, postings, 400, theirs)
    assert np.allclose(ours, theirs, atol=1e-4)
    assert int(np.argmax(ours)) == 400 // landmarks.VOTE_FRAMES
    places, heights = landmarks.highest(ours, 3, 3)
    assert places[0] in (99, 100)
    assert list(heights) == sorted(heights, reverse=True)


def test_frame_scores_agree():
    query = RNG.standard_normal((60, 8)).astype(np.float32)
    reference = (100 * RNG.standard_normal((40, 8))).clip(-127, 127).astype(np.int8)
    peak_map = (RNG.random((130, 30)) < 0.2).astype(np.uint8)
    hit, miss = (RNG.standard_normal((3, 30)).astype(np.float32) for _ in range(2))
    frame = np.sort(RNG.integers(0, 160, 90)).astype(np.int32)
    start = np.searchsorted(frame, np.arange(41) * 4 - 2).astype(np.int32)
    bins = RNG.integers(0, 30, 90).astype(np.int32)
    words = (query, 2, reference, 3, 38, 9.3, 12.1, 1.06, 4.0, 0.2, peak_map, hit, miss, 62, start, frame, bins, 3)
    assert np.allclose(diagonal.frame_scores(*words), diagonal.frame_scores_plain(*words), atol=1e-3)


def test_the_best_run_is_the_best_of_all_runs():
    for _ in range(20):
        scores = RNG.standard_normal(30).astype(np.float32)
        total, start, stop = diagonal.best_run(scores, 0.1)
        every = max(float((scores[i:j] - 0.1).sum()) for i in range(30) for j in range(i + 1, 31))
        assert total == pytest.approx(max(every, 0.0), abs=1e-4)
        assert (start, stop) == diagonal.best_run_plain(scores, 0.1)[1:]


def test_the_top_peaks_agree():
    similarity = RNG.random((5, 300)).astype(np.float32)
    kept = []
    for keep in (top_peaks.keep_top_peaks, top_peaks.keep_top_peaks_plain):
        values = np.zeros((5, 4), np.float32)
        places = np.full((5, 4), -1, np.int32)
        keep(similarity[:, :150], 0, values, places)
        keep(similarity[:, 150:], 150, values, places)
        kept.append([sorted(zip(*row, strict=True)) for row in zip(values, places, strict=True)])
    assert kept[0] == kept[1]


def test_qmax_agrees_and_recurrence_keeps_the_nearest_of_rows_and_columns():
    distance = RNG.random((25, 40)).astype(np.float32)
    near = qmax.recurrence(distance, 0.15)
    assert near.sum(axis=0).max() <= round(0.15 * 25)
    assert near.sum(axis=1).max() <= round(0.15 * 40)
    assert near[np.unravel_index(np.argmin(distance), distance.shape)]
    near |= np.eye(25, 40, 8, dtype=bool)
    assert qmax.qmax(near, 5.0, 0.5)[0] == pytest.approx(qmax.qmax_plain(near, 5.0, 0.5)[0])


def test_qmax_walks_a_clean_diagonal_from_end_to_end():
    assert qmax.qmax(np.eye(12, 20, 5, dtype=bool), 5.0, 0.5) == (12.0, 0, 5, 11, 16)
