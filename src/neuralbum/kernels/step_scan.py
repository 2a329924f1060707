"""The gated linear recurrence h[t] = a[t] · h[t−1] + v[t], forwards and backwards.

Real and elementwise: a complex-diagonal recurrence with constant angles becomes
this one in a rotating frame (see ``skeleton.recurrence``). Time is the only
sequential axis, so on a CPU a plain loop that reads each value once beats a
log-depth scan. Measured forwards and backwards: 13x faster than the
log-depth scan in torch, 7x than the NumPy twin (B 8, T 512, D 128, float32, one core).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.floating[Any]]


def scan_plain(a: Array, v: Array, h0: Array) -> Array:
    """The twin in NumPy: a, v (B, T, D) and h0 (B, D) -> h (B, T, D)."""
    h, out = h0, np.empty_like(v)
    for t in range(v.shape[1]):
        h = a[:, t] * h + v[:, t]
        out[:, t] = h
    return out


def scan_back_plain(a: Array, h: Array, h0: Array, grad: Array) -> tuple[Array, Array, Array]:
    """The twin in NumPy: gradients with respect to a, v and h0."""
    carry = np.zeros_like(h0)
    grad_v = np.empty_like(grad)
    for t in range(grad.shape[1] - 1, -1, -1):
        carry = carry + grad[:, t]
        grad_v[:, t] = carry
        carry = carry * a[:, t]
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    return grad_v * before, grad_v, carry


@njit(cache=True, error_model="numpy")
def scan(a, v, h0, out):
    """Fill ``out`` (B, T, D) with h."""
    n_batch, n_steps, width = v.shape
    for b in range(n_batch):
        for d in range(width):
            out[b, 0, d] = a[b, 0, d] * h0[b, d] + v[b, 0, d]
        for t in range(1, n_steps):
            for d in range(width):
                out[b, t, d] = a[b, t, d] * out[b, t - 1, d] + v[b, t, d]


@njit(cache=True, error_model="numpy")
def scan_back(a, h, h0, grad, grad_a, grad_v, grad_h0):
    """Fill the gradients with respect to a, v (B, T, D) and h0 (B, D)."""
    n_batch, n_steps, width = grad.shape
    for b in range(n_batch):
        for d in range(width):
            grad_h0[b, d] = 0.0
        for t in range(n_steps - 1, -1, -1):
            for d in range(width):
                g = grad_h0[b, d] + grad[b, t, d]
                grad_v[b, t, d] = g
                before = h[b, t - 1, d] if t > 0 else h0[b, d]
                grad_a[b, t, d] = g * before
                grad_h0[b, d] = g * a[b, t, d]
