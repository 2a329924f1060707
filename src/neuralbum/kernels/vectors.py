"""Vectors that compiled kernels can name: what every width and type of number has.

A compiler turns a plain loop into vector instructions when it can prove that it may, and
then chooses widths and orders of sums by itself. Kernels that must be fast *and* give
the same bits on every call say what they want: a value of a ``Vector`` type is one LLVM
vector, and each function here is one or a few vector instructions in a fixed order.
Only usable inside ``@njit`` functions. ``lanes`` and ``doubles`` are the two that kernels use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic
from numba.extending import models, register_model

intrinsic: Any = _intrinsic
"""Kernels call these without the typing context that Python sees first."""

INT = ir.IntType(32)
_LLVM = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}

Work = Callable[..., Any]
"""Writes LLVM: ``work(builder, value, …)`` -> value."""


class Vector(types.Type):
    """Numba's name for ``width`` numbers of one type side by side."""

    def __init__(self, number: types.Float, width: int) -> None:
        self.number, self.width = number, width
        super().__init__(name=f"{number}x{width}")

    @property
    def llvm(self) -> ir.VectorType:
        return ir.VectorType(_LLVM[self.number], self.width)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.llvm)


# ---- pieces of LLVM ---------------------------------------------------------------


def plus(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b)


def greater(builder: Any, a: Any, b: Any) -> Any:
    """The larger one; ``b`` if either is not a number."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def less(builder: Any, a: Any, b: Any) -> Any:
    """The smaller one; ``b`` if either is not a number."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


class Maker:
    """Intrinsics for one ``Vector`` type, those that all have as attributes, and the pieces to write others of."""

    def __init__(self, number: types.Float, width: int) -> None:
        self.kind = Vector(number, width)
        self.width, self.llvm, self.element = width, self.kind.llvm, _LLVM[number]
        self.load, self.store, self.splat = _load(self), _store(self), _splat(self)
        self.add = self.of_two(plus)
        self.sub = self.of_two(lambda builder, a, b: builder.fsub(a, b))
        self.mul = self.of_two(lambda builder, a, b: builder.fmul(a, b))
        self.div = self.of_two(lambda builder, a, b: builder.fdiv(a, b))
        self.larger, self.smaller = self.of_two(greater), self.of_two(less)
        self.fma = _fma(self)
        self.total = self.of_all(plus)

    def of_one(self, work: Work) -> Any:
        """An intrinsic of one vector, made of LLVM's ``work(builder, x)``."""
        kind = self.kind

        @intrinsic
        def one(typing, x):
            return kind(kind), lambda context, builder, signature, args: work(builder, args[0])

        return one

    def of_two(self, work: Work) -> Any:
        """An intrinsic of two vectors, made of LLVM's ``work(builder, a, b)``."""
        kind = self.kind

        @intrinsic
        def two(typing, a, b):
            return kind(kind, kind), lambda context, builder, signature, args: work(builder, *args)

        return two

    def of_all(self, work: Work) -> Any:
        """An intrinsic that makes one number of a vector's, two by two with ``work(builder, a, b)``."""
        kind = self.kind

        @intrinsic
        def fold(typing, value):
            return kind.number(kind), lambda context, builder, signature, args: self.fold(builder, args[0], work)

        return fold

    def call(self, builder: Any, name: str, *values: Any) -> Any:
        """LLVM's own function of that name, of vectors."""
        kind = ir.FunctionType(self.llvm, [self.llvm] * len(values))
        full = f"llvm.{name}.v{self.width}f{self.kind.number.bitwidth}"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, full), values)

    def spread(self, builder: Any, value: Any) -> Any:
        """One number in every place."""
        one = builder.insert_element(ir.Constant(self.llvm, ir.Undefined), value, ir.Constant(INT, 0))
        mask = ir.Constant(ir.VectorType(INT, self.width), [0] * self.width)
        return builder.shuffle_vector(one, ir.Constant(self.llvm, ir.Undefined), mask)

    def where(self, context: Any, builder: Any, signature: Any, array: Any, index: Any) -> Any:
        """A pointer to a vector in an array of such numbers, however many axes it has."""
        data = context.make_array(signature)(context, builder, array).data
        base = builder.bitcast(data, self.element.as_pointer())
        return builder.bitcast(builder.gep(base, [index]), self.llvm.as_pointer())

    def fold(self, builder: Any, value: Any, work: Work) -> Any:
        """All to one, by halves: always in the same order."""
        width = self.width // 2
        while width:
            places = [(i + width) % self.width for i in range(self.width)]
            mask = ir.Constant(ir.VectorType(INT, self.width), places)
            value = work(builder, value, builder.shuffle_vector(value, ir.Constant(self.llvm, ir.Undefined), mask))
            width //= 2
        return builder.extract_element(value, ir.Constant(INT, 0))


def _load(of: Maker) -> Any:
    kind, align = of.kind, of.kind.number.bitwidth // 8

    @intrinsic
    def load(typing, array, index):
        """As many values of an array as a vector has, from ``index`` on."""

        def codegen(context, builder, signature, args):
            return builder.load(of.where(context, builder, signature.args[0], *args), align=align)

        return kind(array, types.intp), codegen

    return load


def _store(of: Maker) -> Any:
    kind, align = of.kind, of.kind.number.bitwidth // 8

    @intrinsic
    def store(typing, array, index, value):
        """Put a vector into an array, from ``index`` on."""

        def codegen(context, builder, signature, args):
            builder.store(args[2], of.where(context, builder, signature.args[0], args[0], args[1]), align=align)
            return context.get_dummy_value()

        return types.void(array, types.intp, kind), codegen

    return store


def _splat(of: Maker) -> Any:
    kind = of.kind

    @intrinsic
    def splat(typing, value):
        """One number in every place of a vector."""
        return kind(kind.number), lambda context, builder, signature, args: of.spread(builder, args[0])

    return splat


def _fma(of: Maker) -> Any:
    kind = of.kind

    @intrinsic
    def fma(typing, a, b, c):
        """a · b + c, rounded once."""
        return kind(kind, kind, kind), lambda context, builder, signature, args: of.call(builder, "fma", *args)

    return fma
