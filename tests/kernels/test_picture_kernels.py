"""The small kernels of the visualizer agree with their plain twins."""

import numpy as np
import pytest

from neuralbum.kernels import decay, flashes, masks, yuv_compositing

rng = np.random.default_rng(3)
ROUNDING = 2e-6  # float32 sums in another order


def test_soft_masks_agree_with_their_twin_even_where_numbers_are_tiny():
    harmonic = (rng.random((40, 33)) * 10.0 ** rng.integers(-42, 3, (40, 33))).astype(np.float32)
    percussive = (rng.random((40, 33)) * 10.0 ** rng.integers(-42, 3, (40, 33))).astype(np.float32)
    harmonic[0], percussive[0] = 0.0, 0.0
    for fast, plain in zip(
        masks.soft_masks(harmonic, percussive, 3.0), masks.soft_masks_plain(harmonic, percussive, 3.0), strict=True
    ):
        assert np.allclose(fast, plain, atol=ROUNDING)
        assert not fast[0].any()


def test_stickiness_agrees_with_its_twin_and_leaves_its_input_alone():
    levels, before = rng.random((50, 9)).astype(np.float32), rng.random(9).astype(np.float32)
    kept = before.copy()
    assert np.array_equal(decay.sticky(levels, 0.8, before), decay.sticky_plain(levels, 0.8, before))
    assert np.array_equal(before, kept)


@pytest.mark.parametrize(("zero", "span"), [(16.0, 219.0), (128.0, 224.0)])
def test_compositing_agrees_with_its_twin_within_one_level(zero, span):
    colour = ((rng.random((12, 20)) - 0.5) if zero == 128 else rng.random((12, 20))).astype(np.float32)
    light, tint = rng.random((12, 20)).astype(np.float32), np.full(20, 0.1 if zero == 128 else 1.0, np.float32)
    plain = yuv_compositing.composite_plain(colour, light, tint, zero, span)
    assert np.abs(yuv_compositing.composite(colour, light, tint, zero, span).astype(int) - plain).max() <= 1
    crossed = np.empty((12, 20), np.uint8)
    yuv_compositing.composite_outer(colour[0], light[:, 0].copy(), tint[:12], zero, span, crossed)
    plain = yuv_compositing.composite_plain(colour[:1], light[:, :1], tint[:12, None], zero, span)
    assert np.abs(crossed.astype(int) - plain).max() <= 1


@pytest.mark.parametrize(("white", "zero", "span"), [(1, 16.0, 219.0), (0, 128.0, 224.0)])
def test_keys_agree_with_their_twin_within_one_level(white, zero, span):
    colour, glow = (rng.random(20).astype(np.float32) * share for share in (0.5, 0.35))
    shape, names = (rng.random((8, 20)).astype(np.float32) for _ in range(2))
    plain = yuv_compositing.draw_keys_plain(colour, glow, shape, names, white, zero, span)
    assert (
        np.abs(yuv_compositing.draw_keys(colour, glow, shape, names, white, zero, span).astype(int) - plain).max() <= 1
    )


def test_full_colour_under_full_light_stays_in_range():
    one = np.ones((1, 4), np.float32)
    assert yuv_compositing.composite(one, one, one[0], 16.0, 219.0).max() <= 235


def test_turns_agree_with_their_twin_and_go_on_across_stretches():
    series = rng.random((90, 5)).astype(np.float32)
    state = [(np.zeros(5, np.float32), np.zeros(5, np.bool_)) for _ in range(2)]
    plain = flashes.turns_plain(series, *state[0], 0.1, 0.8)
    fast = np.concatenate([flashes.turns(part, *state[1], 0.1, 0.8) for part in (series[:31], series[31:])])
    assert np.array_equal(fast, plain)
    assert plain.any()
