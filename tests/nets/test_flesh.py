"""The flesh: born as the plain renderer, mono-compatible, the same in any blocks, and it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralbum.errors import ParameterError
from neuralbum.nets.flesh import new_flesh
from neuralbum.nets.flesh_training import NOISE_SHARE, Examples, FleshLosses
from neuralbum.nets.frames import analyse

from .conftest import SPEC, recording

BORDERS = 1e-4
SMALL = {"channels": 16, "n_blocks": 2}


def awake(flesh):
    """A flesh whose head says something, as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        torch.nn.init.normal_(flesh.head.weight, 0.0, 0.1)
    return flesh


@pytest.fixture
def flesh(plain):
    return awake(new_flesh(plain, 0, **SMALL))


@pytest.fixture
def examples(pairs, plain):
    return Examples(pairs, plain, batch=2, crop=24)


def test_newly_born_it_is_the_plain_renderer(plain, pairs):
    frames = pairs[0][0][:200]
    made = new_flesh(plain, 0, **SMALL).render(frames, seed=0)
    assert np.allclose(made, plain.render(frames, seed=0), atol=1e-5)


def test_awake_it_changes_the_sound(flesh, plain, pairs):
    frames = pairs[0][0][:100]
    assert np.abs(flesh.render(frames, seed=0) - plain.render(frames, seed=0)).max() > 0.01


@pytest.mark.parametrize("block", [3, 70, 10_000])
def test_where_blocks_meet_is_not_heard(flesh, pairs, block):
    frames = pairs[0][0][:150]
    whole = flesh.render(frames, seed=0, block=150)
    assert whole.shape == (2, 150 * SPEC.hop_length)
    assert np.abs(flesh.render(frames, seed=0, block=block) - whole).max() < BORDERS


def test_the_same_frames_and_seed_give_the_same_bits(flesh, pairs):
    first = flesh.render(pairs[0][0][:130], seed=3)
    flesh.render(pairs[1][0][:100], seed=4)
    assert np.array_equal(flesh.render(pairs[0][0][:130], seed=3), first)


def test_frames_of_mono_give_two_equal_channels(flesh):
    left, right = flesh.render(analyse(recording(7, 2.0)[:1], SPEC)[0], seed=0)
    assert np.array_equal(left, right)


def test_a_column_depends_on_its_neighbourhood_alone(flesh, examples):
    batch = examples.make_batch(np.random.default_rng(0))
    changed = batch.spectra.clone()
    changed[:, :, 20] *= 3.0
    with torch.no_grad():
        apart = [flesh(s, batch.frames, batch.degradation) for s in (batch.spectra, changed)]
    columns = torch.nonzero((apart[0] - apart[1]).abs().amax(dim=(0, 1, 3)) > 0).flatten()
    assert 20 - flesh.reach <= int(columns.min()) < 20 < int(columns.max()) <= 20 + flesh.reach


def test_degradation_is_heard_by_the_net(flesh, pairs):
    frames = pairs[0][0][:60]
    assert not np.array_equal(flesh.render(frames, seed=0, degradation=1.0), flesh.render(frames, seed=0))


def test_frames_are_left_alone_at_degradation_zero_and_noisy_in_proportion_above(examples, pairs):
    frames, rng = pairs[0][0], np.random.default_rng(0)
    assert np.array_equal(examples.degraded(frames, 0.0, rng), frames)
    still = np.repeat(frames[:1], 5000, axis=0)  # nothing to blur
    wanted = NOISE_SHARE * 0.5 * np.sqrt(np.square(examples.axes).sum(1))
    assert np.allclose(examples.degraded(still, 0.5, rng).std(0), wanted, rtol=0.05)


def test_a_batch_depends_on_its_random_stream_alone(examples):
    first, again = (examples.make_batch(np.random.default_rng(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_examples_and_their_sound_lie_at_the_same_time(pairs, plain):
    batch = Examples(pairs, plain, batch=8, crop=60).make_batch(np.random.default_rng(0))
    made = plain.grid.sound(batch.spectra[:, 0])
    levels = [x.unfold(-1, 736, 736).square().mean(-1).add(1e-5).log().flatten() for x in (made, batch.sound[:, 0])]
    shifted = [torch.corrcoef(torch.stack([levels[0].roll(by), levels[1]]))[0, 1] for by in (-2, -1, 0, 1, 2)]
    assert int(torch.stack(shifted).argmax()) == 2


def test_too_little_music_is_refused(pairs, plain):
    with pytest.raises(ParameterError, match="nothing to train a flesh on"):
        Examples([(pairs[0][0][:40], pairs[0][1])], plain)


def test_everything_learns_from_one_backward_pass_but_the_plain_renderer(plain, examples):
    losses = FleshLosses(awake(new_flesh(plain, 0, **SMALL)), seed=0)
    losses.loss(examples.make_batch(np.random.default_rng(0)), critic_weight=0.1)["total"].backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in losses.parameters())
    assert not list(plain.parameters())


def test_the_critics_do_not_learn_to_be_fooled(flesh, examples):
    batch, grads = examples.make_batch(np.random.default_rng(0)), []
    for weight in (1e-6, 10.0):
        losses = FleshLosses(flesh, seed=0)
        losses.loss(batch, critic_weight=weight)["total"].backward()
        grads.append(torch.cat([p.grad.flatten() for p in losses.critics.parameters()]))
    assert torch.equal(*grads)


def test_without_critics_they_learn_nothing(flesh, examples):
    losses = FleshLosses(flesh, seed=0)
    parts = losses.loss(examples.make_batch(np.random.default_rng(0)))
    parts["total"].backward()
    assert "critic" not in parts
    assert all(p.grad is None for p in losses.critics.parameters())


def test_a_few_steps_bring_the_sound_nearer(plain, examples):
    batch = examples.make_batch(np.random.default_rng(0))
    losses = FleshLosses(new_flesh(plain, 0, **SMALL), seed=0)
    optimiser = torch.optim.AdamW(losses.flesh.parameters(), lr=3e-3)
    seen = []
    for _ in range(12):
        total = losses.loss(batch)["total"]
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        seen.append(float(total.detach()))
    assert seen[-1] < 0.95 * seen[0]
