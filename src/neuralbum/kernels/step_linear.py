"""Matrix products for the stepping engine: the same bits for a stream alone or in any batch.

A layer's weights are packed in blocks of 16 outputs, (n_blocks, n_inputs, 16). A
tile computes a few blocks for a few streams at once, its accumulators in
registers; every output of every stream is one chain of fused multiply-adds over
the inputs in order. How outputs and streams are grouped into tiles therefore
changes the speed and not one bit of the result. (A library GEMM chooses its
summation order by the batch's shape.)

The tiles are written in LLVM's vector types, because a compiler does not keep
accumulators of a plain loop in registers. Measured on one core (AVX-512), 512
inputs and outputs: 0.9 of torch's rate at batch 64, 1.3 times torch's at batch 1; the NumPy
twin, which adds up in the same order, is 100 to 200 times slower.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16

Float32 = npt.NDArray[np.float32]


def pack(weight: npt.NDArray[np.floating[Any]]) -> Float32:
    """(n_outputs, n_inputs) -> (n_blocks, n_inputs, LANES), zeros where the last block is not full."""
    n_outputs, n_inputs = weight.shape
    n_blocks = -(-n_outputs // LANES)
    padded = np.zeros((n_blocks * LANES, n_inputs), dtype=np.float32)
    padded[:n_outputs] = weight
    return np.ascontiguousarray(padded.reshape(n_blocks, LANES, n_inputs).transpose(0, 2, 1))


def pad(vector: npt.NDArray[np.floating[Any]]) -> Float32:
    """(n,) -> float32 (multiple of LANES,), zeros at the end."""
    padded = np.zeros(-(-len(vector) // LANES) * LANES, dtype=np.float32)
    padded[: len(vector)] = vector
    return padded


def linear_plain(x: Float32, packed: Float32, bias: Float32) -> Float32:
    """The twin in NumPy: x (B, n_inputs) -> (B, n_blocks * LANES), each sum in the order of the inputs.

    A float64 product of two float32 is exact, so adding in float64 and rounding
    once a step is what a fused multiply-add does (but for rare double roundings).
    """
    out = np.tile(bias, (len(x), 1))
    for k in range(packed.shape[1]):
        column = packed[:, k].reshape(-1).astype(np.float64)
        out = (out.astype(np.float64) + x[:, k : k + 1].astype(np.float64) * column).astype(np.float32)
    return out


def _tile(n_streams: int, n_blocks: int) -> Any:
    """An intrinsic that computes ``n_blocks`` blocks of outputs for ``n_streams`` streams.

    tile(flat, w, n_inputs, bias, rows, x, y, stride): offsets into ``flat`` (weights) and
    ``rows`` (streams' rows, ``stride`` apart).
    """

    @intrinsic
    def tile(typing, flat, w, n_inputs, bias, rows, x, y, stride):
        def codegen(context, builder, signature, args):
            vector = ir.VectorType(ir.FloatType(), LANES)
            vector_ptr, float_ptr = vector.as_pointer(), ir.FloatType().as_pointer()
            flat_ptr = context.make_array(signature.args[0])(context, builder, args[0]).data
            rows_ptr = context.make_array(signature.args[4])(context, builder, args[4]).data
            flat_ptr = builder.bitcast(flat_ptr, float_ptr)
            rows_ptr = builder.bitcast(rows_ptr, float_ptr)
            w_at, k_count, bias_at, x_at, y_at, step = args[1], args[2], args[3], args[5], args[6], args[7]
            index = k_count.type
            lanes = ir.Constant(index, LANES)
            block_size = builder.mul(k_count, lanes)
            fma = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
            )

            def vector_at(base: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(base, [offset]), vector_ptr)

            sums = []
            for _ in range(n_streams):
                for v in range(n_blocks):
                    slot = cgutils.alloca_once(builder, vector)
                    start = builder.add(bias_at, ir.Constant(index, v * LANES))
                    builder.store(builder.load(vector_at(flat_ptr, start), align=4), slot)
                    sums.append(slot)
            stream_at = [builder.add(x_at, builder.mul(ir.Constant(index, m), step)) for m in range(n_streams)]
            block_at = [builder.add(w_at, builder.mul(ir.Constant(index, v), block_size)) for v in range(n_blocks)]
            with cgutils.for_range(builder, k_count) as loop:
                weights = [
                    builder.load(vector_at(flat_ptr, builder.add(at, builder.mul(loop.index, lanes))), align=4)
                    for at in block_at
                ]
                for m in range(n_streams):
                    value = builder.load(builder.gep(rows_ptr, [builder.add(stream_at[m], loop.index)]))
                    one = builder.insert_element(
                        ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
                    )
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                    spread = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)
                    for v in range(n_blocks):
                        slot = sums[m * n_blocks + v]
                        builder.store(builder.call(fma, [spread, weights[v], builder.load(slot)]), slot)
            for m in range(n_streams):
                row = builder.add(y_at, builder.mul(ir.Constant(index, m), step))
                for v in range(n_blocks):
                    out = vector_at(rows_ptr, builder.add(row, ir.Constant(index, v * LANES)))
                    builder.store(builder.load(sums[m * n_blocks + v]), out, align=4)
            return context.get_dummy_value()

        return types.void(flat, types.intp, types.intp, types.intp, rows, types.intp, types.intp, types.intp), codegen

    return tile


def _has_wide_registers() -> bool:
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


# 32 registers of 16 floats with AVX-512; elsewhere 16 of 8 floats: smaller tiles.
if _has_wide_registers():
    BLOCKS8, BLOCKS4, BLOCKS2, BLOCKS1 = 3, 4, 6, 8
else:
    BLOCKS8, BLOCKS4, BLOCKS2, BLOCKS1 = 1, 1, 2, 4

_tile8, _tile8_1 = _tile(8, BLOCKS8), _tile(8, 1)
_tile4, _tile4_1 = _tile(4, BLOCKS4), _tile(4, 1)
_tile2, _tile2_1 = _tile(2, BLOCKS2), _tile(2, 1)
_tile1, _tile1_1 = _tile(1, BLOCKS1), _tile(1, 1)


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def linear(flat, w, bias, n_inputs, n_blocks, rows, x, y, stride, n_streams):
    """rows[b, y:] = W rows[b, x:] + bias for every stream b; all positions are offsets into flat arrays."""
    size = n_inputs * LANES
    m = 0
    # Outermost: streams by eights, so that a tile's inputs stay near; the weights stream past them.
    block = 0
    while block < n_blocks:
        # a stripe of blocks is used for all streams while it lies in the cache
        wide = min(12, n_blocks - block)
        m = 0
        while m + 8 <= n_streams:
            at = block
            while at + BLOCKS8 <= block + wide:
                _tile8(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                       m * stride + y + at * LANES, stride)  # fmt: skip
                at += BLOCKS8
            while at < block + wide:
                _tile8_1(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                         m * stride + y + at * LANES, stride)  # fmt: skip
                at += 1
            m += 8
        if m + 4 <= n_streams:
            at = block
            while at + BLOCKS4 <= block + wide:
                _tile4(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                       m * stride + y + at * LANES, stride)  # fmt: skip
                at += BLOCKS4
            while at < block + wide:
                _tile4_1(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                         m * stride + y + at * LANES, stride)  # fmt: skip
                at += 1
            m += 4
        if m + 2 <= n_streams:
            at = block
            while at + BLOCKS2 <= block + wide:
                _tile2(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                       m * stride + y + at * LANES, stride)  # fmt: skip
                at += BLOCKS2
            while at < block + wide:
                _tile2_1(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                         m * stride + y + at * LANES, stride)  # fmt: skip
                at += 1
            m += 2
        if m < n_streams:
            at = block
            while at + BLOCKS1 <= block + wide:
                _tile1(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                       m * stride + y + at * LANES, stride)  # fmt: skip
                at += BLOCKS1
            while at < block + wide:
                _tile1_1(flat, w + at * size, n_inputs, bias + at * LANES, rows, m * stride + x,
                         m * stride + y + at * LANES, stride)  # fmt: skip
                at += 1
        block += wide
