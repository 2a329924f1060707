"""The default net's step, fused: all tiers, the forecast, the head and the draw in one loop.

B streams go forward together. What belongs to a stream lies in one float32 row:
its state first (so that copying it is a snapshot), then scratch. Products are
done for all streams at once (``step_linear``), everything else stream by stream,
so that no number depends on the batch.

The plain twin is the torch module stepped sample by sample
(``skeleton.stepping.PlainEngine``). Measured against it on one core: 200x at batch 1,
25x at batch 16 (preset tiny).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .step_forecast import ORDER, advance
from .step_head import FAST, draw, exp32
from .step_linear import LANES, linear

# Columns of the tables that describe a net: offsets into the flat weights ("w_…", "b_…", "g_…") or into a row.
TIER_COLUMNS = ("frame", "width", "n_layers", "span", "below", "n_in", "w_hear", "b_hear", "g_norm",
                "w_spread", "b_spread", "words", "first_layer")  # fmt: skip
LAYER_COLUMNS = ("g_norm", "w_enter", "b_enter", "w_leave", "b_leave", "decay", "cos", "sin",
                 "g_mlp", "w_mlp_enter", "b_mlp_enter", "w_mlp_leave", "b_mlp_leave", "state")  # fmt: skip
BOTTOM_COLUMNS = ("g", "w_enter", "b_enter", "w_leave", "b_leave")
PLACES = ("stride", "x", "h", "t0", "t1", "t2", "miss", "n_taps", "n_miss", "n_inputs", "bottom", "hidden",
          "w_hear", "b_hear", "tables", "g_out", "w_out", "b_out",
          "n_levels", "n_experts", "context", "n_long")  # fmt: skip
SAMPLE, HEAR, SCORE = 0, 1, 2
TELL_EVERY = 16  #: samples between two entropies
"""Modes: draw levels; listen to given ones; listen and tell their log-probabilities."""

EPSILON = 1e-5
CLIP = 6.0
SMALLEST_SCALE = 1e-4
MEAN_MAGNITUDE = 2.0 * math.log(2.0)
SCALE_RANGE = 4.0


@njit(inline="always")
def _sigmoid(x):
    return np.float32(1.0) / (np.float32(1.0) + exp32(-x))


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _norm(flat, gain, rows, source, target, width, stride, n_streams):
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        power = np.float32(0.0)
        for i in range(width):
            power += rows[x + i] * rows[x + i]
        scale = np.float32(1.0) / np.float32(math.sqrt(power / np.float32(width) + np.float32(EPSILON)))
        for i in range(width):
            rows[y + i] = rows[x + i] * scale * flat[gain + i]


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _gate(rows, source, target, width, stride, n_streams):
    """target = silu(source[:width]) · source[width:2 width]."""
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        for i in range(width):
            a = rows[x + i]
            rows[y + i] = a * _sigmoid(a) * rows[x + width + i]


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _add(rows, source, target, width, stride, n_streams):
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        for i in range(width):
            rows[y + i] += rows[x + i]


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


@njit(inline="always")
def _blocks(n):
    return (n + LANES - 1) // LANES


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _hear_frame(rows, x, frame, stride, levels, at, bent, memory, n_streams):
    for b in range(n_streams):
        base = b * stride + x
        for j in range(frame):
            rows[base + j] = bent[levels[b, at - frame + j]]
        for k in range(3):
            magnitude = np.float32(memory[b, 3 + k])
            rows[base + frame + k] = (
                np.float32(math.log(magnitude + np.float32(1e-4))) + np.float32(4.0)
            ) * np.float32(0.5)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _hear_sample(rows, x, n_taps, n_miss, miss, stride, levels, at, bent, memory, n_streams):
    log256 = np.float32(math.log(256.0))
    for b in range(n_streams):
        base = b * stride + x
        for j in range(n_taps):
            rows[base + j] = bent[levels[b, at - n_taps + j]]
        base += n_taps
        for j in range(n_miss):
            rows[base + j] = rows[b * stride + miss + j]
        base += n_miss
        scale = np.float32(memory[b, 3]) / np.float32(MEAN_MAGNITUDE) + np.float32(SMALLEST_SCALE)
        last = np.float32(memory[b, 2])
        for k in range(3):
            p = np.float32(memory[b, k])
            size = np.float32(math.log(np.float32(1.0) + np.float32(255.0) * abs(p))) / log256
            rows[base + k] = size if p >= 0 else -size
        for k in range(2):
            apart = (np.float32(memory[b, k]) - last) / scale
            rows[base + 3 + k] = min(max(apart, np.float32(-CLIP)), np.float32(CLIP)) * np.float32(0.5)
        for k in range(3):
            magnitude = np.float32(memory[b, 3 + k])
            rows[base + 5 + k] = (np.float32(math.log(magnitude + np.float32(1e-4))) + np.float32(4.0)) * np.float32(
                0.5
            )


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _hear_tables(flat, tables, rows, h, words, width, stride, levels, at, n_levels, n_streams):
    """h += the slower tier's word + a row of each table."""
    for b in range(n_streams):
        y, above = b * stride + h, b * stride + words
        one = tables + levels[b, at - 1] * width
        two = tables + (n_levels + levels[b, at - 2]) * width
        for i in range(width):
            rows[y + i] = (rows[above + i] + rows[y + i]) + flat[one + i] + flat[two + i]


@njit(cache=True, nogil=True, error_model="numpy")
def run(flat, tiers, layers, bottom, place, expert_forecast, expert_weight, expert_scale, bent, amplitudes, edges,
        rows, levels, memory, mode, n, uniforms, temperatures, entropy, scores):  # fmt: skip
    """Take n steps with every stream.

    rows (B * stride,) states and scratch; levels (B, context + n): filled from
    ``context`` on in mode SAMPLE, read in the others; memory (B, …) the forecasts';
    uniforms, temperatures (B, n); entropy (B, n / TELL_EVERY) out; scores (B, n, n_levels) out in mode SCORE.
    """
    stride, x, h, t0, t1, t2 = place[0], place[1], place[2], place[3], place[4], place[5]
    miss, n_taps, n_miss, n_inputs, width0, hidden = place[6], place[7], place[8], place[9], place[10], place[11]
    w_hear, b_hear, tables, g_out, w_out, b_out = place[12], place[13], place[14], place[15], place[16], place[17]
    n_levels, n_experts, context, n_long = place[18], place[19], place[20], place[21]
    n_streams = levels.shape[0]
    matrix, y = np.zeros((ORDER, ORDER)), np.zeros(ORDER)
    tail, p = np.empty(n_levels + 1, np.float32), np.empty(n_levels, np.float32)
    weight, centre, scale = (
        np.empty(n_experts, np.float32),
        np.empty(n_experts, np.float32),
        np.empty(n_experts, np.float32),
    )
    n_out = n_levels + 3 * n_experts
    for t in range(n):
        at = context + t
        above, above_frame, above_below = -1, 0, 0
        for i in range(tiers.shape[0]):
            frame, width, n_layers, span, below = tiers[i, 0], tiers[i, 1], tiers[i, 2], tiers[i, 3], tiers[i, 4]
            if t % frame == 0:
                _hear_frame(rows, x, frame, stride, levels, at, bent, memory, n_streams)
                linear(flat, tiers[i, 6], tiers[i, 7], tiers[i, 5], _blocks(width), rows, x, h, stride, n_streams)
                if above >= 0:
                    word = above + ((t % above_frame) // frame) * above_below
                    _add(rows, word, h, width, stride, n_streams)
                for k in range(tiers[i, 12], tiers[i, 12] + n_layers):
                    one = layers[k]
                    _norm(flat, one[0], rows, h, t0, width, stride, n_streams)
                    linear(
                        flat, one[1], one[2], width, _blocks(2 * width + width // 2), rows, t0, t1, stride, n_streams
                    )
                    _recur(flat, one[5], one[6], one[7], rows, t1, t0, one[13], width, stride, n_streams)
                    linear(flat, one[3], one[4], width, _blocks(width), rows, t0, t2, stride, n_streams)
                    _add(rows, t2, h, width, stride, n_streams)
                    _norm(flat, one[8], rows, h, t0, width, stride, n_streams)
                    linear(flat, one[9], one[10], width, _blocks(2 * width), rows, t0, t1, stride, n_streams)
                    _gate(rows, t1, t0, width, stride, n_streams)
                    linear(flat, one[11], one[12], width, _blocks(width), rows, t0, t2, stride, n_streams)
                    _add(rows, t2, h, width, stride, n_streams)
                _norm(flat, tiers[i, 8], rows, h, t0, width, stride, n_streams)
                linear(
                    flat,
                    tiers[i, 9],
                    tiers[i, 10],
                    width,
                    _blocks(span * below),
                    rows,
                    t0,
                    tiers[i, 11],
                    stride,
                    n_streams,
                )
            above, above_frame, above_below = tiers[i, 11], frame, below
        if mode != HEAR:
            _hear_sample(rows, x, n_taps, n_miss, miss, stride, levels, at, bent, memory, n_streams)
            linear(flat, w_hear, b_hear, n_inputs, _blocks(width0), rows, x, h, stride, n_streams)
            word = above + (t % above_frame) * above_below
            _hear_tables(flat, tables, rows, h, word, width0, stride, levels, at, n_levels, n_streams)
            for k in range(bottom.shape[0]):
                _norm(flat, bottom[k, 0], rows, h, t0, width0, stride, n_streams)
                linear(flat, bottom[k, 1], bottom[k, 2], width0, _blocks(2 * hidden), rows, t0, t1, stride, n_streams)
                _gate(rows, t1, t0, hidden, stride, n_streams)
                linear(flat, bottom[k, 3], bottom[k, 4], hidden, _blocks(width0), rows, t0, t2, stride, n_streams)
                _add(rows, t2, h, width0, stride, n_streams)
            _norm(flat, g_out, rows, h, t0, width0, stride, n_streams)
            linear(flat, w_out, b_out, width0, _blocks(n_out), rows, t0, t1, stride, n_streams)
        for b in range(n_streams):
            row = memory[b]
            scale0 = np.float32(row[3]) / np.float32(MEAN_MAGNITUDE) + np.float32(SMALLEST_SCALE)
            if mode != HEAR:
                raw = b * stride + t1 + n_levels
                top = np.float32(-1e30)
                for k in range(n_experts):
                    top = max(top, rows[raw + k] + expert_weight[k])
                total = np.float32(0.0)
                for k in range(n_experts):
                    weight[k] = exp32(rows[raw + k] + expert_weight[k] - top)
                    total += weight[k]
                for k in range(n_experts):
                    weight[k] = weight[k] / total
                    centre[k] = np.float32(row[expert_forecast[k]]) + rows[raw + n_experts + k] * scale0
                    stretch = rows[raw + 2 * n_experts + k] + expert_scale[k]
                    stretch = min(max(stretch, np.float32(-SCALE_RANGE)), np.float32(SCALE_RANGE))
                    scale[k] = scale0 * exp32(stretch)
                free = rows[b * stride + t1 : b * stride + t1 + n_levels]
                level, bits = draw(
                    free, weight, centre, scale, edges, temperatures[b, t], uniforms[b, t], tail, p, t % TELL_EVERY == 0
                )
                if t % TELL_EVERY == 0:
                    entropy[b, t // TELL_EVERY] = bits
                if mode == SAMPLE:
                    levels[b, at] = level
                else:
                    top = np.float32(-1e30)
                    for level in range(n_levels):
                        top = max(top, tail[level])
                    mass = 0.0
                    for level in range(n_levels):
                        mass += math.exp(tail[level] - top)
                    for level in range(n_levels):
                        scores[b, t, level] = tail[level] - top - np.float32(math.log(mass))
            value = amplitudes[levels[b, at]]
            missed = (np.float32(value) - np.float32(row[2])) / scale0
            recent = b * stride + miss
            for j in range(n_miss - 1):
                rows[recent + j] = rows[recent + j + 1]
            rows[recent + n_miss - 1] = min(max(missed, np.float32(-CLIP)), np.float32(CLIP)) * np.float32(0.5)
            if n_long > 0:  # else the net does without the forecast, whose features stay as they are
                advance(row, value, n_long, matrix, y)
