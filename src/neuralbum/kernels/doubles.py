"""Eight float64 at once: the ``lanes`` of kernels that adapt as they go and need the digits.

A ``Doubles`` value is one LLVM vector ``<8 x double>`` (one AVX-512 register, two of AVX2, four of NEON), and
each function is one or a few instructions in a fixed order. Only usable
inside ``@njit`` functions.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

from .lanes import intrinsic

WIDTH = 8

_DOUBLE, _INT = ir.DoubleType(), ir.IntType(32)
_VECTOR = ir.VectorType(_DOUBLE, WIDTH)


class Doubles(types.Type):
    """Numba's name for eight float64."""

    def __init__(self) -> None:
        super().__init__(name="Doubles8")


doubles = Doubles()


@register_model(Doubles)
class _DoublesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _where(context: Any, builder: Any, signature: Any, array: Any, index: Any) -> Any:
    """A pointer to eight numbers of a float64 array, however many axes it has."""
    data = context.make_array(signature)(context, builder, array).data
    base = builder.bitcast(data, _DOUBLE.as_pointer())
    return builder.bitcast(builder.gep(base, [index]), _VECTOR.as_pointer())


def _fold(builder: Any, value: Any, join: Any) -> Any:
    """Eight to one, by halves: always in the same order."""
    width = WIDTH // 2
    while width:
        mask = ir.Constant(ir.VectorType(_INT, WIDTH), [(i + width) % WIDTH for i in range(WIDTH)])
        value = join(builder, value, builder.shuffle_vector(value, ir.Constant(_VECTOR, ir.Undefined), mask))
        width //= 2
    return builder.extract_element(value, ir.Constant(_INT, 0))


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@intrinsic
def load(typing, array, index):
    """Eight values of a float64 array from ``index`` on."""

    def codegen(context, builder, signature, args):
        return builder.load(_where(context, builder, signature.args[0], *args), align=8)

    return doubles(array, types.intp), codegen


@intrinsic
def store(typing, array, index, value):
    """Put eight values into a float64 array."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _where(context, builder, signature.args[0], args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, doubles), codegen


@intrinsic
def splat(typing, value):
    """One float64 eight times."""

    def codegen(context, builder, signature, args):
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(_INT, 0))
        mask = ir.Constant(ir.VectorType(_INT, WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)

    return doubles(types.float64), codegen


def _of_two(work: Any) -> Any:
    """An intrinsic of two vectors, made of LLVM's ``work(builder, a, b)``."""

    @intrinsic
    def two(typing, a, b):
        return doubles(doubles, doubles), lambda context, builder, signature, args: work(builder, *args)

    return two


add = _of_two(lambda builder, a, b: builder.fadd(a, b))
sub = _of_two(lambda builder, a, b: builder.fsub(a, b))
mul = _of_two(lambda builder, a, b: builder.fmul(a, b))
div = _of_two(lambda builder, a, b: builder.fdiv(a, b))
smaller = _of_two(_smaller)
larger = _of_two(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@intrinsic
def fma(typing, a, b, c):
    """a · b + c, rounded once."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f64"), args)

    return doubles(doubles, doubles, doubles), codegen


@intrinsic
def total(typing, value):
    """The sum of eight, by halves."""

    def codegen(context, builder, signature, args):
        return _fold(builder, args[0], lambda b, x, y: b.fadd(x, y))

    return types.float64(doubles), codegen


@intrinsic
def smallest(typing, value):
    """The smallest of eight."""
    return types.float64(doubles), lambda context, builder, signature, args: _fold(builder, args[0], _smaller)
