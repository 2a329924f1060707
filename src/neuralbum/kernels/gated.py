"""What gated blocks do between their matrix products, in one pass each: forwards and backwards.

Written in torch operations, a small block is mostly the cost of calling them: some twenty forwards and forty
backwards for each recurrence, a dozen for each norm. Here the norm, the gate and the whole recurrence
are one kernel each, sixteen values at once (``lanes``), and the backward pass works out again what is cheap
instead of keeping it. The plain twins are the torch formulas in ``skeleton.recurrence``, which
also serve GPUs, double precision and widths that are no multiple of thirty-two. All arrays are
float32 and flat; gradients of weights are added to what is there.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from . import lanes as v
from .lanes import LANES


@njit(cache=True, nogil=True, error_model="numpy")
def norm(x, gain, epsilon, y, inverse):
    """y = x · gain / rms(x) for each row of x (N · width,); inverse (N,) keeps 1 / rms."""
    width = gain.shape[0]
    for row in range(inverse.shape[0]):
        at = row * width
        squares = v.splat(np.float32(0.0))
        for i in range(at, at + width, LANES):
            squares = v.fma(v.load(x, i), v.load(x, i), squares)
        inverse[row] = np.float32(1.0) / np.float32(math.sqrt(v.total(squares) / np.float32(width) + epsilon))
        scale = v.splat(inverse[row])
        for i in range(0, width, LANES):
            v.store(y, at + i, v.mul(v.mul(v.load(x, at + i), scale), v.load(gain, i)))


@njit(cache=True, nogil=True, error_model="numpy")
def norm_back(x, gain, inverse, grad, grad_x, grad_gain):
    """Gradients of ``norm``."""
    width = gain.shape[0]
    for row in range(inverse.shape[0]):
        at = row * width
        scale, moment = v.splat(inverse[row]), v.splat(np.float32(0.0))
        for i in range(0, width, LANES):
            one = v.mul(v.load(grad, at + i), v.load(x, at + i))
            moment = v.fma(one, v.load(gain, i), moment)
            v.store(grad_gain, i, v.fma(one, scale, v.load(grad_gain, i)))
        pull = v.splat(-v.total(moment) * inverse[row] ** 3 / np.float32(width))
        for i in range(0, width, LANES):
            own = v.mul(v.mul(v.load(grad, at + i), v.load(gain, i)), scale)
            v.store(grad_x, at + i, v.fma(v.load(x, at + i), pull, own))


@njit(cache=True, nogil=True, error_model="numpy")
def gate(both, width, y):
    """y = silu(a) · b for rows (a, b) of ``both`` (N · 2 width,)."""
    for row in range(y.shape[0] // width):
        for i in range(0, width, LANES):
            a = v.load(both, 2 * row * width + i)
            v.store(y, row * width + i, v.mul(v.mul(a, v.sigmoid16(a)), v.load(both, 2 * row * width + width + i)))


@njit(cache=True, nogil=True, error_model="numpy")
def gate_back(both, width, grad, grad_both):
    """The gradient of ``gate``."""
    one = v.splat(np.float32(1.0))
    for row in range(grad.shape[0] // width):
        for i in range(0, width, LANES):
            at = 2 * row * width + i
            a, g = v.load(both, at), v.load(grad, row * width + i)
            open_ = v.sigmoid16(a)
            slope = v.mul(open_, v.fma(a, v.sub(one, open_), one))  # of silu
            v.store(grad_both, at, v.mul(v.mul(g, slope), v.load(both, at + width)))
            v.store(grad_both, at + width, v.mul(g, v.mul(a, open_)))


@njit(inline="always")
def _strength_squared(log_rho, rho):
    """1 − rho² and a little: near 1 by its series, as the difference would lose its digits there."""
    one = v.splat(np.float32(1.0))
    z = v.add(log_rho, log_rho)
    series = v.fma(z, v.splat(np.float32(0.25)), one)
    series = v.fma(v.mul(z, v.splat(np.float32(1.0 / 3.0))), series, one)
    series = v.fma(v.mul(z, v.splat(np.float32(0.5))), series, one)
    near, far = v.sub(v.splat(np.float32(0.0)), v.mul(z, series)), v.sub(one, v.mul(rho, rho))
    return v.add(v.below(z, np.float32(-0.05), far, near), v.splat(np.float32(1e-8)))


@njit(cache=True, nogil=True, error_model="numpy")
def recur(entered, rate, cos, sin, h0, n_batch, n_steps, h, y):
    """h[t] = rho e^{i angle} h[t−1] + sqrt(1 − rho²) v and y = h · silu(gate), as ``skeleton.recurrence`` says.

    entered (B · T · 5 n,): v (re, im), gate (2 n), openness (n); log rho = rate · sigmoid(openness);
    rate, cos, sin (n,); h0 (B · 2 n,); h, y (B · T · 2 n,) out.
    """
    n = rate.shape[0]
    for b in range(n_batch):
        for t in range(n_steps):
            at, x = (b * n_steps + t) * 2 * n, (b * n_steps + t) * 5 * n
            for j in range(0, n, LANES):
                if t == 0:
                    re, im = v.load(h0, b * 2 * n + j), v.load(h0, b * 2 * n + n + j)
                else:
                    re, im = v.load(h, at - 2 * n + j), v.load(h, at - n + j)
                log_rho = v.mul(v.load(rate, j), v.sigmoid16(v.load(entered, x + 4 * n + j)))
                rho = v.exp16(log_rho)
                strength = v.root16(_strength_squared(log_rho, rho))
                c, s = v.load(cos, j), v.load(sin, j)
                turned_re = v.sub(v.mul(c, re), v.mul(s, im))
                turned_im = v.fma(s, re, v.mul(c, im))
                v.store(h, at + j, v.fma(rho, turned_re, v.mul(strength, v.load(entered, x + j))))
                v.store(h, at + n + j, v.fma(rho, turned_im, v.mul(strength, v.load(entered, x + n + j))))
            for j in range(0, 2 * n, LANES):
                gate = v.load(entered, x + 2 * n + j)
                v.store(y, at + j, v.mul(v.load(h, at + j), v.mul(gate, v.sigmoid16(gate))))


@njit(cache=True, nogil=True, error_model="numpy")
def recur_back(entered, rate, cos, sin, h0, h, grad, n_batch, n_steps, grad_entered, grad_rate, grad_angle, carry):
    """Gradients of ``recur``; carry (B · 2 n,): that of the last h when it begins, that of h0 when it ends."""
    n = rate.shape[0]
    one, nothing = v.splat(np.float32(1.0)), v.splat(np.float32(0.0))
    for b in range(n_batch):
        own = b * 2 * n
        for t in range(n_steps - 1, -1, -1):
            at, x = (b * n_steps + t) * 2 * n, (b * n_steps + t) * 5 * n
            for j in range(0, 2 * n, LANES):
                gate, g = v.load(entered, x + 2 * n + j), v.load(grad, at + j)
                open_ = v.sigmoid16(gate)
                slope = v.mul(open_, v.fma(gate, v.sub(one, open_), one))
                v.store(grad_entered, x + 2 * n + j, v.mul(v.mul(g, v.load(h, at + j)), slope))
                v.store(carry, own + j, v.fma(g, v.mul(gate, open_), v.load(carry, own + j)))
            for j in range(0, n, LANES):
                if t == 0:
                    re, im = v.load(h0, own + j), v.load(h0, own + n + j)
                else:
                    re, im = v.load(h, at - 2 * n + j), v.load(h, at - n + j)
                open_, r = v.sigmoid16(v.load(entered, x + 4 * n + j)), v.load(rate, j)
                log_rho = v.mul(r, open_)
                rho = v.exp16(log_rho)
                strength = v.root16(_strength_squared(log_rho, rho))
                c, s = v.load(cos, j), v.load(sin, j)
                turned_re = v.sub(v.mul(c, re), v.mul(s, im))
                turned_im = v.fma(s, re, v.mul(c, im))
                g_re, g_im = v.load(carry, own + j), v.load(carry, own + n + j)
                v.store(grad_entered, x + j, v.mul(strength, g_re))
                v.store(grad_entered, x + n + j, v.mul(strength, g_im))
                by_strength = v.fma(g_re, v.load(entered, x + j), v.mul(g_im, v.load(entered, x + n + j)))
                by_rho = v.fma(g_re, turned_re, v.mul(g_im, turned_im))
                # d strength / d log rho = −rho² / strength
                by_log = v.mul(rho, v.sub(by_rho, v.div(v.mul(by_strength, rho), strength)))
                v.store(grad_rate, j, v.fma(by_log, open_, v.load(grad_rate, j)))
                v.store(grad_entered, x + 4 * n + j, v.mul(v.mul(by_log, r), v.mul(open_, v.sub(one, open_))))
                g_re, g_im = v.mul(rho, g_re), v.mul(rho, g_im)
                turn = v.sub(v.mul(g_im, turned_re), v.mul(g_re, turned_im))
                v.store(grad_angle, j, v.add(turn, v.load(grad_angle, j)))
                v.store(carry, own + j, v.fma(c, g_re, v.mul(s, g_im)))
                v.store(carry, own + n + j, v.fma(c, g_im, v.sub(nothing, v.mul(s, g_re))))
