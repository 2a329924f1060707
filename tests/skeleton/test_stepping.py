"""Sampling is training's forward pass, one sample at a time; the fused engine is the plain one, faster."""

import numpy as np
import pytest
import torch

from neuralbum.dsp import front_end
from neuralbum.kernels import step_forecast
from neuralbum.skeleton import evaluate, songs
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.engine_gpu import GraphEngine
from neuralbum.skeleton.gpu_forecast import Forecast
from neuralbum.skeleton.stepping import PlainEngine

from .makers import net, song

EXACT = 1e-9
SINGLE = 5e-3
"""Log-probabilities in float32 with polynomial exp and log, of levels above e^-12."""

NETS = ["debug", "samplernn-debug"]
WITH_LARGE = [*NETS, "tiny", "samplernn-tiny"]
"""Also nets whose large matrices the engine quantises."""


def parallel(made, tune, n):
    """Log-probabilities of the training forward pass, two windows with carried state."""
    state, out = made.begin(1), []
    for window in songs.windows_of(
        tune, window=n // 2, context=made.context, n_levels=256, anchor=evaluate.anchor_of(made), stop=n
    ):
        features = torch.from_numpy(window.features).double()
        raw, state = made(torch.from_numpy(window.levels), features, state)
        out.append(made.scores(raw, features[:, made.context :]))
    return torch.cat(out, dim=1)


@pytest.mark.parametrize("name", NETS)
def test_step_by_step_equals_the_parallel_forward_in_double_precision(name):
    made, tune = net(name, shaken=0.05).double().eval(), song(0.1)
    with torch.no_grad():
        expected = parallel(made, tune, 512)
    engine = PlainEngine(made)
    got = engine.log_probabilities(engine.begin(1), tune.levels[None, :512])
    assert float((got - expected).abs().max()) < EXACT


@pytest.mark.parametrize("name", WITH_LARGE)
def test_the_fused_engine_predicts_what_its_plain_twin_predicts(name):
    made, n = net(name, shaken=0.05), 320
    levels = np.stack([song(0.1, seed).levels[:n] for seed in (0, 1)])
    fused, plain = FusedEngine(made, threads=1), PlainEngine(made)
    got = fused.log_probabilities(fused.begin(2), levels)
    expected = plain.log_probabilities(plain.begin(2), levels).numpy()
    likely = expected > -12
    assert np.abs(got - expected)[likely].max() < SINGLE


@pytest.mark.parametrize("name", NETS)
def test_the_fused_engine_draws_what_its_plain_twin_draws(name):
    made = net(name, shaken=0.05)
    uniforms, temperatures = np.random.default_rng(0).random((2, 128)), np.full((2, 128), 1.01)
    drawn = [
        engine.sample(engine.begin(2), uniforms, temperatures).levels
        for engine in (FusedEngine(made, threads=1), PlainEngine(made))
    ]
    first = [np.argmax(np.append(a != b, True)) for a, b in zip(*drawn, strict=True)]
    assert min(first) > 32  # one rounded draw changes all that follows


@pytest.mark.parametrize("name", WITH_LARGE)
def test_a_take_is_the_same_by_bit_alone_in_any_batch_and_with_threads(name):
    made, rng = net(name, shaken=0.05), np.random.default_rng(0)
    uniforms, temperatures = rng.random((17, 512)), rng.uniform(0.9, 1.1, size=(17, 512))
    together = FusedEngine(made, threads=2)
    memory = together.begin(17)
    parts = [
        together.sample(memory, uniforms[:, cut], temperatures[:, cut]).levels for cut in np.split(np.arange(512), 2)
    ]
    everything = np.concatenate(parts, axis=1)
    alone = FusedEngine(made, threads=1)
    for b in (0, 7, 16):
        got = alone.sample(alone.begin(1), uniforms[b : b + 1], temperatures[b : b + 1]).levels[0]
        assert np.array_equal(got, everything[b])


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("kind", [FusedEngine, PlainEngine])
def test_a_snapshot_put_back_goes_on_as_before(kind, name):
    engine = kind(net(name, shaken=0.05))
    uniforms, temperatures = np.random.default_rng(0).random((3, 64)), np.ones((3, 64))
    memory = engine.begin(3)
    engine.hear(memory, 1, song(0.1).levels[:128])
    kept = engine.snapshot(memory, 1)
    first = engine.sample(memory, uniforms, temperatures).levels[1]
    engine.restore(memory, 1, kept)
    assert np.array_equal(engine.sample(memory, uniforms, temperatures).levels[1], first)


def test_streams_that_are_not_busy_are_left_alone():
    engine = FusedEngine(net(shaken=0.05), threads=1)
    memory = engine.begin(3)
    before = engine.snapshot(memory, 1)
    engine.sample(memory, np.full((3, 64), 0.5), np.ones((3, 64)), busy=[0, 2])
    assert all(np.array_equal(a, b) for a, b in zip(before, engine.snapshot(memory, 1), strict=True))


def test_the_recurrence_forgets_whatever_it_heard():
    made = net(shaken=0.5).double().eval()  # eigenvalues inside the unit circle, whatever the weights
    block = made.tiers[0].blocks[0]
    quiet = torch.zeros(1, 20_000, block.width, dtype=torch.float64)
    with torch.no_grad():
        ends = [block(quiet, torch.full((1, block.width), start, dtype=torch.float64))[1] for start in (0.0, 100.0)]
    assert float((ends[0] - ends[1]).abs().max()) < 1.0


@pytest.mark.parametrize("name", NETS)
def test_the_graph_engine_uncaptured_draws_what_the_plain_engine_draws(name):
    made = net(name, shaken=0.05)
    rng = np.random.default_rng(0)
    uniforms, temperatures = rng.random((3, 512)), np.full((3, 512), 1.01)
    drawn = []
    for engine in (GraphEngine(made), PlainEngine(made)):
        memory = engine.begin(3)
        engine.hear(memory, 1, song(0.1).levels[:512])
        drawn.append(engine.sample(memory, uniforms, temperatures, [0, 1]).levels)
    first = [np.argmax(np.append(a != b, True)) for a, b in zip(drawn[0][:2], drawn[1][:2], strict=True)]
    assert min(first) > 32


def test_forecasts_of_the_graph_engine_are_those_of_the_kernel():
    anchor = evaluate.anchor_of(net())
    order, n, amplitudes = len(anchor) - 1, 1024, front_end.amplitudes_of(song(0.2).levels)
    rows = [step_forecast.new_memory(order) for _ in range(2)]
    for row, start in zip(rows, (0, 512), strict=True):
        step_forecast.forecast(amplitudes[start : start + n], anchor, row)
    n_ahead = step_forecast.LONG_REFIT + 40
    ahead = [amplitudes[start + n : start + n + n_ahead] for start in (0, 512)]
    made = Forecast(anchor, torch.device("cpu"))
    parts = zip(*(step_forecast.parts_of(row, order) for row in rows), strict=True)
    sound, *memory = (torch.from_numpy(np.stack(part).astype(np.float32)) for part in parts)
    sound, told = torch.cat([sound, torch.from_numpy(np.stack(ahead)).float()], dim=1), []
    for t in range(n_ahead):
        told.append(memory[0].clone())
        made.step(memory, sound[:, t + 1 : t + 1 + made.looks_at], t + 1)
    expected = np.stack([step_forecast.forecast(x, anchor, row) for x, row in zip(ahead, rows, strict=True)])
    assert torch.stack(told, 1).numpy() == pytest.approx(expected, abs=SINGLE)


@pytest.mark.parametrize("engine", [FusedEngine, GraphEngine])
def test_an_engine_that_is_anchored_twice_is_that_of_a_net_with_twice_the_anchor(engine):
    made, twice = net(shaken=0.05), net(shaken=0.05)
    with torch.no_grad():
        twice.anchor.mul_(2.0)
    uniforms = np.random.default_rng(0).random((2, 1024))
    heat = np.ones(uniforms.shape, dtype=np.float32)

    def sung(opened):
        return opened.sample(opened.begin(2), uniforms, heat).levels

    assert np.array_equal(sung(engine(made, anchored=2.0)), sung(engine(twice)))
    assert not np.array_equal(sung(engine(made)), sung(engine(twice)))
    assert engine(made, anchored=2.0).name == engine(made).name + ":2"
