"""How fast takes are sampled: the fused engine against a plain torch loop, and real time.

Random weights (the speed does not depend on them), one core, CPU seconds of the
process, median of three; ratios are measured side by side. ``--quick`` takes a smaller
reference net and fewer samples.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import resource
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from counting import traffic
from neuralbum.kernels import lanes as v
from neuralbum.records import Recipe
from neuralbum.skeleton import presets
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.samplernn import SampleRnn
from report import Row, arguments, print_report, row

RATE = 16_000
REPEATS = 3
GPU_STREAMS, GPU_MEMORY = 4096, 3.35e12


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def gemm_rate() -> float:
    """GFLOP/s of torch's 512 x 512 x 512 product on this core."""
    a, b = torch.randn(512, 512), torch.randn(512, 512)
    a @ b
    return statistics.median(2 * 512**3 * 20 / cpu(lambda: [a @ b for _ in range(20)]) / 1e9 for _ in range(5))


class Published(nn.Module):
    """The net's layers as the published torch implementation (deepsound-project/samplernn-pytorch, 2017) lays them out.

    Convolutions under weight norm, over embeddings of the last levels; the same function with the same weights.
    """

    def __init__(self, net: SampleRnn) -> None:
        super().__init__()
        c = net.config
        self.net, self.embedding = net, net.embedding
        self.join = self._layer(net.join.weight.unflatten(1, (c.frame, -1)).transpose(1, 2), None)
        self.hidden1 = self._layer(net.hidden1.weight[..., None], net.hidden1.bias)
        self.hidden2 = self._layer(net.hidden2.weight[..., None], net.hidden2.bias)
        self.out = self._layer(net.out.weight[..., None], net.out.bias)

    @staticmethod
    def _layer(weight: Tensor, bias: Tensor | None) -> nn.Module:
        made = nn.Conv1d(weight.shape[1], weight.shape[0], weight.shape[2], bias=bias is not None)
        with torch.no_grad():
            made.weight.copy_(weight)
            if bias is not None and made.bias is not None:
                made.bias.copy_(bias)
        return weight_norm(made)

    def scores(self, word: Tensor, levels: Tensor) -> Tensor:
        joined = self.join(self.embedding(levels).transpose(1, 2))
        x = F.relu(self.hidden1(word[..., None] + joined))
        scores: Tensor = self.out(F.relu(self.hidden2(x)))[..., 0]
        return scores


class InProducts(nn.Module):
    """The same layers in matrix products: the fastest plain torch we know without rewriting the net."""

    def __init__(self, net: SampleRnn) -> None:
        super().__init__()
        self.net = net

    def scores(self, word: Tensor, levels: Tensor) -> Tensor:
        net = self.net
        x = F.relu(net.hidden1(word + net.join(net.embedding(levels).flatten(1))))
        scores: Tensor = net.out(F.relu(net.hidden2(x)))
        return scores


Layers = Published | InProducts


def plain_loop(layers: Layers, n_batch: int, n: int) -> None:
    """As the published implementations sample: embedding, weight norm and all layers at every sample."""
    net = layers.net
    frame, d = net.config.frame, net.config.width
    state = {k: v.clone() for k, v in net.begin(n_batch).items()}
    levels = torch.full((n_batch, frame), 128)
    with torch.no_grad():
        for t in range(n):
            if t % frame == 0:
                word, state = net.frame_words(net.bent[levels][:, None], state)
                words = net.spread(word).unflatten(-1, (frame, d))[:, 0]
            p = layers.scores(words[:, t % frame], levels).softmax(-1)
            levels = torch.cat([levels[:, 1:], torch.multinomial(p, 1)], dim=1)


def check_alike(published: Published, products: InProducts) -> None:
    """Both layouts must be the same function, or their speeds are not to be compared."""
    c = products.net.config
    word, levels = torch.randn(2, c.width), torch.randint(0, c.n_levels, (2, c.frame))
    with torch.no_grad():
        apart = float((published.scores(word, levels) - products.scores(word, levels)).abs().max())
    if not apart < 1e-3:
        raise SystemExit(f"the two plain loops differ by {apart:.3g}: they are not the same net")


def engine_rate(engine: FusedEngine, n_batch: int, n: int) -> float:
    """Samples of all streams per CPU-second."""
    n = max(engine.hop, n // engine.hop * engine.hop)
    memory = engine.begin(n_batch)
    uniforms = np.random.default_rng(0).random((n_batch, n))
    temperatures = np.full((n_batch, n), 1.01, dtype=np.float32)
    engine.sample(memory, uniforms[:, : engine.hop], temperatures[:, : engine.hop])
    return (
        n_batch
        * n
        / statistics.median(cpu(lambda: engine.sample(memory, uniforms, temperatures)) for _ in range(REPEATS))
    )


@njit
def _read(flat, rows):
    """The sum of a long array, read as so many rows at once: what ``step_linear`` does for one stream, without sums."""
    part, total = flat.size // rows, v.splat(np.float32(0.0))
    for i in range(0, part, v.LANES):
        for k in range(rows):
            total = v.add(total, v.load(flat, k * part + i))
    return v.total(total)


def memory_rate() -> float:
    """GB/s one core reads of 256 MB."""
    flat = np.ones(64 * 2**20, dtype=np.float32)
    _read(flat, 8)
    return statistics.median(flat.nbytes / cpu(lambda: _read(flat, 8)) / 1e9 for _ in range(5))


def upper_weights(net: SampleRnn) -> int:
    """Weights the engine goes through once a frame."""
    c, d = net.config, net.config.width
    gates = 4 * d * (c.frame + d) + (c.layers - 1) * 4 * d * (c.frame + 2 * d)
    return gates + c.layers * d * d + d * c.frame * d


def folded_flops(net: SampleRnn) -> float:
    """Operations the engine really does for one sample: fewer than the net's, as what is linear is multiplied out."""
    c, d = net.config, net.config.width
    return 2.0 * (upper_weights(net) / c.frame + c.frame * d / 2 + d * d + d * c.n_levels)


def ceiling(net: SampleRnn, n_batch: int, peak: float, memory: float) -> float:
    """Samples/s if all were done at torch's GEMM rate, or the upper weights read at memory's, whichever is less."""
    width = 2 if n_batch == 1 else 4  # bytes of a weight: one stream reads them as int16
    by_memory = memory * 1e9 / (width * upper_weights(net) / net.config.frame) * n_batch
    return min(peak * 1e9 / folded_flops(net), by_memory)


SIZES = ({"layers": 2}, {})
"""The published torch implementation's size (its README: two recurrent layers of 1024), and the preset's: five."""
QUICK_SIZES = ({"width": 512, "layers": 2},)


def reference_rows(changed: dict[str, int]) -> list[Row]:
    """The reference net, with these of its sizes changed."""
    chosen = presets.preset("samplernn")
    net = presets.build(chosen.kind, {**chosen.config, **changed}).eval()
    assert isinstance(net, SampleRnn)
    engine = FusedEngine(net, threads=1)
    about = f"samplernn d {net.config.width} x {net.config.layers}"
    peak, memory = gemm_rate(), memory_rate()
    rows = [row("memory, read by one core", memory, "GB/s")]
    published, products = Published(net).eval(), InProducts(net).eval()
    check_alike(published, products)
    for n_batch, bar in ((1, ">= 10 x"), (32, ">= 8 x")):
        n = 32 if n_batch > 1 else 64
        spent: dict[str, list[float]] = {"published": [], "products": []}
        for repeat in range(REPEATS + 1):  # side by side; the first warms up
            for name, layers in (("published", published), ("products", products)):
                seconds = cpu(partial(plain_loop, layers, n_batch, n if repeat else 16))
                if repeat:
                    spent[name].append(seconds)
        by_convolutions, plain = (n_batch * n / statistics.median(spent[name]) for name in ("published", "products"))
        fused = engine_rate(engine, n_batch, 4 * n)
        rows.append(row(f"{about}: torch loop as published, batch {n_batch}", by_convolutions, "sample/CPU-s"))
        rows.append(row(f"{about}: torch loop in matrix products, batch {n_batch}", plain, "sample/CPU-s"))
        rows.append(row(f"{about}: engine, batch {n_batch}", fused, "sample/CPU-s"))
        rows.append(row(f"{about}: engine over the published loop, batch {n_batch}", fused / by_convolutions, "x", bar))
        rows.append(row(f"{about}: engine over matrix products, batch {n_batch}", fused / plain, "x"))
        most = ceiling(net, n_batch, peak, memory) / plain
        rows.append(
            row(f"{about}: the most over matrix products that this core allows, batch {n_batch}", most, "x",
                reason="all at torch's GEMM rate, or the upper weights at memory's, whichever is less")
        )  # fmt: skip
    peak = gemm_rate()
    rate = engine_rate(engine, 64, 64) * folded_flops(net) / 1e9
    rows.append(row("torch GEMM 512^3 on this core", peak, "GFLOP/s"))
    rows.append(row(f"{about}: engine, batch 64", rate, "GFLOP/s"))
    rows.append(row(f"{about}: share of the GEMM rate, batch 64", 100 * rate / peak, "%", ">= 50 %"))
    return rows


def preset_rows(quick: bool) -> list[Row]:
    rows = []
    for name in ("debug", "tiny", "small", "full", "samplernn-tiny"):
        chosen = presets.preset(name)
        net = presets.build(chosen.kind, chosen.config).eval()
        engine = FusedEngine(net, threads=1)
        for n_batch in (1, 32, 64):
            n = (2048 if quick else 8192) // (4 if name == "full" else 1) // (4 if n_batch > 1 else 1)
            rate = engine_rate(engine, n_batch, n)
            bar = ">= 16000" if (name, n_batch) == ("small", 1) else ""
            rows.append(row(f"{name}: batch {n_batch}", rate, "sample/CPU-s", bar))
            if (name, n_batch) == ("small", 64):
                rows.append(row("small: batch 64, one core", rate / RATE, "x real time", ">= 5"))
            if (name, n_batch) == ("full", 64):
                rows.append(
                    row("full: batch 64, two cores", 2 * rate / RATE, "x real time", ">= 1",
                        reason="twice the rate of one core: streams are shared among threads")
                )  # fmt: skip
    return rows


def memory_rows() -> list[Row]:
    """Peak memory while 64 long takes are made: what was heard is handed on, so it does not grow with length."""
    from neuralbum.generate.making import make

    chosen = presets.preset("small")
    engine = FusedEngine(presets.build(chosen.kind, chosen.config).eval(), threads=1)
    left = list(range(64))

    def next_recipe() -> Recipe | None:
        if not left:
            return None
        temperature = ((0.0, 1.0),)
        return Recipe("m", "d", 0, 0, left.pop(), temperature, 600 * RATE, RATE, engine.name)

    handed = 0
    for sound in make(
        engine, next_recipe, batch=64, sample_rate=RATE, prime=lambda recipe: np.zeros(0, dtype=np.int16)
    ):
        handed += len(sound.audio)
        if handed > 64 * 2 * RATE:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [
        row("64 ten-minute takes with small: peak memory", peak, "GiB", "< 1.5",
            reason="over their first seconds; blocks are written and let go")
    ]  # fmt: skip


def gpu_rows() -> list[Row]:
    """The bar, unmeasured, and what can be counted without a GPU."""
    n_operations, n_bytes = traffic("full", GPU_STREAMS)
    about = f"full on a GPU, {GPU_STREAMS} streams"
    counted = "counted on torch's meta device, with norms in parts"
    return [
        Row("full on a GPU, one process", None, "x real time", ">= 1000", None, "no GPU was at hand"),
        row(f"{about}: operations a step", n_operations, "", reason=counted),
        row(f"{about}: memory traffic a sample", n_bytes / 2**10, "KiB", reason=counted),
        row(f"{about}: the most that this traffic allows at 3.35 TB/s", GPU_MEMORY / n_bytes / RATE, "x real time",
            reason="computed from an H100's data sheet, not measured"),
    ]  # fmt: skip


def main() -> None:
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    rows = [*memory_rows(), *preset_rows(options.quick)]
    for changed in QUICK_SIZES if options.quick else SIZES:
        rows += reference_rows(changed)
    print_report([*rows, *gpu_rows()], as_json=options.json)


if __name__ == "__main__":
    main()
