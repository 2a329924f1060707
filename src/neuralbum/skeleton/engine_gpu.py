"""Sampling on a GPU: one hop of steps of all streams, captured once as a CUDA graph.

A step is some forty small operations; launched one by one, the launches cost more
than the work. Captured, a whole hop (64 or 256 samples) of thousands of streams is
one launch. The adaptive forecast is a sequential CPU kernel, so this engine only
runs nets that do without it: deaf ones, and the reference net.

The same steps run uncaptured on a CPU, which is how they are tested against the plain
engine. It has not been run on a GPU yet; no speed is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..dsp import front_end
from ..errors import ParameterError
from ..kernels import step_forecast
from .stepping import PlainEngine, Sampled

if TYPE_CHECKING:
    from .presets import Net

NAME = "gpu-graph-1"


@dataclass
class GraphMemory:
    """B streams on the device; the tensors stay where they are, so that a graph can be replayed."""

    levels: Tensor  #: (B, context) int64
    state: dict[str, Tensor]
    uniforms: Tensor  #: (B, hop)
    temperatures: Tensor  #: (B, hop)
    drawn: Tensor  #: (B, hop) int64
    entropy: Tensor  #: (B, hop)
    graph: Any = None


class GraphEngine:
    """See ``stepping.Engine``; float32, deterministic on one device, not bit-identical to the CPU's."""

    def __init__(self, net: Net, *, deaf: bool = True) -> None:
        if net.uses_forecast and not deaf:
            raise ParameterError("the GPU engine knows no forecast: generate on the CPU, or with a deaf checkpoint")
        self.net = net.eval()
        self.plain = PlainEngine(net, deaf=True)
        self.hop, self.n_levels, self.context = net.hop, net.config.n_levels, net.context
        self.device = next(net.parameters()).device
        self.name = NAME
        nothing = torch.tensor(step_forecast.NOTHING, dtype=torch.float32, device=self.device)
        self.nothing = nothing if net.uses_forecast else nothing[:0]

    def begin(self, n_streams: int) -> GraphMemory:
        def full(value: float, dtype: torch.dtype) -> Tensor:
            return torch.full((n_streams, self.hop), value, dtype=dtype, device=self.device)

        silence = front_end.silent_level(self.n_levels)
        levels = torch.full((n_streams, self.context), silence, dtype=torch.int64, device=self.device)
        with torch.no_grad():
            state = {name: value.clone() for name, value in self.net.begin(n_streams).items()}
        return GraphMemory(
            levels, state, full(0.5, torch.float32), full(1.0, torch.float32), full(0, torch.int64),
            full(0.0, torch.float32),
        )  # fmt: skip

    def _hop(self, memory: GraphMemory) -> None:
        """One hop of steps, all tensors written in place at the end."""
        n_streams = len(memory.levels)
        features = self.nothing.expand(n_streams, self.context + 1, -1)
        levels, state = memory.levels, dict(memory.state)
        empty = torch.zeros_like(levels[:, :1])
        for at in range(self.hop):
            known = torch.cat([levels, empty], dim=1)
            scores = self.plain.scores(known, features, state, at)
            p = scores.exp()
            memory.entropy[:, at] = -(p * scores).sum(-1) / np.log(2.0)
            cdf = (scores / memory.temperatures[:, at : at + 1]).softmax(-1).cumsum(-1)
            wanted = memory.uniforms[:, at : at + 1] * cdf[:, -1:]
            level = torch.searchsorted(cdf, wanted, right=True).clamp_(max=self.n_levels - 1)
            memory.drawn[:, at : at + 1] = level
            levels = torch.cat([levels[:, 1:], level], dim=1)
        memory.levels.copy_(levels)
        for name, value in memory.state.items():
            value.copy_(state[name])

    def _advance(self, memory: GraphMemory) -> None:
        with torch.no_grad():
            if self.device.type != "cuda":
                self._hop(memory)
                return
            if memory.graph is None:
                kept = self._copy(memory)
                side = torch.cuda.Stream()
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    self._hop(memory)  # warm up, so that nothing is allocated or tuned while capturing
                torch.cuda.current_stream().wait_stream(side)
                memory.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(memory.graph):
                    self._hop(memory)
                self._put(memory, kept)
            memory.graph.replay()

    def _copy(self, memory: GraphMemory) -> tuple[Tensor, dict[str, Tensor]]:
        return memory.levels.clone(), {name: value.clone() for name, value in memory.state.items()}

    def _put(self, memory: GraphMemory, kept: tuple[Tensor, dict[str, Tensor]]) -> None:
        memory.levels.copy_(kept[0])
        for name, value in memory.state.items():
            value.copy_(kept[1][name])

    def hear(self, memory: GraphMemory, stream: int, levels: npt.NDArray[np.integer]) -> None:
        one = slice(stream, stream + 1)
        new = torch.from_numpy(np.asarray(levels, dtype=np.int64))[None].to(self.device)
        both = torch.cat([memory.levels[one], new], dim=1)
        with torch.no_grad():
            state = {name: value[one] for name, value in memory.state.items()}
            _, ends = self.net(both, self.nothing.expand(1, both.shape[1], -1), state)
        for name, end in ends.items():
            memory.state[name][one] = end
        memory.levels[one] = both[:, -self.context :]

    def sample(
        self,
        memory: GraphMemory,
        uniforms: npt.NDArray[np.float64],
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
    ) -> Sampled:
        """All streams are stepped; those that are not ``busy`` are put back as they were."""
        n = uniforms.shape[1]
        idle = sorted(set(range(len(memory.levels))) - set(busy)) if busy is not None else []
        kept = [self.snapshot(memory, stream) for stream in idle]
        drawn, entropy = [], []
        for start in range(0, n, self.hop):
            cut = slice(start, start + self.hop)
            memory.uniforms.copy_(torch.from_numpy(np.ascontiguousarray(uniforms[:, cut], dtype=np.float32)))
            memory.temperatures.copy_(torch.from_numpy(np.ascontiguousarray(temperatures[:, cut], dtype=np.float32)))
            self._advance(memory)
            drawn.append(memory.drawn.cpu().numpy().astype(np.int16))
            entropy.append(memory.entropy.cpu().numpy())
        for stream, snapshot in zip(idle, kept, strict=True):
            self.restore(memory, stream, snapshot)
        return Sampled(np.concatenate(drawn, axis=1), np.concatenate(entropy, axis=1))

    def snapshot(self, memory: GraphMemory, stream: int) -> Any:
        return memory.levels[stream].clone(), {name: value[stream].clone() for name, value in memory.state.items()}

    def restore(self, memory: GraphMemory, stream: int, snapshot: Any) -> None:
        memory.levels[stream] = snapshot[0]
        for name, value in snapshot[1].items():
            memory.state[name][stream] = value
