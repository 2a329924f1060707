"""Sampling on a GPU: a hop of steps of all streams, captured once as a CUDA graph.

A step is some hundred small operations; launched one by one, the launches cost more
than the work. Captured, a whole hop (256 samples) of thousands of streams is
one launch. The forecast's fits are made for all streams at once (``gpu_forecast``).

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
from ..kernels import step_forecast
from ..kernels.step_tiers import TELL_EVERY
from . import head
from .evaluate import anchor_of
from .gpu_forecast import Forecast
from .songs import PRELUDE, Listener
from .stepping import PlainEngine, Sampled, Wishes, named

if TYPE_CHECKING:
    from .presets import Net
    from .tiers import Tiers

NAME = "gpu-graph-4"


@dataclass
class GraphMemory:
    """B streams on the device; the tensors stay where they are, so that a graph can be replayed.

    The first ``context`` columns of levels and features are the past, the hop that is made follows.
    """

    levels: Tensor  #: (B, context + hop) int64
    features: Tensor  #: (B, context + hop, N_FEATURES), of those levels
    sound: Tensor  #: (B, what a fit looks at + hop) the amplitudes of the last levels; nothing for the reference net
    forecast: list[Tensor]  #: the forecast's memory, see ``gpu_forecast``; none for the reference net
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
        return [*past, *self.forecast, *self.state.values()]


class GraphEngine:
    """See ``stepping.Engine``; float32, deterministic on one device, not bit-identical to the CPU's.

    ``device``: where the net is moved to first; it stays where it is without.
    """

    def __init__(self, net: Net, *, device: torch.device | str | None = None, anchored: float = 1.0) -> None:
        self.anchor = anchor_of(net, anchored)
        self.device = next(net.parameters()).device if device is None else torch.device(device)
        self.net = net.to(self.device).eval()
        self.plain = PlainEngine(net)
        self.n_levels, self.context = net.config.n_levels, net.context
        self.hop = net.hop if self.anchor is None else max(net.hop, step_forecast.LONG_REFIT)  # graphs are all alike
        self.name = named(NAME, anchored)
        self.conditions = net.conditions
        self.amplitudes = torch.from_numpy(front_end.amplitudes_of(np.arange(self.n_levels), self.n_levels))
        self.amplitudes = self.amplitudes.float().to(self.device)
        self.forecast = None if self.anchor is None else Forecast(self.anchor, self.device)

    def begin(self, n_streams: int) -> GraphMemory:
        def room(past: Tensor) -> Tensor:
            """The past of all streams, and room for a hop."""
            ahead = past.new_zeros(n_streams, self.hop, *past.shape[1:])
            return torch.cat([past.expand(n_streams, *past.shape), ahead], dim=1)

        def full(value: float, n: int) -> Tensor:
            return torch.full((n_streams, n), value, device=self.device)

        silence = np.full(PRELUDE, front_end.silent_level(self.n_levels), dtype=np.int16)
        listener = Listener(self.anchor, self.n_levels)
        heard = torch.from_numpy(listener.hear(silence)[-self.context :]).to(self.device)
        sound, *memory = self._brought(listener)
        levels = torch.from_numpy(silence[-self.context :].astype(np.int64)).to(self.device)
        with torch.no_grad():
            state = {name: value.clone() for name, value in self.net.begin(n_streams).items()}
        return GraphMemory(
            room(levels), room(heard), room(sound), [each.repeat(n_streams, 1) for each in memory], state,
            full(0.5, self.hop), full(1.0, self.hop), full(0.0, self.hop // TELL_EVERY),
            torch.zeros(n_streams, 1, self.conditions.n_inputs, device=self.device) if self.conditions else None,
        )  # fmt: skip

    def _brought(self, listener: Listener) -> list[Tensor]:
        """A listener's memory on the device: the sound it looks back at, and the forecast's."""
        if self.anchor is None:
            return [torch.zeros(0, device=self.device)]
        parts = step_forecast.parts_of(listener.memory, len(self.anchor) - 1)
        return [torch.from_numpy(part.astype(np.float32)).to(self.device) for part in parts]

    def _hop(self, memory: GraphMemory) -> None:
        """One hop of steps; what was made becomes the past."""
        levels, features, sound, state = memory.levels, memory.features, memory.sound, dict(memory.state)
        for at in range(self.hop):
            now, past = slice(at + self.context, at + self.context + 1), slice(at, at + self.context + 1)
            if self.forecast is not None:
                features[:, now] = memory.forecast[0][:, None]
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
            if self.forecast is not None:
                n = at + self.forecast.looks_at
                sound[:, n : n + 1] = self.amplitudes[level]
                self.forecast.step(memory.forecast, sound[:, at + 1 : n + 1], at + 1)
        for whole in (levels, features, sound):
            whole[:, : -self.hop] = whole[:, self.hop :].clone()
        for name, value in memory.state.items():
            value.copy_(state[name])

    def _scores(self, raw: Tensor, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities (B, n_levels) of raw outputs."""
        if self.forecast is None:
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
        listener = Listener(self.anchor, self.n_levels)
        if self.anchor is not None:
            kept = [memory.sound[:, : -self.hop], *memory.forecast]
            step_forecast.put_parts(listener.memory, len(self.anchor) - 1, [x[stream].cpu().numpy() for x in kept])
        heard = torch.from_numpy(listener.hear(levels))[None].to(self.device)
        new = torch.from_numpy(np.asarray(levels, dtype=np.int64))[None].to(self.device)
        both = torch.cat([memory.levels[one, :c], new], dim=1)
        features = torch.cat([memory.features[one, :c], heard], dim=1)
        with torch.no_grad():
            state = {name: value[one] for name, value in memory.state.items()}
            said: tuple[Tensor, ...] = ()
            if told is not None:  # for each of the net's own hops
                said = (torch.from_numpy(told).repeat_interleave(self.hop // self.net.hop, 0)[None].to(self.device),)
            _, ends = self.net(both, features, state, *said)
        for name, end in ends.items():
            memory.state[name][one] = end
        memory.levels[one, :c], memory.features[one, :c] = both[:, -c:], features[:, -c:]
        if self.anchor is not None:
            for whole, part in zip(
                [memory.sound[:, : -self.hop], *memory.forecast], self._brought(listener), strict=True
            ):
                whole[stream] = part

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
