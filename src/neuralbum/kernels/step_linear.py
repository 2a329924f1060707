"""Matrix products for the stepping engine: the same bits for a stream alone or in any batch.

A layer's weights are packed in blocks of 16 outputs. A
tile computes a few blocks for a few streams at once, its accumulators in
registers; every output of every stream is one chain of fused multiply-adds over
the inputs in order. How outputs and streams are grouped into tiles therefore
changes the speed and not one bit of the result. (A library GEMM chooses its
summation order by the batch's shape.)

Large matrices are walked in groups of outputs, panels of inputs and stripes of blocks: the sums of a group stay in
the second cache, a stripe's weights of one panel in the first while all streams use them, and the
next stripe is fetched meanwhile. A panel goes on with the sums of the one before, so the chain is the same. A few
streams alone are bound by memory: for them a stripe is as many blocks as there are sums in registers, each a
row of lines that the core fetches ahead by itself.

Large matrices are quantised: an int16 for each weight and a scale for each output, so that a weight is off by a
65,534th of its output's largest at most. The sums are of whole numbers of the scale, as float32, and the scale comes
in at the end. They lie there as int16, which one stream alone reads in half the time (1.3 to 2 times the samples of
``small``, ``full`` and the reference net), and as the same numbers in float32, which many need not convert.

The tiles are written in LLVM's vector types, because a compiler does not keep
accumulators of a plain loop in registers. Measured on one core (AVX-512), 1024 inputs and outputs: from 32 streams
on 0.85 to 0.95 of torch's 512 x 512 x 512 rate, also with matrices that come from memory (torch there: 0.35); one
stream 12.3 GB/s, as fast as memory is read. The NumPy twin, which adds up in the same order, is 100
to 200 times slower.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from .lanes import LANES, intrinsic, load, mul, store

PANEL = 96  #: inputs a tile goes through at once: three blocks of their weights are 18 KiB, of the first cache's 32
GROUP = 24  #: blocks whose sums go through all panels before the next ones' begin: 96 KiB for 64 streams

QUANTISED = 2**14  #: weights from which on a matrix is quantised: what does not fit the first cache beside the rest
MOST = 2**15 - 1

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]


def quantise(weight: Float32) -> tuple[Int16, Float32]:
    """(n_outputs, n_inputs) -> whole numbers, and the scale of each output's (n_outputs,)."""
    largest = np.abs(weight).max(axis=1)
    scale = np.where(largest > 0, largest / MOST, 1.0).astype(np.float32)
    return np.rint(weight / scale[:, None]).clip(-MOST, MOST).astype(np.int16), scale


def pack(weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n_outputs, n_inputs) -> flat: group by group, its panels one after the other as (n_blocks, depth, LANES).

    Zeros where a block is not full.
    """
    n_outputs, n_inputs = weight.shape
    padded = np.zeros((-(-n_outputs // LANES) * LANES, n_inputs), dtype=weight.dtype)
    padded[:n_outputs] = weight
    blocks = padded.reshape(-1, LANES, n_inputs).transpose(0, 2, 1)
    groups = (blocks[first : first + GROUP] for first in range(0, len(blocks), GROUP))
    return np.concatenate([group[:, k : k + PANEL].reshape(-1) for group in groups for k in range(0, n_inputs, PANEL)])


def pad(vector: npt.NDArray[np.floating[Any]]) -> Float32:
    """(n,) -> float32 (multiple of LANES,), zeros at the end."""
    padded = np.zeros(-(-len(vector) // LANES) * LANES, dtype=np.float32)
    padded[: len(vector)] = vector
    return padded


def linear_plain(x: Float32, weight: Float32, bias: Float32) -> Float32:
    """The twin in NumPy: x (B, n_inputs) -> (B, n_outputs), each sum in the order of the inputs.

    A float64 product of two float32 is exact, so adding in float64 and rounding
    once a step is what a fused multiply-add does (but for rare double roundings).
    """
    out = np.tile(bias, (len(x), 1))
    for k in range(weight.shape[1]):
        column = weight[:, k].astype(np.float64)
        out = (out.astype(np.float64) + x[:, k : k + 1].astype(np.float64) * column).astype(np.float32)
    return out


def _as_floats(builder: Any, pointer: Any) -> Any:
    """Sixteen int16 as float32."""
    short = builder.bitcast(pointer, ir.VectorType(ir.IntType(16), LANES).as_pointer())
    wide = builder.sext(builder.load(short, align=2), ir.VectorType(ir.IntType(32), LANES))
    return builder.sitofp(wide, ir.VectorType(ir.FloatType(), LANES))


def _tile(n_streams: int, n_blocks: int) -> Any:
    """An intrinsic that goes on with ``n_blocks`` blocks of sums for ``n_streams`` streams.

    tile(weights, w, size, k_count, start, start_at, start_step, rows, x, y, stride, ahead): ``weights``, float32 or
    int16, from ``w`` on, blocks ``size`` apart; the sums start with what lies in array ``start`` from
    ``start_at`` on (``start_step`` apart for the streams); rows of streams are ``stride`` apart; at
    ``ahead`` lie weights that will be wanted soon.
    """

    @intrinsic
    def tile(typing, weights, w, size, k_count, start, start_at, start_step, rows, x, y, stride, ahead):
        def codegen(context, builder, signature, args):
            vector = ir.VectorType(ir.FloatType(), LANES)
            vector_ptr, float_ptr = vector.as_pointer(), ir.FloatType().as_pointer()

            def base(i: int) -> Any:
                return context.make_array(signature.args[i])(context, builder, args[i]).data

            weights_ptr, start_ptr, rows_ptr = base(0), base(4), base(7)
            quantised = signature.args[0].dtype == types.int16
            w_at, block_size, k_count, start_at, start_step = args[1], args[2], args[3], args[5], args[6]
            x_at, y_at, step, soon = args[8], args[9], args[10], args[11]
            index = k_count.type
            lanes = ir.Constant(index, LANES)
            fma = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
            )
            byte_ptr, word = ir.IntType(8).as_pointer(), ir.IntType(32)
            fetch = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [byte_ptr, word, word, word]), "llvm.prefetch.p0i8"
            )

            def vector_at(base: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(base, [offset]), vector_ptr)

            def weight_at(offset: Any) -> Any:
                if quantised:
                    return _as_floats(builder, builder.gep(weights_ptr, [offset]))
                return builder.load(vector_at(weights_ptr, offset), align=4)

            sums = []
            for m in range(n_streams):
                first = builder.add(start_at, builder.mul(ir.Constant(index, m), start_step))
                for v in range(n_blocks):
                    slot = cgutils.alloca_once(builder, vector)
                    at = builder.add(first, ir.Constant(index, v * LANES))
                    builder.store(builder.load(vector_at(start_ptr, at), align=4), slot)
                    sums.append(slot)
            # Eight pointers the compiler cannot see through: else it works out each from one at every input.
            own = ir.InlineAsm(ir.FunctionType(float_ptr, [float_ptr]), "", "=r,0")
            stream_at = [
                builder.call(
                    own, [builder.gep(rows_ptr, [builder.add(x_at, builder.mul(ir.Constant(index, m), step))])]
                )
                for m in range(n_streams)
            ]
            block_at = [builder.add(w_at, builder.mul(ir.Constant(index, v), block_size)) for v in range(n_blocks)]
            with cgutils.for_range(builder, k_count) as loop:
                far = builder.mul(loop.index, lanes)
                if n_streams > 1:
                    line = builder.bitcast(builder.gep(weights_ptr, [builder.add(soon, far)]), byte_ptr)
                    builder.call(fetch, [line, word(0), word(2), word(1)])  # to read, into the second cache, data
                loaded = [weight_at(builder.add(at, far)) for at in block_at]
                for m in range(n_streams):
                    value = builder.load(builder.gep(stream_at[m], [loop.index]))
                    one = builder.insert_element(
                        ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
                    )
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                    spread = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)
                    for v in range(n_blocks):
                        slot = sums[m * n_blocks + v]
                        builder.store(builder.call(fma, [spread, loaded[v], builder.load(slot)]), slot)
            for m in range(n_streams):
                row = builder.add(y_at, builder.mul(ir.Constant(index, m), step))
                for v in range(n_blocks):
                    out = vector_at(rows_ptr, builder.add(row, ir.Constant(index, v * LANES)))
                    builder.store(builder.load(sums[m * n_blocks + v]), out, align=4)
            return context.get_dummy_value()

        n = types.intp
        return types.void(weights, n, n, n, start, n, n, rows, n, n, n, n), codegen

    return tile


def _has_wide_registers() -> bool:
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


# 32 registers of 16 floats with AVX-512; elsewhere 16 of 8 floats: smaller tiles.
if _has_wide_registers():
    BLOCKS8, BLOCKS4, BLOCKS1 = 3, 3, 8
else:
    BLOCKS8, BLOCKS4, BLOCKS1 = 1, 1, 4

_tile8, _tile8_1 = _tile(8, BLOCKS8), _tile(8, 1)
_tile4, _tile4_1 = _tile(4, BLOCKS4), _tile(4, 1)
_tile1, _tile1_1 = _tile(1, BLOCKS1), _tile(1, 1)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def linear(flat, large, w, bias, n_inputs, n_blocks, rows, x, y, stride, n_streams):
    """rows[b, y:] = W rows[b, x:] + bias for every stream b; all positions are offsets into flat arrays.

    W lies in ``flat`` from ``w`` on; or, if w < 0, quantised in both arrays ``large`` (float32 and int16) from ``~w``
    on. Then its biases, in units of the scales, are followed by the scales.
    """
    if w >= 0:
        _product(flat, w, flat, bias, n_inputs, n_blocks, rows, x, y, stride, n_streams)
        return
    if n_streams == 1:
        _product(large[1], ~w, flat, bias, n_inputs, n_blocks, rows, x, y, stride, 1)
    else:
        _product(large[0], ~w, flat, bias, n_inputs, n_blocks, rows, x, y, stride, n_streams)
    scale = bias + n_blocks * LANES
    for b in range(n_streams):
        out = b * stride + y
        for i in range(0, n_blocks * LANES, LANES):
            store(rows, out + i, mul(load(rows, out + i), load(flat, scale + i)))


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _product(weights, w, flat, bias, n_inputs, n_blocks, rows, x, y, stride, n_streams):
    stripe = BLOCKS8 if n_streams >= 8 else (2 * BLOCKS4 if n_streams >= 4 else BLOCKS1)
    for group in range(0, n_blocks, GROUP):
        size = min(GROUP, n_blocks - group)
        here = group * LANES
        for k in range(0, n_inputs, PANEL):
            depth = min(PANEL, n_inputs - k)
            panel = w + here * n_inputs + k * size * LANES
            for block in range(0, size, stripe):
                last = min(block + stripe, size)
                _stripe(
                    weights, panel, flat, bias + here, k, depth, block, last, rows, x + k, y + here, stride, n_streams
                )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _stripe(weights, panel, flat, bias, k, depth, block, last, rows, x, y, stride, n_streams):
    """Blocks [block, last) of a panel for all streams; k: the panel's first input."""
    size = depth * LANES
    start, start_step = (flat, 0) if k == 0 else (rows, stride)
    soon = panel + last * size  # the next stripe, a block for each tile until all of it is near
    enough = soon + (last - block) * size
    m = 0
    while m < n_streams:
        n = 8 if m + 8 <= n_streams else (4 if m + 4 <= n_streams else 1)
        source = m * stride + x
        at = block
        while at < last:
            here = panel + at * size
            row = m * stride + y + at * LANES
            first = bias + at * LANES if k == 0 else row
            if n == 8 and at + BLOCKS8 <= last:
                _tile8(weights, here, size, depth, start, first, start_step, rows, source, row, stride, soon)
                at += BLOCKS8
            elif n == 8:
                _tile8_1(weights, here, size, depth, start, first, start_step, rows, source, row, stride, soon)
                at += 1
            elif n == 4 and at + BLOCKS4 <= last:
                _tile4(weights, here, size, depth, start, first, start_step, rows, source, row, stride, soon)
                at += BLOCKS4
            elif n == 4:
                _tile4_1(weights, here, size, depth, start, first, start_step, rows, source, row, stride, soon)
                at += 1
            elif at + BLOCKS1 <= last:
                _tile1(weights, here, size, depth, start, first, start_step, rows, source, row, stride, soon)
                at += BLOCKS1
            else:
                _tile1_1(weights, here, size, depth, start, first, start_step, rows, source, row, stride, soon)
                at += 1
            soon = min(soon + size, enough)
        m += n
