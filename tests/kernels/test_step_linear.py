"""Products that do not depend on the batch."""

import numpy as np
import pytest

from neuralbum.kernels import step_linear


def product(x, weight, bias):
    packed, padded = step_linear.pack(weight), step_linear.pad(bias)
    n_inputs, stride = x.shape[1], x.shape[1] + padded.size
    rows = np.zeros((len(x), stride), dtype=np.float32)
    rows[:, :n_inputs] = x
    flat = np.concatenate([packed.ravel(), padded])
    step_linear.linear(flat, 0, packed.size, n_inputs, len(packed), rows.reshape(-1), 0, n_inputs, stride, len(x))
    return rows[:, n_inputs:], packed, padded


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(1, 1), (28, 48), (50, 265), (128, 16)])
def test_kernel_adds_up_like_its_numpy_twin(n_inputs, n_outputs):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(15, n_inputs)).astype(np.float32), rng.normal(size=(n_outputs, n_inputs))
    out, packed, bias = product(x, weight, rng.normal(size=n_outputs))
    twin = step_linear.linear_plain(x, packed, bias)
    assert np.mean(out == twin) > 0.999  # the twin may round twice
    assert out == pytest.approx(twin, abs=1e-5)
    assert out[:, :n_outputs] == pytest.approx(x @ weight.T + bias[:n_outputs], abs=1e-4)


@pytest.mark.parametrize("n_streams", [1, 2, 3, 7, 8, 13, 33])
def test_a_stream_gets_the_same_bits_alone_and_in_any_batch(n_streams):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(33, 70)).astype(np.float32)
    weight, bias = rng.normal(size=(90, 70)), rng.normal(size=90)
    everything = product(x, weight, bias)[0]
    assert np.array_equal(product(x[:n_streams], weight, bias)[0], everything[:n_streams])
