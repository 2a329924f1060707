"""Open the fastest engine there is for a net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .stepping import Engine, PlainEngine

if TYPE_CHECKING:
    from .presets import Net


def open_engine(net: Net) -> Engine:
    """An engine for a trained net on the CPU."""
    return PlainEngine(net)
