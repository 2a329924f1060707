"""The gated recurrence: kernel, NumPy twin and log-depth scan are one function."""

import numpy as np
import pytest
import torch

from neuralbum.kernels import step_scan
from neuralbum.skeleton.recurrence import scan, scan_log_depth


def values(dtype=np.float64):
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 1, size=(2, 17, 3)).astype(dtype)
    return a, rng.normal(size=a.shape).astype(dtype), rng.normal(size=(2, 3)).astype(dtype)


def test_kernel_agrees_with_its_numpy_twin():
    a, v, h0 = values()
    out = np.empty_like(v)
    step_scan.scan(a, v, h0, out)
    assert out == pytest.approx(step_scan.scan_plain(a, v, h0), abs=1e-13)
    grad = np.random.default_rng(1).normal(size=v.shape)
    grads = [np.empty_like(a), np.empty_like(v), np.empty_like(h0)]
    step_scan.scan_back(a, out, h0, grad, *grads)
    for got, expected in zip(grads, step_scan.scan_back_plain(a, out, h0, grad), strict=True):
        assert got == pytest.approx(expected, abs=1e-13)


def test_log_depth_scan_has_the_same_values_and_gradients():
    fast, slow = ([torch.from_numpy(x).requires_grad_() for x in values()] for _ in range(2))
    one, two = scan(*fast), scan_log_depth(*slow)
    assert torch.allclose(one, two, atol=1e-12)
    weights = torch.linspace(-1, 1, one.numel(), dtype=torch.float64).reshape(one.shape)
    (one * weights).sum().backward()
    (two * weights).sum().backward()
    for x, y in zip(fast, slow, strict=True):
        assert torch.allclose(x.grad, y.grad, atol=1e-12)
