"""The vectors' instructions against NumPy, in both widths."""

import numpy as np
import pytest
from numba import njit

from neuralbum.kernels import doubles, lanes

WIDTHS = [pytest.param(lanes, np.float32, 16, id="lanes"), pytest.param(doubles, np.float64, 8, id="doubles")]


def work_on(of, width):
    """Everything that both widths have, compiled at once: ``out`` gets a row for each."""
    load, store, splat, total, fma = of.load, of.store, of.splat, of.total, of.fma
    add, sub, mul, div, larger, smaller = of.add, of.sub, of.mul, of.div, of.larger, of.smaller

    @njit
    def work(a, b, out):
        x, y = load(a, 0), load(b, 3)
        store(out, 0, add(x, y))
        store(out, width, sub(x, y))
        store(out, 2 * width, mul(x, y))
        store(out, 3 * width, div(x, y))
        store(out, 4 * width, larger(x, y))
        store(out, 5 * width, smaller(x, y))
        store(out, 6 * width, fma(x, y, splat(a[0])))
        return total(y)

    return work


def halved(values, join):
    """All to one as the kernels do it: the first half with the second, and again."""
    while len(values) > 1:
        values = join(values[: len(values) // 2], values[len(values) // 2 :])
    return values[0]


@pytest.mark.parametrize(("of", "dtype", "width"), WIDTHS)
def test_instructions_are_those_of_numpy_bit_for_bit(of, dtype, width):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(width).astype(dtype), rng.standard_normal(width + 3).astype(dtype)
    a[1] = b[3 + 2] = np.nan
    a[3], a[4] = np.inf, 0.0
    out, y = np.zeros((7, width), dtype=dtype), b[3:]
    assert np.isnan(work_on(of, width)(a, b, out))
    with np.errstate(invalid="ignore"):
        expected = [a + y, a - y, a * y, a / y, np.where(a > y, a, y), np.where(a < y, a, y)]
    assert np.array_equal(out[:6], expected, equal_nan=True)
    # rounded once: in twice as many digits the product is whole (but for the rare double rounding)
    whole = (a.astype(np.longdouble) * y + a[0]).astype(dtype)
    np.testing.assert_array_almost_equal_nulp(out[6][np.isfinite(whole)], whole[np.isfinite(whole)], nulp=1)


@pytest.mark.parametrize(("of", "dtype", "width"), WIDTHS)
def test_all_become_one_by_halves(of, dtype, width):
    values = np.random.default_rng(1).standard_normal(width).astype(dtype)
    load, total, furthest = of.load, of.total, of.largest if of is lanes else of.smallest

    @njit
    def fold(values):
        return total(load(values, 0)), furthest(load(values, 0))

    summed, found = fold(values)
    assert dtype(summed) == halved(values, np.add)
    assert found == (values.max() if of is lanes else values.min())
