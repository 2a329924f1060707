"""Products that do not depend on the batch."""

import numpy as np
import pytest

from neuralbum.kernels import step_linear


def product(x, weight, bias):
    packed, padded = step_linear.pack(weight), step_linear.pad(bias)
    n_inputs, stride = x.shape[1], x.shape[1] + padded.size
    rows = np.zeros((len(x), stride), dtype=np.float32)
    rows[:, :n_inputs] = x
    flat, n_blocks = np.concatenate([packed, padded]), padded.size // step_linear.LANES
    step_linear.linear(flat, 0, packed.size, n_inputs, n_blocks, rows.reshape(-1), 0, n_inputs, stride, len(x))
    return rows[:, n_inputs : n_inputs + len(bias)]


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


@pytest.mark.parametrize("n_streams", [1, 2, 3, 7, 8, 13, 33])
def test_a_stream_gets_the_same_bits_alone_and_in_any_batch(n_streams):
    rng = np.random.default_rng(1)
    for n_inputs in (70, step_linear.PANEL + 70):
        x = rng.normal(size=(33, n_inputs)).astype(np.float32)
        weight, bias = rng.normal(size=(220, n_inputs)), rng.normal(size=220)
        everything = product(x, weight, bias)
        assert np.array_equal(product(x[:n_streams], weight, bias), everything[:n_streams])
