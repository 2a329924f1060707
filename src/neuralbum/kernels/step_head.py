"""The head's likelihood: free logits times a mixture tied to the forecast.

A net gives, for every sample, ``n_levels`` free logits f and K experts, each a
logistic distribution (weight, centre, scale in amplitude) integrated between
the quantiser's edges:

    log p(l) = f[l] + log( sum_k w_k · mass_k(l) + FLOOR ) − log Z

The experts know where the forecast lies, the free logits everything else. A net's raw
outputs become weights, centres and scales in ``place_experts``. The fused kernels do one
sample at a time in cache, sixteen levels at once (``lanes``), and pass over levels that
an expert cannot reach; the loss gives its gradients along with its value. ``n_levels`` is a multiple of
sixteen, ``edges`` are those of ``bordered``.

Measured on one core, K 3, 256 levels, experts as wide as they are on real music: a draw
1.7 us,
loss and gradients 1.8 us a sample (2.6 us where they reach everywhere); the NumPy twin needs 40 us for
the value alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types

from . import lanes as v
from .lanes import LANES, intrinsic

FLOOR = 1e-6
"""Mass every level has besides the experts': float32 differences of sigmoids are no smaller."""

REACH = 20.0
"""Beyond this many scales a logistic tail holds less than 3e-9, far under the floor."""

FAR = np.float32(40.0)
"""No edge counts as further away than so many scales: products of smaller tails would be denormal, and slow."""

BEYOND = 1e9
"""An amplitude no level reaches: the outer edges of the outermost levels."""

NOTHING = np.empty(0, dtype=np.float32)

UNIT = 0.022
"""Logistic scale that the experts' shifts and scales are relative to: about what a forecast misses of loud music.
A constant, since a sampler whose scale is tied to its own last draws falls silent: the logarithm of a mean lies above
the mean of the logarithms."""
SCALE_RANGE = 4.0

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
def _int_of_float(typing, value):
    """Truncate to int32; numba's own conversion would go by way of 64 bits, at half the speed."""

    def codegen(context, builder, signature, args):
        return builder.fptosi(args[0], context.get_value_type(types.int32))

    return types.int32(types.float32), codegen


@intrinsic
def _power_of_two(typing, exponent):
    """2^(exponent − 128) as float32."""

    def codegen(context, builder, signature, args):
        kind = context.get_value_type(types.int32)
        bits = builder.shl(builder.sub(args[0], kind(1)), kind(23))
        return builder.bitcast(bits, context.get_value_type(types.float32))

    return types.float32(types.int32), codegen


@njit(inline="always")
def exp32(x):
    """exp of a float32, relative error < 3e-7, in a form the compiler can vectorise. x in [−87, 88]."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    t = x * np.float32(1.44269504088896341)
    n = _int_of_float(t + np.float32(128.5))  # t > −128, so truncation is floor
    whole = np.float32(n) - np.float32(128.0)
    f = x - whole * np.float32(0.693359375)
    f = f + whole * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * f + np.float32(1.3981999507e-3)
    p = p * f + np.float32(8.3334519073e-3)
    p = p * f + np.float32(4.1665795894e-2)
    p = p * f + np.float32(1.6666665459e-1)
    p = p * f + np.float32(5.0000001201e-1)
    p = p * f * f + f + np.float32(1.0)
    return p * _power_of_two(n)


def bordered(edges: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """The quantiser's L − 1 inner edges -> L + 1 edges: level l lies between the l-th and the next."""
    return np.concatenate([[-BEYOND], edges, [BEYOND]]).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def place_experts(raw, at, forecasts, features, first, log_weight, log_scale, weight, centre, scale):
    """Raw outputs raw[at:at + 3 K] -> weight, centre, scale (K,).

    features[first + forecasts[k]] is the prediction expert k leans on.
    """
    n_experts = weight.shape[0]
    top = np.float32(-1e30)
    for k in range(n_experts):
        top = max(top, raw[at + k] + log_weight[k])
    total = np.float32(0.0)
    for k in range(n_experts):
        weight[k] = exp32(raw[at + k] + log_weight[k] - top)
        total += weight[k]
    for k in range(n_experts):
        weight[k] = weight[k] / total
        centre[k] = np.float32(features[first + forecasts[k]]) + raw[at + n_experts + k] * np.float32(UNIT)
        stretch = raw[at + 2 * n_experts + k] + log_scale[k]
        scale[k] = np.float32(UNIT) * exp32(min(max(stretch, np.float32(-SCALE_RANGE)), np.float32(SCALE_RANGE)))


@njit(cache=True, nogil=True, error_model="numpy")
def _near(edges, centre, scale, n_levels):
    """[first, last): the levels an expert reaches, in whole sixteens."""
    low, high = centre - np.float32(REACH) * scale, centre + np.float32(REACH) * scale
    first = 0
    while first + LANES < n_levels and edges[first + LANES] < low:
        first += LANES
    last = first + LANES
    while last < n_levels and edges[last] <= high:
        last += LANES
    return first, last


@njit(cache=True, nogil=True, error_model="numpy")
def _mix(weight, centre, scale, edges, mixed, n_levels, kept):
    """mixed[l] = sum_k weight_k · mass_k(l) + FLOOR.

    kept (K · 2 L,), or empty: where each expert's z and tail at the upper edges of the levels it reaches are left.
    """
    keep = kept.shape[0] > 0
    floor = v.splat(np.float32(FLOOR))
    for level in range(0, n_levels, LANES):
        v.store(mixed, level, floor)
    for k in range(weight.shape[0]):
        first, last = _near(edges, centre[k], scale[k], n_levels)
        w, c, inverse = v.splat(weight[k]), v.splat(centre[k]), v.splat(np.float32(1.0) / scale[k])
        tail, z = v.splat(np.float32(0.0)), v.splat(np.float32(-BEYOND))  # at the edge before the first
        for level in range(first, last, LANES):
            new_z = v.within(v.mul(v.sub(v.load(edges, level + 1), c), inverse), FAR)
            new_tail = v.tail16(new_z)
            if keep:
                v.store(kept, 2 * k * n_levels + level, new_z)
                v.store(kept, (2 * k + 1) * n_levels + level, new_tail)
            mass = v.mass16(v.later(tail, new_tail), new_tail, v.later(z, new_z), new_z)
            v.store(mixed, level, v.fma(w, mass, v.load(mixed, level)))
            tail, z = new_tail, new_z


@njit(cache=True, nogil=True, error_model="numpy")
def _top(scores, at, n_levels):
    """The largest of n_levels values from ``at`` on."""
    top = v.load(scores, at)
    for level in range(LANES, n_levels, LANES):
        top = v.larger(top, v.load(scores, at + level))
    return v.largest(top)


@njit(cache=True, nogil=True, error_model="numpy")
def loss(
    raw, features, edges, forecasts, log_weight, log_scale, target, nll, grad
):  # fmt: skip
    """Negative log-likelihood in nats of each row's target, and its gradient.

    raw (N, L + 3 K), features (N, F), edges (L + 1,), forecasts, log_weight, log_scale
    (K,), target (N,) -> nll (N,), grad (N, L + 3 K).
    """
    n_rows, width = raw.shape
    n_experts = log_weight.shape[0]
    n_levels = width - 3 * n_experts
    flat, known, out = raw.reshape(-1), features.reshape(-1), grad.reshape(-1)
    weight, centre = np.empty(n_experts, np.float32), np.empty(n_experts, np.float32)
    scale, by_weight = np.empty(n_experts, np.float32), np.empty(n_experts, np.float32)
    mixed, kept = np.empty(n_levels, np.float32), np.empty(2 * n_experts * n_levels, np.float32)
    slope = np.zeros(n_levels + LANES, np.float32)
    one, nothing = v.splat(np.float32(1.0)), v.splat(np.float32(0.0))
    for row in range(n_rows):
        at = row * width
        experts = at + n_levels
        place_experts(
            flat, experts, forecasts, known, row * features.shape[1], log_weight, log_scale, weight, centre, scale
        )
        _mix(weight, centre, scale, edges, mixed, n_levels, kept)
        top = v.splat(_top(flat, at, n_levels))
        sums = nothing
        for level in range(0, n_levels, LANES):
            p = v.mul(v.exp16(v.sub(v.load(flat, at + level), top)), v.load(mixed, level))
            v.store(out, at + level, p)
            sums = v.add(sums, p)
        total = v.total(sums)
        y = at + target[row]
        nll[row] = math.log(total) - math.log(max(out[y], np.float32(1e-37)))
        share = v.splat(np.float32(1.0) / total)
        for level in range(0, n_levels, LANES):
            v.store(out, at + level, v.mul(v.load(out, at + level), share))
        out[y] -= np.float32(1.0)
        for level in range(0, n_levels, LANES):  # d nll / d mixed
            v.store(slope, level, v.div(v.load(out, at + level), v.load(mixed, level)))
        mean = np.float32(0.0)
        for k in range(n_experts):
            first, last = _near(edges, centre[k], scale[k], n_levels)
            by_centre, by_scale, below = nothing, nothing, nothing
            for level in range(first, last, LANES):
                z, tail = v.load(kept, 2 * k * n_levels + level), v.load(kept, (2 * k + 1) * n_levels + level)
                # d nll / d (weighted CDF at the upper edge of the level)
                step = v.sub(v.load(slope, level), v.load(slope, level + 1))
                density = v.mul(step, v.mul(tail, v.sub(one, tail)))
                by_centre = v.add(by_centre, density)
                by_scale = v.fma(density, z, by_scale)
                below = v.fma(step, v.cdf16(tail, z), below)
            # sum_l g_l mass(l) = sum over edges of step · CDF; beyond its reach an expert's CDF is 1
            by_weight[k] = v.total(below) + slope[last]
            mean += weight[k] * by_weight[k]
            relative = weight[k] * np.float32(UNIT) / scale[k]
            out[experts + n_experts + k] = -relative * v.total(by_centre)
            stretch = flat[experts + 2 * n_experts + k] + log_scale[k]
            inside = abs(stretch) < np.float32(SCALE_RANGE)
            out[experts + 2 * n_experts + k] = -weight[k] * v.total(by_scale) if inside else np.float32(0.0)
        for k in range(n_experts):
            out[experts + k] = weight[k] * (by_weight[k] - mean)


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(scores, at, n_levels, p, temperature, uniform, tell):
    """A level from softmax(scores[at:] / T), and bits of entropy at T = 1 if ``tell``.

    p (L + L / 16,) is scratch: tempered masses, and their sums by sixteens.
    """
    highest = _top(scores, at, n_levels)
    top, inverse = v.splat(highest), v.splat(np.float32(1.0) / np.float32(temperature))
    entropy = 0.0
    if tell:
        total, moment = v.splat(np.float32(0.0)), v.splat(np.float32(0.0))
        for level in range(0, n_levels, LANES):
            z = v.sub(v.load(scores, at + level), top)
            q = v.exp16(z)
            total, moment = v.add(total, q), v.fma(q, z, moment)
        mass = v.total(total)
        entropy = (math.log(mass) - v.total(moment) / mass) * 1.4426950408889634
    tempered = np.float32(0.0)
    for level in range(0, n_levels, LANES):
        q = v.exp16(v.mul(v.sub(v.load(scores, at + level), top), inverse))
        v.store(p, level, q)
        part = v.total(q)
        p[n_levels + level // LANES] = part
        tempered += part
    # Walk by sixteens first: a chain of 256 additions is slow.
    wanted = np.float32(uniform) * tempered
    reached = np.float32(0.0)
    start = 0
    while start < n_levels - LANES and reached + p[n_levels + start // LANES] <= wanted:
        reached += p[n_levels + start // LANES]
        start += LANES
    for level in range(start, n_levels):
        reached += p[level]
        if reached > wanted:
            return level, entropy
    return n_levels - 1, entropy


@njit(cache=True, nogil=True, error_model="numpy")
def draw(raw, at, n_levels, weight, centre, scale, edges, temperature, uniform, scores, p, tell=True):
    """Draw one level from p^(1/T) by inverting its CDF; returns (level, entropy in bits at T = 1).

    The entropy is worked out only if ``tell``. raw[at:at + L] are the free logits, weight, centre,
    scale (K,), edges (L + 1,); scores (L,) and p (L + L / 16,) are scratch. Afterwards ``scores`` holds the
    unnormalised log-probabilities.
    """
    _mix(weight, centre, scale, edges, scores, n_levels, NOTHING)
    for level in range(0, n_levels, LANES):
        v.store(scores, level, v.add(v.load(raw, at + level), v.log16(v.load(scores, level))))
    return _draw(scores, 0, n_levels, p, temperature, uniform, tell)


@njit(cache=True, nogil=True, error_model="numpy")
def draw_free(raw, at, n_levels, temperature, uniform, p, tell=True):
    """``draw`` for nets without experts."""
    return _draw(raw, at, n_levels, p, temperature, uniform, tell)


@njit(cache=True, nogil=True, error_model="numpy")
def normalised(scores, at, n_levels, out):
    """out = log-probabilities of unnormalised ones."""
    top = _top(scores, at, n_levels)
    total = v.splat(np.float32(0.0))
    for level in range(0, n_levels, LANES):
        total = v.add(total, v.exp16(v.sub(v.load(scores, at + level), v.splat(top))))
    shift = v.splat(top + np.float32(math.log(v.total(total))))
    for level in range(0, n_levels, LANES):
        v.store(out, level, v.sub(v.load(scores, at + level), shift))


@njit(cache=True, nogil=True, error_model="numpy")
def draw_rows(
    raw, features, edges, forecasts, log_weight, log_scale, temperatures, uniforms, amplitudes, levels, expected
):
    """``draw`` for N samples whose past is known: fills levels (N,) and the expected amplitudes at T = 1, (N,).

    raw and what follows as in ``loss``; temperatures, uniforms (N,), amplitudes (L,).
    """
    n_rows, width = raw.shape
    n_experts = log_weight.shape[0]
    n_levels = width - 3 * n_experts
    flat, known = raw.reshape(-1), features.reshape(-1)
    weight, centre = np.empty(n_experts, np.float32), np.empty(n_experts, np.float32)
    scale, scores = np.empty(n_experts, np.float32), np.empty(n_levels, np.float32)
    p = np.empty(n_levels + n_levels // LANES, np.float32)
    for row in range(n_rows):
        at = row * width
        place_experts(
            flat, at + n_levels, forecasts, known, row * features.shape[1], log_weight, log_scale, weight, centre, scale
        )
        levels[row], _ = draw(
            flat, at, n_levels, weight, centre, scale, edges, temperatures[row], uniforms[row], scores, p, False
        )
        top = v.splat(_top(scores, 0, n_levels))
        total, moment = v.splat(np.float32(0.0)), v.splat(np.float32(0.0))
        for level in range(0, n_levels, LANES):
            q = v.exp16(v.sub(v.load(scores, level), top))
            total, moment = v.add(total, q), v.fma(q, v.load(amplitudes, level), moment)
        expected[row] = v.total(moment) / v.total(total)
