"""Products that do not depend on the batch."""

import numpy as np
import pytest

from neuralbum.kernels import step_linear

NONE = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int16)


def run(flat, large, w, bias, x, n_outputs):
    n_blocks = -(-n_outputs // step_linear.LANES)
    n_inputs, stride = x.shape[1], x.shape[1] + n_blocks * step_linear.LANES
    rows = np.zeros((len(x), stride), dtype=np.float32)
    rows[:, :n_inputs] = x
    step_linear.linear(flat, large, w, bias, n_inputs, n_blocks, rows.reshape(-1), 0, n_inputs, stride, len(x))
    return rows[:, n_inputs : n_inputs + n_outputs]


def product(x, weight, bias):
    packed = step_linear.pack(weight.astype(np.float32))
    return run(np.concatenate([packed, step_linear.pad(bias)]), NONE, 0, packed.size, x, len(bias))


def quantised_product(x, weight, bias):
    whole, scale = step_linear.quantise(weight.astype(np.float32))
    packed = np.concatenate([np.zeros(7, dtype=np.int16), step_linear.pack(whole)])
    flat = np.concatenate([np.ones(3, dtype=np.float32), step_linear.pad(bias / scale), step_linear.pad(scale)])
    return run(flat, (packed.astype(np.float32), packed), ~7, 3, x, len(bias))


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(1, 1), (28, 48), (50, 265), (128, 16), (1100, 208)])
def test_kernel_adds_up_like_its_numpy_twin(n_inputs, n_outputs):
    rng = np.random.default_rng(0)
    x, weight, bias = (
        rng.normal(size=n).astype(np.float32) for n in ((15, n_inputs), (n_outputs, n_inputs), n_outputs)
    )
    out = product(x, weight, bias)
    twin = step_linear.linear_plain(x, weight, bias)
    assert np.mean(out == twin) > 0.999  # the twin may round twice
    assert out == pytest.approx(twin, abs=1e-4)
    assert out == pytest.approx(x.astype(float) @ weight.T + bias, abs=1e-3)


def test_quantised_weights_are_off_by_half_a_step_at_most_and_nothing_stays_nothing():
    weight = np.random.default_rng(2).normal(size=(40, 300)).astype(np.float32)
    weight[3] = 0.0
    whole, scale = step_linear.quantise(weight)
    steps = np.abs(whole - weight.astype(float) / scale[:, None])
    assert steps.max() < 0.503  # a half, and what float32 rounds
    assert np.abs(whole).max() == step_linear.MOST
    assert not whole[3].any()


def test_the_quantised_product_is_the_exact_one_of_the_rounded_weights():
    rng = np.random.default_rng(3)
    x, weight, bias = (rng.normal(size=n).astype(np.float32) for n in ((15, 300), (210, 300), 210))
    whole, scale = step_linear.quantise(weight)
    rounded = whole.astype(float) * scale.astype(float)[:, None]
    assert quantised_product(x, weight, bias) == pytest.approx(x.astype(float) @ rounded.T + bias, abs=1e-4)
    assert quantised_product(x, weight, bias) == pytest.approx(x.astype(float) @ weight.T + bias, abs=5e-3)


@pytest.mark.parametrize("product", [product, quantised_product])
@pytest.mark.parametrize("n_streams", [1, 2, 3, 7, 8, 13, 33])
def test_a_stream_gets_the_same_bits_alone_and_in_any_batch(n_streams, product):
    rng = np.random.default_rng(1)
    for n_inputs in (70, step_linear.PANEL + 70):
        x = rng.normal(size=(33, n_inputs)).astype(np.float32)
        weight, bias = rng.normal(size=(220, n_inputs)), rng.normal(size=220)
        everything = product(x, weight, bias)
        assert np.array_equal(product(x[:n_streams], weight, bias), everything[:n_streams])
