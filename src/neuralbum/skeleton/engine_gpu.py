"""Sampling on a GPU: one hop of steps of all streams, captured once as a CUDA graph.

A step is some forty small operations; launched one by one, the launches cost more
than the work. Captured, a whole hop (64 or 256 samples) of thousands of streams is
one launch. The adaptive forecast is a sequential CPU kernel, so this engine only
runs nets by their steady forecast, whose bank is a few products here, and the reference net.

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
from ..kernels import step_bank, step_forecast
from .evaluate import ear_of
from .songs import PRELUDE, Listener
from .stepping import PlainEngine, Sampled, Wishes

if TYPE_CHECKING:
    from .presets import Net

NAME = "gpu-graph-1"


@dataclass
class GraphMemory:
    """B streams on the device; the tensors stay where they are, so that a graph can be replayed."""

    levels: Tensor  #: (B, context) int64
    features: Tensor  #: (B, context, N_FEATURES), of those levels
    ear: Tensor  #: (B, step_bank.MEMORY_SIZE) float64, the steady forecast's memory; nothing for the reference net
    state: dict[str, Tensor]
    uniforms: Tensor  #: (B, hop)
    temperatures: Tensor  #: (B, hop)
    drawn: Tensor  #: (B, hop) int64
    entropy: Tensor  #: (B, hop)
    told: Tensor | None  #: (B, 1, n_inputs) the hop's conditions, zeros where nothing is said
    graph: Any = None

    def carried(self) -> list[Tensor]:
        """What goes on from hop to hop."""
        return [self.levels, self.features, self.ear, *self.state.values()]


class GraphEngine:
    """See ``stepping.Engine``; float32, deterministic on one device, not bit-identical to the CPU's."""

    def __init__(self, net: Net, *, steady: bool = True) -> None:
        if net.uses_forecast and not steady:
            raise ParameterError(
                "the GPU engine has no adaptive forecast: generate on the CPU, or by a steady checkpoint"
            )
        self.net = net.eval()
        self.plain = PlainEngine(net, steady=True)
        self.hop, self.n_levels, self.context = net.hop, net.config.n_levels, net.context
        self.device = next(net.parameters()).device
        self.name = NAME
        self.conditions = net.conditions
        self.ear = ear_of(net)
        self.amplitudes = torch.from_numpy(front_end.amplitudes_of(np.arange(self.n_levels), self.n_levels))
        self.amplitudes = self.amplitudes.double().to(self.device)
        if self.ear is not None:
            self.bank = torch.from_numpy(self.ear.bank).to(self.device)

    def begin(self, n_streams: int) -> GraphMemory:
        def full(value: float, dtype: torch.dtype) -> Tensor:
            return torch.full((n_streams, self.hop), value, dtype=dtype, device=self.device)

        silence = np.full(PRELUDE, front_end.silent_level(self.n_levels), dtype=np.int16)
        listener = Listener(self.ear, self.n_levels, steady=True)
        heard = torch.from_numpy(listener.hear(silence)[-self.context :]).to(self.device)
        memory = torch.from_numpy(listener.memory[: step_bank.MEMORY_SIZE]).to(self.device)
        levels = torch.from_numpy(silence[-self.context :].astype(np.int64)).to(self.device)
        with torch.no_grad():
            state = {name: value.clone() for name, value in self.net.begin(n_streams).items()}
        return GraphMemory(
            levels.repeat(n_streams, 1), heard.repeat(n_streams, 1, 1), memory.repeat(n_streams, 1), state,
            full(0.5, torch.float32), full(1.0, torch.float32), full(0, torch.int64),
            full(0.0, torch.float32),
            torch.zeros(n_streams, 1, self.conditions.n_inputs, device=self.device) if self.conditions else None,
        )  # fmt: skip

    def _hop(self, memory: GraphMemory) -> None:
        """One hop of steps, all tensors written in place at the end."""
        levels, features, ear, state = memory.levels, memory.features, memory.ear, dict(memory.state)
        empty = torch.zeros_like(levels[:, :1])
        for at in range(self.hop):
            known = torch.cat([levels, empty], dim=1)
            features = torch.cat([features, ear[:, None, : features.shape[2]].float()], dim=1)
            scores = self.plain.scores(known, features, state, at, memory.told)
            features = features[:, 1:]
            p = scores.exp()
            memory.entropy[:, at] = -(p * scores).sum(-1) / np.log(2.0)
            cdf = (scores / memory.temperatures[:, at : at + 1]).softmax(-1).cumsum(-1)
            wanted = memory.uniforms[:, at : at + 1] * cdf[:, -1:]
            level = torch.searchsorted(cdf, wanted, right=True).clamp_(max=self.n_levels - 1)
            memory.drawn[:, at : at + 1] = level
            levels = torch.cat([levels[:, 1:], level], dim=1)
            if self.ear is not None:
                ear = bank_step(ear, self.amplitudes[level], self.bank)
        memory.levels.copy_(levels)
        memory.features.copy_(features)
        memory.ear.copy_(ear)
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

    def _copy(self, memory: GraphMemory) -> list[Tensor]:
        return [value.clone() for value in memory.carried()]

    def _put(self, memory: GraphMemory, kept: list[Tensor]) -> None:
        for value, old in zip(memory.carried(), kept, strict=True):
            value.copy_(old)

    def hear(
        self, memory: GraphMemory, stream: int, levels: npt.NDArray[np.integer], told: Wishes | None = None
    ) -> None:
        one = slice(stream, stream + 1)
        listener = Listener(self.ear, self.n_levels, steady=True)
        n_ear = memory.ear.shape[1]
        listener.memory[:n_ear] = memory.ear[stream].cpu().numpy()
        heard = torch.from_numpy(listener.hear(levels))[None].to(self.device)
        new = torch.from_numpy(np.asarray(levels, dtype=np.int64))[None].to(self.device)
        both, features = torch.cat([memory.levels[one], new], dim=1), torch.cat([memory.features[one], heard], dim=1)
        with torch.no_grad():
            state = {name: value[one] for name, value in memory.state.items()}
            said = () if told is None else (torch.from_numpy(told)[None].to(self.device),)
            _, ends = self.net(both, features, state, *said)
        for name, end in ends.items():
            memory.state[name][one] = end
        memory.levels[one], memory.features[one] = both[:, -self.context :], features[:, -self.context :]
        memory.ear[stream] = torch.from_numpy(listener.memory[:n_ear]).to(self.device)

    def sample(
        self,
        memory: GraphMemory,
        uniforms: npt.NDArray[np.float64],
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
        told: Wishes | None = None,
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
            if memory.told is not None:
                said = np.zeros(memory.told.shape, np.float32) if told is None else told[:, start // self.hop, None]
                memory.told.copy_(torch.from_numpy(said))
            self._advance(memory)
            drawn.append(memory.drawn.cpu().numpy().astype(np.int16))
            entropy.append(memory.entropy.cpu().numpy())
        for stream, snapshot in zip(idle, kept, strict=True):
            self.restore(memory, stream, snapshot)
        return Sampled(np.concatenate(drawn, axis=1), np.concatenate(entropy, axis=1))

    def snapshot(self, memory: GraphMemory, stream: int) -> Any:
        return [value[stream].clone() for value in memory.carried()]

    def restore(self, memory: GraphMemory, stream: int, snapshot: Any) -> None:
        for value, old in zip(memory.carried(), snapshot, strict=True):
            value[stream] = old


def bank_step(ear: Tensor, value: Tensor, bank: Tensor) -> Tensor:
    """``step_bank.advance`` for B streams: ear (B, MEMORY_SIZE), value (B, 1), bank (ORDER, SIZE) -> the new ear."""
    sizes = [step_forecast.N_FEATURES, step_bank.ORDER, step_bank.SIZE, step_bank.SIZE, step_bank.SIZE]
    old, x, error, slow_error, said = ear.split(sizes, dim=1)
    square = (value - said) ** 2
    error = step_bank.MEMORY * error + (1 - step_bank.MEMORY) * square
    slow_error = step_bank.SLOW_MEMORY * slow_error + (1 - step_bank.SLOW_MEMORY) * square
    x = torch.cat([value, x[:, :-1]], dim=1)
    said = (x @ bank).clamp(-step_forecast.LIMIT, step_forecast.LIMIT)
    mixed = []
    for each in (slow_error, error):
        trust = ((each.amin(1, keepdim=True) + step_bank.ERROR_FLOOR) / (each + step_bank.ERROR_FLOOR)).pow(
            step_bank.SHARPNESS
        )
        mixed.append((trust * said).sum(1, keepdim=True) / trust.sum(1, keepdim=True))
    best = said.gather(1, error.argmin(1, keepdim=True))
    miss = (value - old[:, 2:3]).abs()
    memories = (step_forecast.FAST, step_forecast.SLOW)
    magnitudes = [torch.full_like(miss, step_bank.STEADY)]
    magnitudes += [m * old[:, i : i + 1] + (1 - m) * miss for i, m in enumerate(memories, start=4)]
    return torch.cat([best, *mixed, *magnitudes, x, error, slow_error, said], dim=1)
