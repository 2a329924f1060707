"""The reference net's step, fused: LSTM tier, tables, perceptron and draw in one loop.

Weight normalisation is folded, embedding and first layer are precomputed tables,
and the products are batch-invariant (``step_linear``). The plain twin is the torch
module stepped sample by sample. Measured by ``benchmarks/generate_speed.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .step_head import FAST, draw_free, exp32, normalised
from .step_linear import LANES, linear

PLACES = ("stride", "x", "word", "first", "second", "out", "gates", "hs", "frame", "width", "n_layers",
          "n_levels", "w_expand", "b_expand", "w_skip", "b_skip", "w_spread", "b_spread", "tables",
          "w_hidden1", "b_hidden1", "w_hidden2", "b_hidden2", "w_out", "b_out", "spread")  # fmt: skip
SAMPLE, HEAR, SCORE = 0, 1, 2
TELL_EVERY = 16  #: samples between two entropies


@njit(inline="always")
def _sigmoid(x):
    return np.float32(1.0) / (np.float32(1.0) + exp32(-x))


@njit(inline="always")
def _tanh(x):
    return np.float32(2.0) / (np.float32(1.0) + exp32(np.float32(-2.0) * x)) - np.float32(1.0)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _cell(rows, gates, cell, target, width, stride, n_streams):
    """Gates (input, forget, candidate, output) -> new cell and hidden state."""
    for b in range(n_streams):
        g, c, h = b * stride + gates, b * stride + cell, b * stride + target
        for i in range(width):
            new = _sigmoid(rows[g + width + i]) * rows[c + i] + _sigmoid(rows[g + i]) * _tanh(rows[g + 2 * width + i])
            rows[c + i] = new
            rows[h + i] = _sigmoid(rows[g + 3 * width + i]) * _tanh(new)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _copy(rows, source, target, width, stride, n_streams):
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        for i in range(width):
            rows[y + i] = rows[x + i]


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _sum_into(rows, one, two, target, width, stride, n_streams):
    for b in range(n_streams):
        x1, x2, y = b * stride + one, b * stride + two, b * stride + target
        for i in range(width):
            rows[y + i] = rows[x1 + i] + rows[x2 + i]


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _relu(rows, source, width, stride, n_streams):
    for b in range(n_streams):
        x = b * stride + source
        for i in range(width):
            rows[x + i] = max(rows[x + i], np.float32(0.0))


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy", inline="never")
def _tables(flat, tables, rows, word, target, width, frame, stride, levels, at, n_levels, n_streams):
    for b in range(n_streams):
        x, y = b * stride + word, b * stride + target
        for i in range(width):
            rows[y + i] = rows[x + i]
        for j in range(0, frame, 4):
            r0 = tables + (j * n_levels + levels[b, at - frame + j]) * width
            r1 = tables + ((j + 1) * n_levels + levels[b, at - frame + j + 1]) * width
            r2 = tables + ((j + 2) * n_levels + levels[b, at - frame + j + 2]) * width
            r3 = tables + ((j + 3) * n_levels + levels[b, at - frame + j + 3]) * width
            for i in range(width):
                rows[y + i] += (flat[r0 + i] + flat[r1 + i]) + (flat[r2 + i] + flat[r3 + i])


@njit(cache=True, nogil=True, error_model="numpy")
def run(flat, layers, place, bent, rows, levels, mode, n, uniforms, temperatures, entropy, scores):
    """Take n steps with every stream; arguments as in ``step_tiers.run``.

    layers (n_layers, 4): weights and bias of the gates (inputs beside state), row
    offsets of the layer's inputs-and-state and of its cell.
    """
    stride, x, word, first, second, out = place[0], place[1], place[2], place[3], place[4], place[5]
    gates, hs, frame, width, n_layers, n_levels = place[6], place[7], place[8], place[9], place[10], place[11]
    spread = place[25]
    n_streams = levels.shape[0]
    context = frame
    p = np.empty(n_levels + n_levels // LANES, np.float32)
    wide = (width + LANES - 1) // LANES
    for t in range(n):
        at = context + t
        if t % frame == 0:
            for b in range(n_streams):
                for j in range(frame):
                    rows[b * stride + x + j] = bent[levels[b, at - frame + j]]
            linear(flat, place[12], place[13], frame, wide, rows, x, first, stride, n_streams)
            for k in range(n_layers):
                both = layers[k, 2]
                if k == 0:
                    _copy(rows, first, both, width, stride, n_streams)
                else:
                    _sum_into(rows, first, hs + (k - 1) * width, both, width, stride, n_streams)
                linear(
                    flat,
                    layers[k, 0],
                    layers[k, 1],
                    2 * width,
                    (4 * width + LANES - 1) // LANES,
                    rows,
                    both,
                    gates,
                    stride,
                    n_streams,
                )
                _cell(rows, gates, layers[k, 3], hs + k * width, width, stride, n_streams)
                _copy(rows, hs + k * width, both + width, width, stride, n_streams)
            linear(flat, place[14], place[15], n_layers * width, wide, rows, hs, word, stride, n_streams)
            linear(
                flat,
                place[16],
                place[17],
                width,
                (frame * width + LANES - 1) // LANES,
                rows,
                word,
                spread,
                stride,
                n_streams,
            )
        if mode == HEAR:
            continue
        _tables(
            flat,
            place[18],
            rows,
            spread + (t % frame) * width,
            first,
            width,
            frame,
            stride,
            levels,
            at,
            n_levels,
            n_streams,
        )
        linear(flat, place[19], place[20], width, wide, rows, first, second, stride, n_streams)
        _relu(rows, second, width, stride, n_streams)
        linear(flat, place[21], place[22], width, wide, rows, second, first, stride, n_streams)
        _relu(rows, first, width, stride, n_streams)
        linear(flat, place[23], place[24], width, (n_levels + LANES - 1) // LANES, rows, first, out, stride, n_streams)
        for b in range(n_streams):
            free = b * stride + out
            tell = t % TELL_EVERY == 0
            level, bits = draw_free(rows, free, n_levels, temperatures[b, t], uniforms[b, t], p, tell)
            if tell:
                entropy[b, t // TELL_EVERY] = bits
            if mode == SAMPLE:
                levels[b, at] = level
            else:
                normalised(rows, free, n_levels, scores[b, t])
