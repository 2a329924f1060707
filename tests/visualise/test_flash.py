"""Flashes are counted as WCAG 2.3.1 has it, and held under its limits."""

import numpy as np
import pytest

from neuralbum.visualise.draw import Look
from neuralbum.visualise.flash import Counter, limit, limited, luminance_and_red
from neuralbum.visualise.frame_array import FrameArray

FPS = 30


def square(per_second, seconds=3.0, low=0.0, high=0.5):
    phase = (np.arange(int(seconds * FPS)) * per_second / FPS) % 1
    return np.where(phase < 0.5, low, high).astype(np.float32)


def count(series, shape=(6, 6), red=None, share=1.0):
    """Feed a counter with a picture of which a share (from the left) follows ``series``."""
    picture = np.zeros((len(series), *shape), np.float32)
    picture[:, :, : round(share * shape[1])] = series[:, None, None]
    counter = Counter(FPS, shape)
    dark = np.zeros_like(picture)
    bad = counter.feed(dark, picture) if red else counter.feed(picture, dark)
    return bool(bad.any()), counter


@pytest.mark.parametrize(("per_second", "fails"), [(1, False), (3, False), (5, True), (10, True)])
def test_more_than_three_flashes_a_second_fail(per_second, fails):
    assert count(square(per_second))[0] is fails


@pytest.mark.parametrize(
    ("low", "high", "fails"),
    [(0.0, 0.09, False), (0.0, 0.11, True), (0.85, 1.0, False), (0.7, 0.85, True)],
)
def test_a_change_counts_from_ten_percent_on_where_the_darker_end_is_under_80(low, high, fails):
    assert count(square(6, low=low, high=high))[0] is fails


@pytest.mark.parametrize(("share", "fails"), [(1 / 24, False), (1.0, True)])
def test_only_a_quarter_of_the_field_or_more_counts(share, fails):
    assert count(square(6), shape=(24, 24), share=share)[0] is fails


def test_red_flashes_have_their_own_rule():
    luminance, red = luminance_and_red(*(np.array([v], np.float32) for v in (1.0, 0.0, 0.0)))
    assert red[0] == pytest.approx(320)
    assert luminance[0] == pytest.approx(0.2126)
    assert count(square(6, high=21.0), red=True)[0]
    assert not count(square(6, high=19.0), red=True)[0]
    _, pink = luminance_and_red(*(np.array([v], np.float32) for v in (1.0, 0.6, 0.6)))
    assert pink[0] == 0  # R / (R + G + B) under 0.8: not saturated


def test_counting_goes_on_over_stretches():
    series = square(6)
    picture = np.broadcast_to(series[:, None, None], (len(series), 6, 6))
    whole, cut = Counter(FPS, (6, 6)), Counter(FPS, (6, 6))
    expected = whole.feed(picture, picture * 0)
    found = np.concatenate([cut.feed(p, p * 0) for p in np.array_split(picture, 7)])
    assert np.array_equal(found, expected)
    assert whole.most == cut.most


def blast_beat(per_second, seconds=6.0):
    """SongLevels of hits over all bands, with a fast decay, and of one red pitch that stutters along."""
    n = int(seconds * FPS)
    since = ((np.arange(n) + 0.5) / FPS) % (1 / per_second)
    level = (0.5 ** (since / 0.05)).astype(np.float32)
    rows = np.zeros((n, 212), np.float32)
    rows[:, 84:] = level[:, None]
    rows[:, 0:84:12] = level[:, None]
    return rows


@pytest.mark.parametrize("layout", ["waterfall", "plaid"])
@pytest.mark.parametrize("per_second", [5.0, 8.0, 13.3])
def test_a_blast_beat_passes_with_the_limiter_and_fails_without(layout, per_second):
    look = Look(layout, 320, 180, FPS)
    rows = blast_beat(per_second)
    with FrameArray(212) as frames:
        frames.append(rows)
        _, without = limit(frames, look, limiter=False)
    drawn, report = limited(rows, look)
    assert not without.passes
    assert without.flashes > 3
    assert report.passes
    assert report.flashes <= 3
    assert report.limited_share > 0.5
    assert abs(drawn.mean() - rows.mean()) < 0.25 * rows.mean()  # a glowing wall, not darkness


def test_slow_hits_are_left_alone():
    rows = blast_beat(2.0)
    drawn, report = limited(rows, Look("plaid", 320, 180, FPS))
    assert report.passes
    assert report.limited_share == 0
    assert np.array_equal(drawn, rows)


def test_only_the_fast_part_is_changed():
    rows = np.concatenate([blast_beat(1.5, 8.0), blast_beat(10.0, 4.0), blast_beat(1.5, 8.0)])
    drawn, report = limited(rows, Look("plaid", 320, 180, FPS))
    changed = np.flatnonzero(np.abs(drawn - rows).max(axis=1) > 1e-6) / FPS
    assert report.passes
    assert changed.min() > 5
    assert changed.max() < 15
