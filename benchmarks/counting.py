"""What the GPU engine's operations read and write, counted on torch's "meta" device: no GPU is needed to know that.

Views count nothing, broadcast elements once. Norms count as the operations they are made of, which a GPU has in one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from neuralbum.skeleton import presets
from neuralbum.skeleton.engine_gpu import GraphEngine


class Traffic(TorchDispatchMode):
    """Operations, and bytes of all they take and give."""

    def __init__(self) -> None:
        super().__init__()
        self.n_operations, self.n_bytes = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            touched = {id(leaf): leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)}
            self.n_operations += 1
            self.n_bytes += sum(_distinct(tensor) * tensor.element_size() for tensor in touched.values())
        return out


def _distinct(tensor: Tensor) -> int:
    return torch.Size(n for n, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride).numel()


def traffic(name: str, n_streams: int) -> tuple[float, float]:
    """(operations of a step of all streams, bytes a sample) of a preset."""
    chosen = presets.preset(name)
    engine = GraphEngine(presets.build(chosen.kind, chosen.config), device="meta")
    memory = engine.begin(n_streams)
    with torch.no_grad():
        engine._hop(memory)  # what is brought to the device once
        with Traffic() as seen:
            engine._hop(memory)
    return seen.n_operations / engine.hop, seen.n_bytes / engine.hop / n_streams
