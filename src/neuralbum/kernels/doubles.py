"""Eight float64 at once: the ``lanes`` of kernels that adapt as they go and need the digits.

A value is one LLVM vector ``<8 x double>`` (one AVX-512 register, two of AVX2, four of NEON), and
each function is one or a few instructions in a fixed order, as ``vectors`` has them. Only usable
inside ``@njit`` functions.
"""

from __future__ import annotations

from numba import types

from .vectors import Maker, less

WIDTH = 8

_of = Maker(types.float64, WIDTH)

load, store, splat = _of.load, _of.store, _of.splat
add, sub, mul, div, fma = _of.add, _of.sub, _of.mul, _of.div, _of.fma
larger, smaller = _of.larger, _of.smaller
total = _of.total
smallest = _of.of_all(less)
