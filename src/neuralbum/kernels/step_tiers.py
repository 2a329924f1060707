"""The default net's step, fused: all tiers, the forecast, the head and the draw in one loop.

B streams go forward together. What belongs to a stream lies in one float32 row:
its state first (so that copying it is a snapshot), then scratch. Products are
done for all streams at once (``step_linear``), everything else stream by stream,
so that no number depends on the batch.

The plain twin is the torch module stepped sample by sample
(``skeleton.stepping.PlainEngine``). Measured by ``benchmarks/generate_speed.py``.

Element-wise work is written in ``lanes``, sixteen values at once: all widths are multiples of
sixteen. Each function goes through the streams one by one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from . import lanes as v
from .lanes import LANES
from .step_forecast import advance, scratch_size
from .step_head import FAST, UNIT, draw, exp32, normalised, place_experts
from .step_linear import linear

# Columns of the tables that describe a net: offsets into the flat weights ("w_…", "b_…", "g_…") or into a row.
TIER_COLUMNS = ("frame", "width", "n_layers", "span", "below", "n_in", "w_hear", "b_hear", "g_norm",
                "w_spread", "b_spread", "words", "first_layer")  # fmt: skip
LAYER_COLUMNS = ("g_norm", "w_enter", "b_enter", "w_leave", "b_leave", "decay", "cos", "sin",
                 "g_mlp", "w_mlp_enter", "b_mlp_enter", "w_mlp_leave", "b_mlp_leave", "state")  # fmt: skip
BOTTOM_COLUMNS = ("g", "w_enter", "b_enter", "w_leave", "b_leave")
PLACES = ("stride", "x", "h", "t0", "t1", "t2", "miss", "n_taps", "n_miss", "n_inputs", "bottom", "hidden",
          "w_hear", "b_hear", "tables", "g_out", "w_out", "b_out",
          "n_levels", "n_experts", "context", "told")  # fmt: skip
SAMPLE, HEAR, SCORE = 0, 1, 2
"""Modes: draw levels; listen to given ones; listen and tell their log-probabilities."""
TELL_EVERY = 16  #: samples between two entropies

EPSILON = 1e-5
CLIP = 6.0


@njit(inline="always")
def _sigmoid(x):
    return np.float32(1.0) / (np.float32(1.0) + exp32(-x))


@njit(inline="always")
def _blocks(n):
    return (n + LANES - 1) // LANES


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _norm(flat, gain, rows, source, target, width, stride, n_streams):
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        squares = v.splat(np.float32(0.0))
        for i in range(0, width, LANES):
            value = v.load(rows, x + i)
            squares = v.fma(value, value, squares)
        mean = v.total(squares) / np.float32(width)
        scale = v.splat(np.float32(1.0) / np.float32(math.sqrt(mean + np.float32(EPSILON))))
        for i in range(0, width, LANES):
            v.store(rows, y + i, v.mul(v.mul(v.load(rows, x + i), scale), v.load(flat, gain + i)))


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _gate(rows, source, target, width, stride, n_streams):
    """target = silu(source[:width]) · source[width:2 width]."""
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        for i in range(0, width, LANES):
            a = v.load(rows, x + i)
            v.store(rows, y + i, v.mul(v.mul(a, v.sigmoid16(a)), v.load(rows, x + width + i)))


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _add(rows, source, target, width, stride, n_streams):
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        for i in range(0, width, LANES):
            v.store(rows, y + i, v.add(v.load(rows, x + i), v.load(rows, y + i)))


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _recur(flat, decay, cos, sin, rows, source, target, state, width, stride, n_streams):
    """One step of the recurrence; target = h · silu(gate)."""
    n = width // 2
    one = np.float32(1.0)
    for b in range(n_streams):
        x, y, h = b * stride + source, b * stride + target, b * stride + state
        for j in range(n):
            log_rho = flat[decay + j] * _sigmoid(rows[x + 2 * width + j])
            rho = exp32(log_rho)
            z = np.float32(2.0) * log_rho
            # 1 - exp(z) loses digits near z = 0, where most of the long memories are
            near = -z * (one + z * np.float32(0.5) * (one + z * np.float32(1.0 / 3.0) * (one + z * np.float32(0.25))))
            far = one - rho * rho
            strength = np.float32(math.sqrt((near if z > np.float32(-0.05) else far) + np.float32(1e-8)))
            re, im = rows[h + j], rows[h + n + j]
            c, s = flat[cos + j], flat[sin + j]
            new_re = rho * (c * re - s * im) + strength * rows[x + j]
            new_im = rho * (s * re + c * im) + strength * rows[x + n + j]
            rows[h + j], rows[h + n + j] = new_re, new_im
        for j in range(width):
            gate = rows[x + width + j]
            rows[y + j] = rows[h + j] * gate * _sigmoid(gate)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _hear_frame(rows, x, frame, stride, levels, at, bent, memory, n_streams):
    for b in range(n_streams):
        base = b * stride + x
        for j in range(frame):
            rows[base + j] = bent[levels[b, at - frame + j]]
        for k in range(2):
            magnitude = np.float32(memory[b, 3 + k])
            rows[base + frame + k] = (
                np.float32(math.log(magnitude + np.float32(1e-4))) + np.float32(4.0)
            ) * np.float32(0.5)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _hear_sample(rows, x, n_taps, n_miss, miss, stride, levels, at, bent, memory, scratch, n_streams):
    """The bottom tier's dense inputs, as ``head.describe`` and ``Tiers.hear_samples`` have them."""
    half, four = np.float32(0.5), np.float32(4.0)
    log256 = np.float32(math.log(256.0))
    for b in range(n_streams):
        base = b * stride + x
        for j in range(n_taps):
            rows[base + j] = bent[levels[b, at - n_taps + j]]
        base += n_taps
        for j in range(n_miss):
            rows[base + j] = rows[b * stride + miss + j]
        base += n_miss
        for k in range(3):
            scratch[k] = np.float32(1.0) + np.float32(255.0) * abs(np.float32(memory[b, k]))
        for k in range(2):
            scratch[3 + k] = np.float32(memory[b, 3 + k]) + np.float32(1e-4)
        v.store(scratch, 0, v.log16(v.load(scratch, 0)))
        last = np.float32(memory[b, 2])
        for k in range(3):
            size = scratch[k] / log256
            rows[base + k] = size if memory[b, k] >= 0 else -size
        for k in range(2):
            rows[base + 5 + k] = (scratch[3 + k] + four) * half
            apart = (np.float32(memory[b, k]) - last) / np.float32(UNIT)
            rows[base + 3 + k] = min(max(apart, np.float32(-CLIP)), np.float32(CLIP)) * half


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _hear_tables(flat, tables, rows, h, words, width, stride, levels, at, n_levels, n_streams):
    """h += the slower tier's word + a row of each table."""
    for b in range(n_streams):
        y, above = b * stride + h, b * stride + words
        one = tables + levels[b, at - 1] * width
        two = tables + (n_levels + levels[b, at - 2]) * width
        for i in range(0, width, LANES):
            own = v.add(v.load(rows, above + i), v.load(rows, y + i))
            v.store(rows, y + i, v.add(v.add(own, v.load(flat, one + i)), v.load(flat, two + i)))


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _mlp(flat, large, gain, enter, b_enter, leave, b_leave, rows, places, width, hidden, stride, n_streams):
    """h += W2 (silu(a) · b), (a, b) = W1 norm(h)."""
    h, t0, t1, t2 = places[2], places[3], places[4], places[5]
    _norm(flat, gain, rows, h, t0, width, stride, n_streams)
    linear(flat, large, enter, b_enter, width, _blocks(2 * hidden), rows, t0, t1, stride, n_streams)
    _gate(rows, t1, t0, hidden, stride, n_streams)
    linear(flat, large, leave, b_leave, hidden, _blocks(width), rows, t0, t2, stride, n_streams)
    _add(rows, t2, h, width, stride, n_streams)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _hear_told(rows, place, told, hop, stride, n_streams):
    """What the slowest tier hears from above: the conditions of this hop."""
    for b in range(n_streams):
        for i in range(told.shape[2]):
            rows[b * stride + place + i] = told[b, hop, i]


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _tier(flat, large, tier, layers, places, rows, word, levels, at, bent, memory, n_streams):
    """One step of a tier: hear a frame, go through the blocks, leave words; ``word``: the slower tier's, or −1."""
    stride, x, h, t0, t1, t2 = places[0], places[1], places[2], places[3], places[4], places[5]
    frame, width, n_layers, span, below = tier[0], tier[1], tier[2], tier[3], tier[4]
    _hear_frame(rows, x, frame, stride, levels, at, bent, memory, n_streams)
    linear(flat, large, tier[6], tier[7], tier[5], _blocks(width), rows, x, h, stride, n_streams)
    if word >= 0:
        _add(rows, word, h, width, stride, n_streams)
    for k in range(tier[12], tier[12] + n_layers):
        one = layers[k]
        _norm(flat, one[0], rows, h, t0, width, stride, n_streams)
        linear(flat, large, one[1], one[2], width, _blocks(2 * width + width // 2), rows, t0, t1, stride, n_streams)
        _recur(flat, one[5], one[6], one[7], rows, t1, t0, one[13], width, stride, n_streams)
        linear(flat, large, one[3], one[4], width, _blocks(width), rows, t0, t2, stride, n_streams)
        _add(rows, t2, h, width, stride, n_streams)
        _mlp(flat, large, one[8], one[9], one[10], one[11], one[12], rows, places, width, width, stride, n_streams)
    _norm(flat, tier[8], rows, h, t0, width, stride, n_streams)
    linear(flat, large, tier[9], tier[10], width, _blocks(span * below), rows, t0, tier[11], stride, n_streams)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _bottom(flat, large, bottom, places, rows, word, levels, at, bent, memory, scratch, n_streams):
    """Raw outputs of the sample to come, left at t1."""
    stride, x, h, t0, t1 = places[0], places[1], places[2], places[3], places[4]
    width, hidden = places[10], places[11]
    _hear_sample(rows, x, places[7], places[8], places[6], stride, levels, at, bent, memory, scratch, n_streams)
    linear(flat, large, places[12], places[13], places[9], _blocks(width), rows, x, h, stride, n_streams)
    _hear_tables(flat, places[14], rows, h, word, width, stride, levels, at, places[18], n_streams)
    for k in range(bottom.shape[0]):
        one = bottom[k]
        _mlp(flat, large, one[0], one[1], one[2], one[3], one[4], rows, places, width, hidden, stride, n_streams)
    _norm(flat, places[15], rows, h, t0, width, stride, n_streams)
    n_out = places[18] + 3 * places[19]
    linear(flat, large, places[16], places[17], width, _blocks(n_out), rows, t0, t1, stride, n_streams)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _take_note(rows, miss, n_miss, row, value):
    """How far the forecast was off enters a stream's short memory."""
    missed = (np.float32(value) - np.float32(row[2])) / np.float32(UNIT)
    for j in range(n_miss - 1):
        rows[miss + j] = rows[miss + j + 1]
    rows[miss + n_miss - 1] = min(max(missed, np.float32(-CLIP)), np.float32(CLIP)) * np.float32(0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def run(flat, large, tiers, layers, bottom, places, forecasts, log_weight, log_scale, anchor, quick_window, long_window,
        bent, amplitudes, edges, rows, levels, memory, mode, n, uniforms, temperatures, entropy, scores,
        told):  # fmt: skip
    """Take n steps with every stream.

    rows (B * stride,) states and scratch; levels (B, context + n): filled from
    ``context`` on in mode SAMPLE, read in the others; anchor and windows as
    ``step_forecast.advance`` takes them, memory (B, …) its rows; uniforms, temperatures (B, n);
    entropy (B, n / TELL_EVERY) out; scores (B, n, n_levels) out in mode SCORE;
    told (B, n / hop, slowest width) conditions, or (B, 0, 0) where nothing is told.
    """
    stride, t1, miss, n_miss = places[0], places[4], places[6], places[8]
    n_levels, n_experts, context = places[18], places[19], places[20]
    n_streams = levels.shape[0]
    working = np.empty(scratch_size(anchor.shape[0] - 1))
    own, p = np.empty(n_levels, np.float32), np.empty(n_levels + n_levels // LANES, np.float32)
    weight, centre = np.empty(n_experts, np.float32), np.empty(n_experts, np.float32)
    scale, scratch = np.empty(n_experts, np.float32), np.ones(LANES, np.float32)
    for t in range(n):
        at = context + t
        word = -1
        if told.shape[1] > 0:
            word = places[21]
            if t % tiers[0, 0] == 0:
                _hear_told(rows, word, told, t // tiers[0, 0], stride, n_streams)
        for i in range(tiers.shape[0]):
            if t % tiers[i, 0] == 0:
                _tier(flat, large, tiers[i], layers, places, rows, word, levels, at, bent, memory, n_streams)
            step = tiers[i, 0] // tiers[i, 3]
            word = tiers[i, 11] + ((t % tiers[i, 0]) // step) * tiers[i, 4]
        if mode != HEAR:
            _bottom(flat, large, bottom, places, rows, word, levels, at, bent, memory, scratch, n_streams)
        for b in range(n_streams):
            if mode != HEAR:
                raw = b * stride + t1
                place_experts(
                    rows, raw + n_levels, forecasts, memory[b], 0, log_weight, log_scale, weight, centre, scale
                )
                tell = t % TELL_EVERY == 0
                level, bits = draw(
                    rows, raw, n_levels, weight, centre, scale, edges, temperatures[b, t], uniforms[b, t], own, p, tell
                )
                if tell:
                    entropy[b, t // TELL_EVERY] = bits
                if mode == SAMPLE:
                    levels[b, at] = level
                else:
                    normalised(own, 0, n_levels, scores[b, t])
            value = amplitudes[levels[b, at]]
            _take_note(rows, b * stride + miss, n_miss, memory[b], value)
            advance(memory[b], value, anchor, quick_window, long_window, working)
