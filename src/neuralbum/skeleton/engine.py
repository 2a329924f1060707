"""The fused CPU engine: a trained net folded into one flat array and stepped by kernels.

Weight normalisation, embeddings, decays and angles are worked out once. All
sums are done in an order that does not depend on the batch, so a take is the
same bit for bit alone or among others. Threads share the streams among them, not the sums.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch

from ..dsp import front_end, mulaw
from ..kernels import step_forecast, step_head, step_linear, step_lstm, step_tiers
from . import head
from .evaluate import anchor_of
from .recurrence import DECAY_SHARPNESS
from .songs import PRELUDE, Listener
from .stepping import Engine, Sampled, Wishes, named

if TYPE_CHECKING:
    from .presets import Net
    from .samplernn import SampleRnn
    from .tiers import Tiers

NAME = "cpu-fused-4"
STREAMS_PER_THREAD = 8
"""A thread is worth starting for this many streams."""

PAGE, PAGE_STEP = 1024, 80
"""Floats in a memory page, and how far beyond one the next stream's row begins."""

Float32 = npt.NDArray[np.float32]


class Packing:
    """Arrays laid end to end in one flat float32 array, large matrices in one of int16."""

    def __init__(self) -> None:
        self.parts: list[Float32] = []
        self.n = 0
        self.large: list[npt.NDArray[np.int16]] = [np.zeros(0, dtype=np.int16)]
        self.n_large = 0

    def add(self, array: Any) -> int:
        """Append; returns where it starts."""
        start = self.n
        flat = np.ascontiguousarray(array, dtype=np.float32).reshape(-1)
        self.parts.append(flat)
        self.n += flat.size
        return start

    def linear(self, layer: Any) -> tuple[int, int]:
        """A torch Linear's packed weights and padded bias."""
        weight = _numpy(layer.weight)
        bias = _numpy(layer.bias) if layer.bias is not None else np.zeros(len(weight), dtype=np.float32)
        return self.matrix(weight, bias)

    def matrix(self, weight: Float32, bias: Float32) -> tuple[int, int]:
        """Where ``step_linear.linear`` finds weights and biases."""
        if weight.size < step_linear.QUANTISED:
            return self.add(step_linear.pack(weight)), self.add(step_linear.pad(bias))
        whole, scale = step_linear.quantise(weight)
        start = self.n_large
        self.large.append(step_linear.pack(whole))
        self.n_large += self.large[-1].size
        return ~start, self.add(np.concatenate([step_linear.pad(bias / scale), step_linear.pad(scale)]))

    def arrays(self) -> tuple[Float32, tuple[Float32, npt.NDArray[np.int16]]]:
        """All of it, as the kernels take it."""
        large = np.concatenate(self.large)
        return np.concatenate(self.parts), (large.astype(np.float32), large)


class Row:
    """Where things lie in a stream's row; every piece starts and ends at a multiple of 16."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, n: int) -> int:
        start = self.size
        self.size += -(-n // step_linear.LANES) * step_linear.LANES
        return start

    @property
    def stride(self) -> int:
        """From one stream to the next: not whole pages, or streams would crowd each other out of the cache."""
        return self.size + (PAGE_STEP - self.size) % PAGE


def _numpy(tensor: Any) -> Float32:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


@dataclass
class Memory:
    """B streams: rows of state, the last levels, the forecasts' memories."""

    rows: Float32  #: (B, state size)
    levels: npt.NDArray[np.int16]  #: (B, context)
    forecast: npt.NDArray[np.float64]  #: (B, …)


class FusedEngine:
    """Steps streams of one net with the kernels; see ``stepping.Engine``.

    ``anchored``: how many times the anchor's share in the forecast is what it was in training.
    """

    def __init__(self, net: Net, *, threads: int | None = None, anchored: float = 1.0) -> None:
        self.name = named(NAME, anchored)
        self.hop, self.context, self.n_levels = net.hop, net.context, net.config.n_levels
        self.threads = threads or default_threads()
        self.bent = front_end.companded(self.n_levels)
        self.amplitudes = mulaw.table(self.n_levels).astype(np.float64)
        self.anchor = anchor_of(net, anchored)
        self.conditions = net.conditions
        self.first_row: Float32
        self.told: Float32 | None = None  #: (n_inputs, slowest width); None: the kernel takes no conditions
        if net.KIND == "skeleton":
            self._pack_tiers(net)  # type: ignore[arg-type]
        else:
            self._pack_lstm(net)  # type: ignore[arg-type]
        self._quiet: Memory | None = None
        self._pool: ThreadPoolExecutor | None = None

    # ---- folding ----------------------------------------------------------------

    def _pack_tiers(self, net: Tiers) -> None:
        config = net.config
        packing, row = Packing(), Row()
        tiers: list[list[int]] = []
        layers: list[list[int]] = []
        spans = [slow // fast for slow, fast in zip(config.frames, (*config.frames[1:], 1), strict=True)]
        below = [*config.widths[1:], config.bottom_width]
        for i, tier in enumerate(net.tiers):
            hear, spread = packing.linear(tier.hear), packing.linear(net.spread[i])
            tiers.append([
                config.frames[i], config.widths[i], config.layers[i], spans[i], below[i],
                config.frames[i] + head.N_MAGNITUDES, *hear, packing.add(_numpy(cast(Any, tier.norm).gain)), *spread,
                row.take(spans[i] * below[i]), len(layers),
            ])  # fmt: skip
            for block in tier.blocks:  # type: ignore[union-attr]
                softplus = np.logaddexp(0.0, _numpy(block.decay).astype(np.float64))
                angle = _numpy(block.angle).astype(np.float64)
                layers.append([
                    packing.add(_numpy(block.norm.gain)), *packing.linear(block.enter), *packing.linear(block.leave),
                    packing.add(-DECAY_SHARPNESS * softplus), packing.add(np.cos(angle)), packing.add(np.sin(angle)),
                    packing.add(_numpy(block.mlp.norm.gain)), *packing.linear(block.mlp.enter),
                    *packing.linear(block.mlp.leave), row.take(config.widths[i]),
                ])  # fmt: skip
        bottom = [
            [packing.add(_numpy(mlp.norm.gain)), *packing.linear(mlp.enter), *packing.linear(mlp.leave)]
            for mlp in cast(Any, net.bottom)
        ]
        miss = self.miss = row.take(head.N_RESIDUALS)
        self.state_size = row.size
        widest = max(*config.widths, config.bottom_width, config.bottom_hidden)
        n_out = config.n_levels + 3 * head.N_EXPERTS
        x = row.take(max(config.frames[0] + head.N_MAGNITUDES, head.N_INPUTS))
        h, t0 = row.take(widest), row.take(widest)
        t1 = row.take(max(3 * widest, n_out))
        t2 = row.take(widest)
        told = row.take(config.widths[0] if self.conditions else 0)
        hear, tables, gain, out = (
            packing.linear(net.hear),
            packing.add(np.concatenate([_numpy(table.weight) for table in net.tables])),
            packing.add(_numpy(net.norm.gain)),
            packing.linear(net.out),
        )
        place = [
            row.stride, x, h, t0, t1, t2, miss, head.N_TAPS, head.N_RESIDUALS, head.N_INPUTS, config.bottom_width,
            config.bottom_hidden, *hear, tables, gain, *out, config.n_levels, head.N_EXPERTS, self.context,
            told,
        ]  # fmt: skip
        self.stride = row.stride
        self.first_row = np.zeros(self.state_size, dtype=np.float32)
        self.told = np.zeros((0, 0), dtype=np.float32)
        if self.conditions:
            from .tiers import TOLD_GAIN

            self.told = np.float32(TOLD_GAIN) * _numpy(net.told)
        fixed = (
            *packing.arrays(), np.array(tiers), np.array(layers), np.array(bottom).reshape(-1, 5), np.array(place),
            *head.TIES, self.anchor, *step_forecast.windows(config.order), self.bent, self.amplitudes,
            step_head.bordered(front_end.edges(config.n_levels)),
        )  # fmt: skip

        def kernel(rows: Any, levels: Any, forecast: Any, mode: int, n: int, *rest: Any) -> None:
            step_tiers.run(*fixed, rows, levels, forecast, mode, n, *rest)

        self._kernel = kernel

    def _pack_lstm(self, net: SampleRnn) -> None:
        """Fold what is linear: frames go straight into the gates, words and tables through the first hidden layer."""
        config = net.config
        d, frame, n_layers = config.width, config.frame, config.layers
        packing, row = Packing(), Row()
        expand, by_expand = _numpy(net.expand.weight), _numpy(net.expand.bias)
        layers = []
        for layer, lstm in enumerate(net.lstm):
            enter, back = _numpy(lstm.weight_ih_l0), _numpy(lstm.weight_hh_l0)
            below = [enter] if layer else []
            weight = np.concatenate([enter @ expand, *below, back], axis=1)
            bias = _numpy(lstm.bias_ih_l0) + _numpy(lstm.bias_hh_l0) + enter @ by_expand
            heard = row.take(frame + len(below) * d + d)
            layers.append([*packing.matrix(weight, bias), heard, heard + frame + len(below) * d, row.take(d)])
        self.state_size = row.size
        skip = np.concatenate([_numpy(layer.weight) for layer in net.skip], axis=1)
        skip_bias = np.sum([_numpy(layer.bias) for layer in net.skip], axis=0)
        hidden, by_hidden = _numpy(net.hidden1.weight), _numpy(net.hidden1.bias)
        words = _numpy(net.spread.weight).reshape(frame, d, d)
        by_words = _numpy(net.spread.bias).reshape(frame, d) @ hidden.T + by_hidden
        word, first, second = row.take(d), row.take(d), row.take(d)
        out, gates, hs, spread = row.take(config.n_levels), row.take(4 * d), row.take(n_layers * d), row.take(frame * d)
        place = [
            row.stride, word, first, second, out, gates, hs, spread, frame, d, n_layers, config.n_levels,
            *packing.matrix(skip, skip_bias), *packing.matrix((hidden @ words).reshape(frame * d, d), by_words.ravel()),
            packing.add(_numpy(net.tables()) @ hidden.T), *packing.linear(net.hidden2), *packing.linear(net.out),
        ]  # fmt: skip
        self.stride = row.stride
        self.first_row = np.zeros(self.state_size, dtype=np.float32)
        for layer, (_, _, _, hidden_at, cell) in enumerate(layers):
            self.first_row[hidden_at : hidden_at + d] = _numpy(net.h0)[layer]
            self.first_row[cell : cell + d] = _numpy(net.c0)[layer]
        fixed = (*packing.arrays(), np.array(layers), np.array(place), (2.0 * self.bent).astype(np.float32))

        def kernel(rows: Any, levels: Any, forecast: Any, mode: int, n: int, *rest: Any) -> None:
            step_lstm.run(*fixed, rows, levels, mode, n, *rest)

        self._kernel = kernel

    # ---- stepping ---------------------------------------------------------------

    def begin(self, n_streams: int) -> Memory:
        if self._quiet is None:
            silence = np.full(PRELUDE, front_end.silent_level(self.n_levels), dtype=np.int16)
            listener = Listener(self.anchor, self.n_levels)
            features = listener.hear(silence)
            if self.anchor is not None:
                last = slice(-head.N_RESIDUALS, None)
                missed = head.missed(
                    torch.from_numpy(self.amplitudes[silence[last]]), torch.from_numpy(features[last]).double()
                )
                self.first_row[self.miss : self.miss + head.N_RESIDUALS] = missed.numpy()
            self._quiet = Memory(self.first_row[None], silence[None, -self.context :], listener.memory[None])
        quiet = self._quiet
        return Memory(
            np.repeat(quiet.rows, n_streams, axis=0),
            np.repeat(quiet.levels, n_streams, axis=0),
            np.repeat(quiet.forecast, n_streams, axis=0),
        )

    def hear(self, memory: Memory, stream: int, levels: npt.NDArray[np.integer], told: Wishes | None = None) -> None:
        given = np.ascontiguousarray(levels, dtype=np.int16)[None]
        self._advance(memory, [stream], step_tiers.HEAR, given, None, None, None if told is None else told[None])

    def sample(
        self,
        memory: Memory,
        uniforms: npt.NDArray[np.float64],
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
        told: Wishes | None = None,
    ) -> Sampled:
        n_streams, n = uniforms.shape
        streams = list(range(n_streams)) if busy is None else list(busy)
        given = np.zeros((len(streams), n), dtype=np.int16)
        levels = np.zeros((n_streams, n), dtype=np.int16)
        entropy = np.zeros((n_streams, n // step_tiers.TELL_EVERY), dtype=np.float32)
        made, bits, _ = self._advance(
            memory,
            streams,
            step_tiers.SAMPLE,
            given,
            uniforms[streams],
            np.asarray(temperatures, dtype=np.float32)[streams],
            None if told is None else told[streams],
        )
        levels[streams], entropy[streams] = made, bits
        return Sampled(levels, entropy)

    def log_probabilities(self, memory: Memory, levels: npt.NDArray[np.integer], told: Wishes | None = None) -> Float32:
        """Step through given levels (B, n): log-probabilities before each, (B, n, n_levels)."""
        given = np.ascontiguousarray(levels, dtype=np.int16)
        _, _, scores = self._advance(memory, list(range(len(given))), step_tiers.SCORE, given, None, None, told)
        return scores

    def _advance(
        self,
        memory: Memory,
        streams: Sequence[int],
        mode: int,
        given: npt.NDArray[np.int16],
        uniforms: npt.NDArray[np.float64] | None,
        temperatures: Float32 | None,
        told: Wishes | None = None,
    ) -> tuple[npt.NDArray[np.int16], Float32, Float32]:
        n_streams, n = given.shape
        if n % self.hop:
            raise ValueError(f"n={n} must be a multiple of the net's hop, {self.hop}")
        levels = np.concatenate([memory.levels[streams], given], axis=1)
        rows = np.zeros((n_streams, self.stride), dtype=np.float32)
        rows[:, : self.state_size] = memory.rows[streams]
        forecast = memory.forecast[streams]
        uniforms = np.full((n_streams, n), 0.5) if uniforms is None else np.ascontiguousarray(uniforms)
        temperatures = np.ones((n_streams, n), dtype=np.float32) if temperatures is None else temperatures
        entropy = np.zeros((n_streams, n // step_tiers.TELL_EVERY), dtype=np.float32)
        scores = np.zeros((n_streams, n if mode == step_tiers.SCORE else 0, self.n_levels), dtype=np.float32)

        heard = self._embedded(told, n_streams, n)

        def part(first: int, last: int) -> None:
            cut = slice(first, last)
            self._kernel(
                rows[cut].reshape(-1), levels[cut], forecast[cut], mode, n, uniforms[cut], temperatures[cut],
                entropy[cut], scores[cut], *(each[cut] for each in heard),
            )  # fmt: skip

        n_parts = max(1, min(self.threads, n_streams // STREAMS_PER_THREAD))
        marks = [round(n_streams * i / n_parts) for i in range(n_parts + 1)]
        if n_parts == 1:
            part(0, n_streams)
        else:
            self._pool = self._pool or ThreadPoolExecutor(self.threads)
            list(self._pool.map(part, marks[:-1], marks[1:]))
        memory.rows[streams] = rows[:, : self.state_size]
        memory.levels[streams] = levels[:, -self.context :]
        memory.forecast[streams] = forecast
        return levels[:, self.context :], entropy, scores

    def _embedded(self, told: Wishes | None, n_streams: int, n: int) -> tuple[Float32, ...]:
        """What the kernel is told: (B, n / hop, slowest width); nothing for a kernel that takes no conditions."""
        if self.told is None:
            return ()
        if told is None:
            return (np.zeros((n_streams, 0, 0), dtype=np.float32),)
        if told.shape != (n_streams, n // self.hop, len(self.told)):
            raise ValueError(f"told has shape {told.shape}, expected {(n_streams, n // self.hop, len(self.told))}")
        heard = np.zeros((n_streams, n // self.hop, self.told.shape[1]), dtype=np.float32)
        for i, row in enumerate(self.told):  # in a fixed order, so that no sum depends on the batch
            if told[..., i].any():
                heard += told[..., i, None] * row
        return (heard,)

    def snapshot(self, memory: Memory, stream: int) -> Any:
        return memory.rows[stream].copy(), memory.levels[stream].copy(), memory.forecast[stream].copy()

    def restore(self, memory: Memory, stream: int, snapshot: Any) -> None:
        memory.rows[stream], memory.levels[stream], memory.forecast[stream] = snapshot


def default_threads() -> int:
    """Cores this process may use, fewer if OMP_NUM_THREADS says so."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(asked))) if asked.isdigit() else cores


def open_engine(net: Net, *, threads: int | None = None, anchored: float = 1.0) -> Engine:
    """An engine for a trained net: the fused one on a CPU, CUDA graphs where the net lies on a GPU."""
    if next(net.parameters()).device.type == "cuda":
        from .engine_gpu import GraphEngine

        return GraphEngine(net, anchored=anchored)
    return FusedEngine(net, threads=threads, anchored=anchored)
