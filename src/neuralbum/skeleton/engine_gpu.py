"""Sampling on a GPU: one hop of steps of all streams, captured once as a CUDA graph.

A step is some hundred small operations; launched one by one, the launches cost more
than the work. Captured, a whole hop (64 or 256 samples) of thousands of streams is
one launch. The adaptive forecast is a sequential CPU kernel, so this engine only
runs nets by their steady forecast, whose bank is a few products here, and the reference net.

What a step reads and writes decides its speed (``benchmarks/generate_speed.py`` counts it): a stream's past
lies in buffers that a hop fills from left to right, and products take slices of them. Nothing comes from the host and
nothing is asked by it while a hop goes on, or it could not be captured.

The same steps run uncaptured on a CPU, which is how they are tested against the plain engine, and on torch's
"meta" device, where a test sees that all they touch lies on one device. It has not been run on a GPU yet; no speed
is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..dsp import front_end
from ..errors import ParameterError
from ..kernels import step_bank, step_forecast
from ..kernels.step_tiers import TELL_EVERY
from . import head
from .evaluate import ear_of
from .songs import PRELUDE, Listener
from .stepping import PlainEngine, Sampled, Wishes

if TYPE_CHECKING:
    from .presets import Net
    from .tiers import Tiers

NAME = "gpu-graph-2"
_X = step_forecast.N_FEATURES  # in a row of the steady forecast's memory: the last values, newest first
_ERRORS = _X + step_bank.ORDER


@dataclass
class GraphMemory:
    """B streams on the device; the tensors stay where they are, so that a graph can be replayed.

    The first ``context`` columns of levels and features are the past, the hop that is made follows.
    """

    levels: Tensor  #: (B, context + hop) int64
    features: Tensor  #: (B, context + hop, N_FEATURES), of those levels
    sound: Tensor  #: (B, ORDER + hop) the amplitudes of the last levels; nothing for the reference net
    ear: Tensor  #: (B, step_bank.MEMORY_SIZE) the steady forecast's memory; nothing for the reference net
    state: dict[str, Tensor]
    uniforms: Tensor  #: (B, hop)
    temperatures: Tensor  #: (B, hop)
    entropy: Tensor  #: (B, hop / TELL_EVERY)
    told: Tensor | None  #: (B, 1, n_inputs) the hop's conditions, zeros where nothing is said
    graph: Any = None

    def carried(self) -> list[Tensor]:
        """What goes on from hop to hop."""
        hop = self.uniforms.shape[1]
        past = [self.levels[:, :-hop], self.features[:, :-hop], self.sound[:, :-hop]]
        return [*past, self.ear, *self.state.values()]


class GraphEngine:
    """See ``stepping.Engine``; float32, deterministic on one device, not bit-identical to the CPU's.

    ``device``: where the net is moved to first; it stays where it is without.
    """

    def __init__(self, net: Net, *, steady: bool = True, device: torch.device | str | None = None) -> None:
        if net.uses_forecast and not steady:
            raise ParameterError(
                "the GPU engine has no adaptive forecast: generate on the CPU, or by a steady checkpoint"
            )
        self.ear = ear_of(net)
        self.device = next(net.parameters()).device if device is None else torch.device(device)
        self.net = net.to(self.device).eval()
        self.plain = PlainEngine(net, steady=True)
        self.hop, self.n_levels, self.context = net.hop, net.config.n_levels, net.context
        self.name = NAME
        self.conditions = net.conditions
        self.amplitudes = torch.from_numpy(front_end.amplitudes_of(np.arange(self.n_levels), self.n_levels))
        self.amplitudes = self.amplitudes.float().to(self.device)
        if self.ear is not None:  # oldest value first, as the buffers have it
            self.bank = torch.from_numpy(self.ear.bank[::-1].astype(np.float32)).to(self.device)

    def begin(self, n_streams: int) -> GraphMemory:
        def room(past: Tensor) -> Tensor:
            """The past of all streams, and room for a hop."""
            ahead = past.new_zeros(n_streams, self.hop, *past.shape[1:])
            return torch.cat([past.expand(n_streams, *past.shape), ahead], dim=1)

        def full(value: float, n: int) -> Tensor:
            return torch.full((n_streams, n), value, device=self.device)

        silence = np.full(PRELUDE, front_end.silent_level(self.n_levels), dtype=np.int16)
        listener = Listener(self.ear, self.n_levels, steady=True)
        heard = torch.from_numpy(listener.hear(silence)[-self.context :]).to(self.device)
        memory = torch.from_numpy(listener.memory[: step_bank.MEMORY_SIZE].astype(np.float32)).to(self.device)
        levels = torch.from_numpy(silence[-self.context :].astype(np.int64)).to(self.device)
        with torch.no_grad():
            state = {name: value.clone() for name, value in self.net.begin(n_streams).items()}
        return GraphMemory(
            room(levels), room(heard), room(memory[_X:_ERRORS].flip(0)), memory.repeat(n_streams, 1), state,
            full(0.5, self.hop), full(1.0, self.hop), full(0.0, self.hop // TELL_EVERY),
            torch.zeros(n_streams, 1, self.conditions.n_inputs, device=self.device) if self.conditions else None,
        )  # fmt: skip

    def _hop(self, memory: GraphMemory) -> None:
        """One hop of steps; what was made becomes the past."""
        levels, features, sound, state = memory.levels, memory.features, memory.sound, dict(memory.state)
        for at in range(self.hop):
            now, past = slice(at + self.context, at + self.context + 1), slice(at, at + self.context + 1)
            features[:, now] = memory.ear[:, None, : features.shape[2]]
            with _tensor_cores():
                raw = self.plain.raw(levels[:, past], features[:, past], state, at, memory.told)
            scores = self._scores(raw, features[:, now.start])
            if at % TELL_EVERY == 0:
                known = scores.log_softmax(-1)
                memory.entropy[:, at // TELL_EVERY] = -(known.exp() * known).sum(-1) / np.log(2.0)
            cdf = scores.div_(memory.temperatures[:, at : at + 1]).softmax(-1).cumsum(-1)
            wanted = memory.uniforms[:, at : at + 1] * cdf[:, -1:]
            level = torch.searchsorted(cdf, wanted, right=True).clamp_(max=self.n_levels - 1)
            levels[:, now] = level
            if self.ear is not None:
                n = at + step_bank.ORDER
                sound[:, n : n + 1] = self.amplitudes[level]
                bank_step(memory.ear, sound[:, n : n + 1], sound[:, at + 1 : n + 1], self.bank)
        for whole in (levels, features, sound):
            whole[:, : -self.hop] = whole[:, self.hop :].clone()
        for name, value in memory.state.items():
            value.copy_(state[name])

    def _scores(self, raw: Tensor, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities (B, n_levels) of raw outputs."""
        if self.ear is None:
            return raw
        net = cast("Tiers", self.net)
        return head.quick_logits(*net.split(raw, features), net.edges)

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
        one, c = slice(stream, stream + 1), self.context
        listener = Listener(self.ear, self.n_levels, steady=True)
        n_ear = memory.ear.shape[1]
        listener.memory[:n_ear] = memory.ear[stream].cpu().numpy()
        listener.memory[_X : _X + memory.sound[:, : -self.hop].shape[1]] = (
            memory.sound[stream, : -self.hop].flip(0).cpu().numpy()
        )
        heard = torch.from_numpy(listener.hear(levels))[None].to(self.device)
        new = torch.from_numpy(np.asarray(levels, dtype=np.int64))[None].to(self.device)
        both = torch.cat([memory.levels[one, :c], new], dim=1)
        features = torch.cat([memory.features[one, :c], heard], dim=1)
        with torch.no_grad():
            state = {name: value[one] for name, value in memory.state.items()}
            said = () if told is None else (torch.from_numpy(told)[None].to(self.device),)
            _, ends = self.net(both, features, state, *said)
        for name, end in ends.items():
            memory.state[name][one] = end
        memory.levels[one, :c], memory.features[one, :c] = both[:, -c:], features[:, -c:]
        if self.ear is not None:
            now = torch.from_numpy(listener.memory[:n_ear].astype(np.float32)).to(self.device)
            memory.ear[stream], memory.sound[stream, : -self.hop] = now, now[_X:_ERRORS].flip(0)

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
            drawn.append(memory.levels[:, -self.hop :].cpu().numpy().astype(np.int16))
            entropy.append(memory.entropy.cpu().numpy())
        for stream, snapshot in zip(idle, kept, strict=True):
            self.restore(memory, stream, snapshot)
        return Sampled(np.concatenate(drawn, axis=1), np.concatenate(entropy, axis=1))

    def snapshot(self, memory: GraphMemory, stream: int) -> Any:
        return [value[stream].clone() for value in memory.carried()]

    def restore(self, memory: GraphMemory, stream: int, snapshot: Any) -> None:
        for value, old in zip(memory.carried(), snapshot, strict=True):
            value[stream] = old


@contextmanager
def _tensor_cores() -> Iterator[None]:
    """The net's products on tensor cores, in TensorFloat-32 (ten bits); forecast and distribution stay in float32."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def bank_step(ear: Tensor, value: Tensor, last: Tensor, bank: Tensor) -> None:
    """``step_bank.advance`` for B streams, in place.

    ear (B, MEMORY_SIZE) but for the last values, which are not looked at; value (B, 1); last (B, ORDER) values with
    it, bank (ORDER, SIZE), both oldest first.
    """
    error, slow_error, said = ear[:, _ERRORS:].chunk(3, dim=1)
    square = torch.sub(said, value).square_()
    error.lerp_(square, 1 - step_bank.MEMORY)
    slow_error.lerp_(square, 1 - step_bank.SLOW_MEMORY)
    said.copy_((last @ bank).clamp_(-step_forecast.LIMIT, step_forecast.LIMIT))
    miss = (value - ear[:, 2:3]).abs_()
    ear[:, 0:1] = said.gather(1, error.argmin(1, keepdim=True))
    for place, each in ((1, slow_error), (2, error)):
        floored = each + step_bank.ERROR_FLOOR
        trust = torch.div(floored.amin(1, keepdim=True), floored).pow_(step_bank.SHARPNESS)
        ear[:, place] = torch.linalg.vecdot(trust, said) / trust.sum(1)
    for place, memory in ((4, step_forecast.FAST), (5, step_forecast.SLOW)):
        ear[:, place : place + 1].lerp_(miss, 1 - memory)
