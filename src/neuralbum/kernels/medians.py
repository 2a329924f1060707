"""Running medians, 31 wide, bit for bit those of ``scipy.ndimage.median_filter``.

A median is a matter of comparing, so it can be written as a fixed list of
minima and maxima: a network, without branches, that runs on eight columns at
once. Sixteen neighbouring windows of 31 share 16 of their numbers; these are
sorted once. The windows are then halved, 16 → 8 → 4 → 2 → 1; at each halving
the numbers that the half has in common besides are merged in, and only those
ranks are kept that can still become the median. That is 34 minima and maxima
for a median instead of the 31·30/2 comparisons of sorting a window.

``network`` builds the list, ``run_network`` runs it on whatever knows minimum
and maximum (the plain twin, in NumPy), and the numba kernel has it written
straight into machine instructions on vectors of eight, which compiles in a
second where the same list as Python source took nine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from ..errors import ParameterError

Float = npt.NDArray[np.float32]

WIDTH = 31
REACH = WIDTH // 2
TILE = 16
"""Windows computed together."""
LANES = 8
"""Columns computed together: eight float32 are one AVX register, two of SSE or NEON."""

Step = tuple[bool, int, int]
"""(is it a maximum, the two numbers compared): the result gets the next free number."""


class _Network:
    """Collects steps; the same comparison asked twice is made once."""

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.steps: list[Step] = []
        self._known: dict[Step, int] = {}

    def _step(self, maximum: bool, a: int, b: int) -> int:
        step = (maximum, min(a, b), max(a, b))
        if step not in self._known:
            self._known[step] = self.n_inputs + len(self.steps)
            self.steps.append(step)
        return self._known[step]

    def sort(self, values: list[int]) -> list[int]:
        if len(values) < 2:
            return values
        middle = len(values) // 2
        return self.merge(self.sort(values[:middle]), self.sort(values[middle:]))

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        """Two sorted lists into one: Batcher's odd-even merge (1968), any lengths."""
        if not a or not b:
            return a or b
        if len(a) == len(b) == 1:
            return [self._step(False, a[0], b[0]), self._step(True, a[0], b[0])]
        even, odd = self.merge(a[::2], b[::2]), self.merge(a[1::2], b[1::2])
        out = [even[0]]
        for i in range(max(len(even) - 1, len(odd))):
            if i < len(odd) and i + 1 < len(even):
                low, high = odd[i], even[i + 1]
                out += [self._step(False, low, high), self._step(True, low, high)]
            else:
                out += odd[i : i + 1] + even[i + 1 : i + 2]
        return out

    def medians(self, first: int, count: int, core: list[int]) -> list[int]:
        """Medians of ``count`` windows from ``first`` on, given the sorted ranks of what they share."""
        if count == 1:
            return core
        half = count // 2
        found = []
        for start, extra in (
            (first, range(first + half - 1, first + count - 1)),
            (first + half, range(first + WIDTH, first + WIDTH + half)),
        ):
            merged = self.merge(core, self.sort(list(extra)))
            # ``half`` windows share WIDTH − half + 1 numbers and add half − 1: of the shared ones only
            # ranks REACH − (half − 1) … REACH can be the median. Lower ranks dropped before count here.
            dropped = max(0, REACH - (count - 1))
            keep = merged[REACH - (half - 1) - dropped : REACH + 1 - dropped]
            found += self.medians(start, half, keep)
        return found


@cache
def network() -> tuple[tuple[Step, ...], tuple[int, ...]]:
    """The steps that turn TILE + 30 numbers (0 … 45) into TILE medians, and where these stand."""
    made = _Network(TILE + WIDTH - 1)
    shared = made.sort(list(range(TILE - 1, WIDTH)))
    outputs = made.medians(0, TILE, shared)
    return _without_idle_steps(made, outputs)


def _without_idle_steps(made: _Network, outputs: list[int]) -> tuple[tuple[Step, ...], tuple[int, ...]]:
    needed = set(outputs)
    for place in reversed(range(len(made.steps))):
        if made.n_inputs + place in needed:
            needed.update(made.steps[place][1:])
    number = {i: i for i in range(made.n_inputs)}
    kept: list[Step] = []
    for place, (maximum, a, b) in enumerate(made.steps):
        if made.n_inputs + place in needed:
            number[made.n_inputs + place] = made.n_inputs + len(kept)
            kept.append((maximum, number[a], number[b]))
    return tuple(kept), tuple(number[i] for i in outputs)


def run_network(
    inputs: Sequence[Any], minimum: Callable[[Any, Any], Any], maximum: Callable[[Any, Any], Any]
) -> list[Any]:
    """Run the network on anything two of which have a minimum and a maximum."""
    steps, outputs = network()
    values = list(inputs)
    for is_maximum, a, b in steps:
        values.append((maximum if is_maximum else minimum)(values[a], values[b]))
    return [values[i] for i in outputs]


def running_median_plain(values: npt.NDArray[np.floating], axis: int, width: int = WIDTH) -> npt.NDArray[np.floating]:
    """The twin anyone can check: sort every window; the ends are mirrored (d c b a | a b c d | d c b a)."""
    if width < 1 or width % 2 == 0:
        raise ParameterError(f"width={width} must be odd, so that a window has a middle")
    edges = [(0, 0)] * values.ndim
    edges[axis] = (width // 2, width // 2)
    padded = np.pad(values, edges, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=axis)
    return np.partition(windows, width // 2, axis=-1)[..., width // 2]


def running_median(values: Float, axis: int) -> Float:
    """Medians of 31 along an axis, the ends mirrored: bit-equal to SciPy's, some 100 times faster.

    Measured on float32 (1000, 1025), one core of a busy machine: 4.5 ms along axis 0 and 6.1 ms along
    axis 1, where ``scipy.ndimage.median_filter`` takes 646 and 572 ms: 143 and 94 times as long.

    Parameters
    ----------
    values : float32 (n, m), without NaN
    axis : 0 or 1

    Returns
    -------
    float32 (n, m)
    """
    if values.ndim != 2 or values.dtype != np.float32:
        raise ParameterError(f"running_median takes float32 (n, m), not {values.dtype} {values.shape}")
    if values.size == 0:
        return values.copy()
    turned = values.T if axis == 1 else values
    n, m = turned.shape
    rows = -(-n // TILE) * TILE
    columns = max(LANES, m)
    padded = np.zeros((rows + WIDTH - 1, columns), dtype=np.float32)
    padded[REACH : REACH + n, :m] = turned
    for k in range(REACH):  # mirrored, again and again where the input is shorter than the reach
        padded[REACH - 1 - k, :m] = turned[_mirrored(-1 - k, n)]
        padded[REACH + n + k, :m] = turned[_mirrored(n + k, n)]
    out = np.empty((rows, columns), dtype=np.float32)
    _all_tiles(padded, out)
    found = out[:n, :m]
    return np.ascontiguousarray(found.T if axis == 1 else found)


def _mirrored(index: int, n: int) -> int:
    index %= 2 * n
    return index if index < n else 2 * n - 1 - index


@njit(cache=True)
def _all_tiles(padded: Float, out: Float) -> None:
    n, m = out.shape
    for row in range(0, n, TILE):
        for column in range(0, m - LANES + 1, LANES):
            _one_tile(padded, out, row, column)  # type: ignore[call-arg]
        if m % LANES:
            # The last columns, some of them again.
            _one_tile(padded, out, row, m - LANES)  # type: ignore[call-arg]


@intrinsic
def _one_tile(typing_context: Any, padded: Any, out: Any, row: Any, column: Any) -> Any:
    """Write the network itself as instructions: TILE rows by LANES columns of medians."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        vector = ir.VectorType(ir.FloatType(), LANES)
        index = ir.IntType(64)

        def rows_of(kind: Any, value: Any) -> Callable[[int], Any]:
            array = context.make_array(kind)(context, builder, value)
            stride = cgutils.unpack_tuple(builder, array.strides)[0]  # type: ignore[no-untyped-call]
            start = builder.gep(array.data, [builder.sext(arguments[3], index)])
            start = builder.ptrtoint(start, index)

            def pointer(k: int) -> Any:
                place = builder.add(builder.sext(arguments[2], index), index(k))
                return builder.inttoptr(builder.add(start, builder.mul(place, stride)), vector.as_pointer())

            return pointer

        source, target = (rows_of(signature.args[i], arguments[i]) for i in (0, 1))
        inputs = [builder.load(source(k), align=4) for k in range(TILE + WIDTH - 1)]

        def smaller(a: Any, b: Any) -> Any:
            return builder.select(builder.fcmp_ordered("<", a, b), a, b)

        def larger(a: Any, b: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", a, b), a, b)

        for k, value in enumerate(run_network(inputs, smaller, larger)):
            builder.store(value, target(k), align=4)
        return context.get_dummy_value()

    return types.void(padded, out, types.int64, types.int64), generate
