"""The reference net's step, fused: LSTM tier, tables, perceptron and draw in one loop.

Weight normalisation is folded. Between the tables and the first non-linearity all is linear, so
embedding, join and first hidden layer are precomputed tables, the words of the upper tier go through that
layer beforehand, and frames go straight into the gates. The products are batch-invariant
(``step_linear``). The plain twin is the torch module stepped sample by sample. Measured by
``benchmarks/generate_speed.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from . import lanes as v
from .lanes import LANES
from .step_head import draw_free, normalised
from .step_linear import linear

PLACES = ("stride", "word", "first", "second", "out", "gates", "hs", "spread", "frame", "width", "n_layers",
          "n_levels", "w_skip", "b_skip", "w_spread", "b_spread", "tables", "w_hidden2", "b_hidden2",
          "w_out", "b_out")  # fmt: skip
LAYER_COLUMNS = ("w_gates", "b_gates", "heard", "hidden", "cell")
"""Of each layer: its weights, then where in a row lie the frame (with the layer below), its own output, its cell."""
SAMPLE, HEAR, SCORE = 0, 1, 2
TELL_EVERY = 16  #: samples between two entropies


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _cell(rows, gates, cell, target, also, width, stride, n_streams):
    """Gates (input, forget, candidate, output) -> new cell; the new output to two places."""
    one, two = v.splat(np.float32(1.0)), v.splat(np.float32(2.0))
    for b in range(n_streams):
        g, c, h, h2 = b * stride + gates, b * stride + cell, b * stride + target, b * stride + also
        for i in range(0, width, LANES):
            # tanh(x) = 2 sigmoid(2x) − 1
            candidate = v.sub(v.mul(two, v.sigmoid16(v.mul(two, v.load(rows, g + 2 * width + i)))), one)
            kept = v.mul(v.sigmoid16(v.load(rows, g + width + i)), v.load(rows, c + i))
            new = v.fma(v.sigmoid16(v.load(rows, g + i)), candidate, kept)
            v.store(rows, c + i, new)
            bounded = v.sub(v.mul(two, v.sigmoid16(v.mul(two, new))), one)
            out = v.mul(v.sigmoid16(v.load(rows, g + 3 * width + i)), bounded)
            v.store(rows, h + i, out)
            v.store(rows, h2 + i, out)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _copy(rows, source, target, width, stride, n_streams):
    for b in range(n_streams):
        x, y = b * stride + source, b * stride + target
        for i in range(0, width, LANES):
            v.store(rows, y + i, v.load(rows, x + i))


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _relu(rows, source, width, stride, n_streams):
    for b in range(n_streams):
        x = b * stride + source
        for i in range(0, width, LANES):
            v.store(rows, x + i, v.larger(v.splat(np.float32(0.0)), v.load(rows, x + i)))


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _tables(flat, tables, rows, word, target, width, frame, stride, levels, at, n_levels, n_streams):
    """target = max(0, word + a row of each position's table), four rows at a time: they come from far."""
    for b in range(n_streams):
        x, y = b * stride + word, b * stride + target
        for j in range(0, frame, 4):
            r0 = tables + (j * n_levels + levels[b, at - frame + j]) * width
            r1 = tables + ((j + 1) * n_levels + levels[b, at - frame + j + 1]) * width
            r2 = tables + ((j + 2) * n_levels + levels[b, at - frame + j + 2]) * width
            r3 = tables + ((j + 3) * n_levels + levels[b, at - frame + j + 3]) * width
            for i in range(0, width, LANES):
                one = v.add(v.load(flat, r0 + i), v.load(flat, r1 + i))
                two = v.add(v.load(flat, r2 + i), v.load(flat, r3 + i))
                v.store(rows, y + i, v.add(v.load(rows, (x if j == 0 else y) + i), v.add(one, two)))
    _relu(rows, target, width, stride, n_streams)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _frame(flat, large, layers, place, bent, rows, levels, at, n_streams):
    """One step of the upper tier: hear a frame, leave its words."""
    stride, word, gates, hs, spread = place[0], place[1], place[5], place[6], place[7]
    frame, width, n_layers = place[8], place[9], place[10]
    for k in range(n_layers):
        one = layers[k]
        heard, hidden = one[2], one[3]
        for b in range(n_streams):
            for j in range(frame):
                rows[b * stride + heard + j] = bent[levels[b, at - frame + j]]
        if k > 0:
            _copy(rows, hs + (k - 1) * width, heard + frame, width, stride, n_streams)
        n_inputs = hidden + width - heard
        linear(flat, large, one[0], one[1], n_inputs, 4 * width // LANES, rows, heard, gates, stride, n_streams)
        _cell(rows, gates, one[4], hs + k * width, hidden, width, stride, n_streams)
    linear(flat, large, place[12], place[13], n_layers * width, width // LANES, rows, hs, word, stride, n_streams)
    linear(flat, large, place[14], place[15], width, frame * width // LANES, rows, word, spread, stride, n_streams)


@njit(cache=True, nogil=True, error_model="numpy")
def run(flat, large, layers, place, bent, rows, levels, mode, n, uniforms, temperatures, entropy, scores):
    """Take n steps with every stream; arguments as in ``step_tiers.run``, layers and place as named above."""
    stride, first, second, out, spread = place[0], place[2], place[3], place[4], place[7]
    frame, width, n_levels = place[8], place[9], place[11]
    n_streams, wide = levels.shape[0], width // LANES
    p = np.empty(n_levels + n_levels // LANES, np.float32)
    for t in range(n):
        at = frame + t
        if t % frame == 0:
            _frame(flat, large, layers, place, bent, rows, levels, at, n_streams)
        if mode == HEAR:
            continue
        word = spread + (t % frame) * width
        _tables(flat, place[16], rows, word, first, width, frame, stride, levels, at, n_levels, n_streams)
        linear(flat, large, place[17], place[18], width, wide, rows, first, second, stride, n_streams)
        _relu(rows, second, width, stride, n_streams)
        linear(flat, large, place[19], place[20], width, n_levels // LANES, rows, second, out, stride, n_streams)
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
