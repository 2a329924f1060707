"""The head's likelihood: free logits times a mixture tied to the forecast.

A net gives, for every sample, ``n_levels`` free logits f and K experts, each a
logistic distribution (weight, centre, scale in amplitude) integrated between
the quantiser's edges:

    log p(l) = f[l] + log( sum_k w_k · mass_k(l) + FLOOR ) − log Z

The experts know where the forecast lies, the free logits everything else. The
fused kernels do one sample at a time in cache; the loss gives its gradients
along with its value. Measured: 5x faster than the same in torch,
with gradients; the NumPy twin needs 40 us a sample for the value alone (K 3, 256 levels).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

FLOOR = 1e-6
"""Mass every level has besides the experts': float32 differences of sigmoids are no smaller."""

REACH = 20.0
"""Beyond this many scales a logistic tail holds less than 3e-9, far under the floor."""

FAST = {"contract", "reassoc", "nsz", "nnan", "ninf", "arcp"}

Array = npt.NDArray[np.floating[Any]]


def masses_plain(centre: Array, scale: Array, edges: Array) -> Array:
    """The twin in NumPy: logistic mass of each level, (..., K) -> (..., K, n_levels)."""
    z = (edges - centre[..., None]) / scale[..., None]
    open_end = np.full((*z.shape[:-1], 1), np.inf)
    a, b = np.concatenate([-open_end, z], -1), np.concatenate([z, open_end], -1)
    tail_a, tail_b = 1 / (1 + np.exp(np.abs(np.clip(a, -80, 80)))), 1 / (1 + np.exp(np.abs(np.clip(b, -80, 80))))
    return np.where(a >= 0, tail_a - tail_b, np.where(b <= 0, tail_b - tail_a, 1 - tail_a - tail_b))


def log_p_plain(free: Array, weight: Array, centre: Array, scale: Array, edges: Array) -> Array:
    """The twin in NumPy: log-probabilities (..., n_levels) of free logits and experts (..., K)."""
    mixed = (weight[..., None] * masses_plain(centre, scale, edges)).sum(-2) + FLOOR
    logits = free + np.log(mixed)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@intrinsic
def _float_of_bits(typing, bits):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.float32))

    return types.float32(types.int32), codegen


@intrinsic
def _bits_of_float(typing, value):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(types.int32))

    return types.int32(types.float32), codegen


@njit(inline="always")
def exp32(x):
    """exp of a float32, relative error < 3e-7, in a form the compiler can vectorise. x in [−87, 88]."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    t = x * np.float32(1.44269504088896341)
    n = np.int32(t + np.float32(128.5)) - np.int32(128)  # t > −128, so truncation is floor
    f = x - np.float32(n) * np.float32(0.693359375)
    f = f + np.float32(n) * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * f + np.float32(1.3981999507e-3)
    p = p * f + np.float32(8.3334519073e-3)
    p = p * f + np.float32(4.1665795894e-2)
    p = p * f + np.float32(1.6666665459e-1)
    p = p * f + np.float32(5.0000001201e-1)
    p = p * f * f + f + np.float32(1.0)
    return p * _float_of_bits(np.int32((n + np.int32(127)) << np.int32(23)))  # type: ignore[call-arg]


@njit(inline="always")
def log32(x):
    """Natural logarithm of a positive normal float32, absolute error < 2e-7 times its size plus 1e-7."""
    bits: Any = _bits_of_float(np.float32(x))  # type: ignore[call-arg]
    n = np.int32((bits - np.int32(0x3F3504F3)) >> np.int32(23))
    m = _float_of_bits(np.int32(bits - (n << np.int32(23)))) - np.float32(1.0)
    z = m * m
    p = np.float32(7.0376836292e-2)
    p = p * m + np.float32(-1.1514610310e-1)
    p = p * m + np.float32(1.1676998740e-1)
    p = p * m + np.float32(-1.2420140846e-1)
    p = p * m + np.float32(1.4249322787e-1)
    p = p * m + np.float32(-1.6668057665e-1)
    p = p * m + np.float32(2.0000714765e-1)
    p = p * m + np.float32(-2.4999993993e-1)
    p = p * m + np.float32(3.3333331174e-1)
    p = p * m * z - np.float32(0.5) * z + m
    return p + np.float32(n) * np.float32(0.69314718056)


@njit(inline="always")
def _mix(weight, centre, scale, edges, tail, mixed):
    """mixed[l] = sum_k weight_k · mass_k(l) + FLOOR; tail (n_levels + 1,) is scratch."""
    n_levels = mixed.shape[0]
    for level in range(n_levels):
        mixed[level] = np.float32(FLOOR)
    for k in range(weight.shape[0]):
        w, c, inverse = weight[k], centre[k], np.float32(1.0) / scale[k]
        # Only levels within REACH scales hold mass worth adding to the floor.
        first = np.searchsorted(edges, c - np.float32(REACH) * scale[k])
        last = np.searchsorted(edges, c + np.float32(REACH) * scale[k])  # edges [first, last) are near
        inside = np.searchsorted(edges, c)
        tail[first] = np.float32(0.0)
        tail[last + 1] = np.float32(0.0)
        for e in range(first, last):
            size = exp32(-abs((edges[e] - c) * inverse))
            tail[e + 1] = size / (np.float32(1.0) + size)
        for level in range(first, inside):
            mixed[level] += w * (tail[level + 1] - tail[level])
        mixed[inside] += w * (np.float32(1.0) - tail[inside] - tail[inside + 1])
        for level in range(inside + 1, last + 1):
            mixed[level] += w * (tail[level] - tail[level + 1])


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss(free, weight, centre, scale, edges, target, nll, grad_free, grad_weight, grad_centre, grad_scale):
    """Negative log-likelihood in nats of each row's target, and its gradients.

    free (N, L), weight, centre, scale (N, K), edges (L − 1,), target (N,) ->
    nll (N,), grad_free (N, L), grad_weight, grad_centre, grad_scale (N, K).
    """
    n_rows, n_levels = free.shape
    n_experts = weight.shape[1]
    tails = np.empty((n_experts, n_levels + 1), np.float32)
    mixed = np.empty(n_levels, np.float32)
    slope = np.empty(n_levels + 1, np.float32)
    one = np.float32(1.0)
    for row in range(n_rows):
        for level in range(n_levels):
            mixed[level] = np.float32(FLOOR)
        for k in range(n_experts):
            w, c, inverse = weight[row, k], centre[row, k], one / scale[row, k]
            tail = tails[k]
            tail[0] = np.float32(0.0)
            tail[n_levels] = np.float32(0.0)
            for e in range(n_levels - 1):
                size = exp32(-abs((edges[e] - c) * inverse))
                tail[e + 1] = size / (one + size)
            inside = np.searchsorted(edges, c)
            for level in range(inside):
                mixed[level] += w * (tail[level + 1] - tail[level])
            mixed[inside] += w * (one - tail[inside] - tail[inside + 1])
            for level in range(inside + 1, n_levels):
                mixed[level] += w * (tail[level] - tail[level + 1])
        top = np.float32(-1e30)
        for level in range(n_levels):
            top = free[row, level] if free[row, level] > top else top
        total = np.float32(0.0)
        for level in range(n_levels):
            p = exp32(free[row, level] - top) * mixed[level]
            grad_free[row, level] = p
            total += p
        y = target[row]
        nll[row] = math.log(total) - math.log(max(grad_free[row, y], np.float32(1e-37)))
        share = one / total
        for level in range(n_levels):
            grad_free[row, level] *= share
        grad_free[row, y] -= one
        # d nll / d mixed[l] = grad_free[l] / mixed[l]; differences of it lie on the edges
        for level in range(n_levels):
            mixed[level] = grad_free[row, level] / mixed[level]
        slope[0] = np.float32(0.0)
        slope[n_levels] = np.float32(0.0)
        for e in range(1, n_levels):
            slope[e] = mixed[e - 1] - mixed[e]  # d nll / d (weighted CDF at the edge between e − 1 and e)
        for k in range(n_experts):
            c, inverse = centre[row, k], one / scale[row, k]
            tail = tails[k]
            by_centre = np.float32(0.0)
            by_scale = np.float32(0.0)
            below = np.float32(0.0)
            inside = np.searchsorted(edges, c)
            for e in range(1, n_levels):
                density = tail[e] * (one - tail[e])
                by_centre += slope[e] * density
                by_scale += slope[e] * density * (edges[e - 1] - c)
            for e in range(1, inside + 1):
                below += slope[e] * tail[e]
            for e in range(inside + 1, n_levels):
                below += slope[e] * (one - tail[e])
            # sum_l g_l mass(l) = sum_e slope_e CDF(e) + g_last
            grad_weight[row, k] = below + mixed[n_levels - 1]
            grad_centre[row, k] = -weight[row, k] * inverse * by_centre
            grad_scale[row, k] = -weight[row, k] * inverse * inverse * by_scale


@njit(inline="always")
def _draw(scores, p, temperature, uniform, tell):
    """A level from softmax(scores / T), and bits of entropy at T = 1 if ``tell``; p (L,) is scratch."""
    n_levels = p.shape[0]
    top = np.float32(-1e30)
    for level in range(n_levels):
        top = scores[level] if scores[level] > top else top
    inverse = np.float32(1.0) / np.float32(temperature)
    entropy: Any = 0.0
    if tell:
        total = np.float32(0.0)
        moment = np.float32(0.0)
        for level in range(n_levels):
            z = scores[level] - top
            q = exp32(z)
            total += q
            moment += q * z
        entropy = (math.log(total) - moment / total) * 1.4426950408889634
    for level in range(n_levels):
        p[level] = exp32((scores[level] - top) * inverse)
    tempered = np.float32(0.0)
    for level in range(n_levels):
        tempered += p[level]
    # Walk by sixteens first: a sum of sixteen is quick, a chain of 256 additions is not.
    wanted = np.float32(uniform) * tempered
    reached = np.float32(0.0)
    chosen = n_levels - 1
    start = 0
    while start < n_levels:
        stop = min(start + 16, n_levels)
        part = np.float32(0.0)
        for level in range(start, stop):
            part += p[level]
        if reached + part > wanted:
            break
        reached += part
        start = stop
    for level in range(start, n_levels):
        reached += p[level]
        if reached > wanted:
            chosen = level
            break
    return chosen, entropy


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def draw(free, weight, centre, scale, edges, temperature, uniform, tail, p, tell=True):
    """Draw one level from p^(1/T) by inverting its CDF; returns (level, entropy in bits at T = 1).

    The entropy is worked out only if ``tell``. free (L,), weight, centre, scale (K,), edges
    (L − 1,); tail (L + 1,) and p (L,) are scratch. Afterwards tail[:L] holds the unnormalised log-probabilities.
    """
    n_levels = free.shape[0]
    _mix(weight, centre, scale, edges, tail, p)
    for level in range(n_levels):
        tail[level] = free[level] + log32(p[level])
    return _draw(tail, p, temperature, uniform, tell)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def draw_free(free, temperature, uniform, p, tell=True):
    """``draw`` for nets without experts."""
    return _draw(free, p, temperature, uniform, tell)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def draw_rows(free, weight, centre, scale, edges, temperatures, uniforms, amplitudes, levels, expected):
    """``draw`` for N samples whose past is known: fills levels (N,) and the expected amplitudes at T = 1, (N,).

    free (N, L), weight, centre, scale (N, K), temperatures, uniforms (N,), amplitudes (L,).
    """
    n_rows, n_levels = free.shape
    tail, p = np.empty(n_levels + 1, np.float32), np.empty(n_levels, np.float32)
    for row in range(n_rows):
        levels[row], _ = draw(
            free[row], weight[row], centre[row], scale[row], edges, temperatures[row], uniforms[row], tail, p, False
        )
        top = np.float32(-1e30)
        for level in range(n_levels):
            top = tail[level] if tail[level] > top else top
        total, moment = np.float32(0.0), np.float32(0.0)
        for level in range(n_levels):
            q = exp32(tail[level] - top)
            total += q
            moment += q * amplitudes[level]
        expected[row] = moment / total
