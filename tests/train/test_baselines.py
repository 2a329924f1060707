"""The lines a skeleton is held against, on music whose bits are known."""

import math

import numpy as np
import pytest
import torch

from neuralbum.nets.codebook import N_EMBEDDED, N_GROUPS
from neuralbum.nets.form import FormCodec
from neuralbum.nets.skeleton import N_LAGS, Heard, Skeleton, SkeletonConfig
from neuralbum.train import baselines
from neuralbum.train.material import make_copy

N_CODES, N_LATENTS, N_STEPS = 8, 7, 640
PER_SECOND = 8.0


@pytest.fixture(scope="module")
def form():
    """A single form: it tells nothing."""
    return FormCodec(np.ones((N_LATENTS, 2), np.float32), np.ones(2, np.float32), np.zeros((1, 2), np.float32))


def copy_of(codes, form, vectors):
    latents = sum(vectors[g][codes[:, g]] for g in range(N_GROUPS))
    return make_copy(0, codes, latents.astype(np.float32), 0, True, form)


@pytest.fixture(scope="module")
def vectors():
    """Each group has a latent of its own, so that a step's codes can be read in its latents."""
    out = np.zeros((N_GROUPS, N_CODES, N_LATENTS), dtype=np.float32)
    for group in range(N_GROUPS):
        out[group, :, group] = np.linspace(-1.5, 1.5, N_CODES)
    return out


def drawn(seed):
    return np.random.default_rng(seed).integers(N_CODES, size=(N_STEPS, N_GROUPS))


def looped(seed):
    return np.tile(drawn(seed)[:16], (N_STEPS // 16, 1))


def heard(*copies):
    return baselines.Songs(copies, [PER_SECOND] * len(copies))


def test_even_dice_cost_their_entropy_and_repetition_does_not_help(form, vectors):
    train, unheard = copy_of(drawn(0), form, vectors), copy_of(drawn(1), form, vectors)
    said = baselines.static_and_copy([train], N_CODES, {"valid": heard(unheard)})["valid"]
    entropy = N_GROUPS * 3.0 * PER_SECOND  # log2(8) = 3 bits a group, 7 groups, 8 steps a second
    assert said["static"] == pytest.approx(entropy, rel=0.02)
    assert said["copy"] == pytest.approx(entropy, rel=0.03)


def test_a_bar_that_comes_back_for_ever_costs_next_to_nothing_after_the_first(form, vectors):
    train, unheard = copy_of(looped(0), form, vectors), copy_of(looped(1), form, vectors)
    said = baselines.static_and_copy([train], N_CODES, {"heldout": heard(unheard)})["heldout"]
    assert said["copy"] < 0.1 * said["static"]


def test_regression_knows_a_code_that_follows_the_one_before(form, vectors):
    """Every group's code stays or moves by one: a ramp, up and down."""
    ramp = np.abs((np.arange(N_STEPS)[:, None] + np.arange(N_GROUPS) * 3) % 14 - 7)
    train, unheard = copy_of(ramp, form, vectors), copy_of(ramp[5:], form, vectors)
    embedded = torch.zeros(N_GROUPS, N_CODES, N_EMBEDDED)
    embedded[:, :, 0] = torch.linspace(-1.5, 1.5, N_CODES)
    config = SkeletonConfig(N_LATENTS, N_CODES, 2, 8, 1, 8, 0.0)
    solved = baselines.regression([train], embedded, form)
    factor = baselines.best_widening(config, embedded, solved, heard(unheard), form)
    line = baselines.linear_net(config, embedded, baselines.widened(solved, factor))
    static = baselines.static_and_copy([train], N_CODES, {"valid": heard(unheard)})["valid"]["static"]
    assert baselines.score(line, heard(unheard), form) < 0.5 * static


def test_what_least_squares_leaves_is_what_was_measured(form, vectors):
    """The deviations come from sums of squares; computed from the residuals themselves they are the same."""
    train = copy_of(drawn(3), form, vectors)
    embedded = torch.zeros(N_GROUPS, N_CODES, N_EMBEDDED)
    embedded[:, :, 0] = torch.linspace(-1.5, 1.5, N_CODES)
    weight, bias, left = baselines.regression([train], embedded, form)[0]
    direct, codes = baselines._heard_and_codes(train, form)
    residual = embedded[0][codes[:, 0]] - direct @ weight.T - bias
    assert float(left[0]) == pytest.approx(float(residual[:, 0].square().mean().sqrt()), rel=1e-3)


def test_bits_are_counted_for_a_second_of_all_songs_together():
    songs = baselines.Songs([None, None], [2.0, 4.0])
    nats = [np.full(4, math.log(2.0)), np.full(4, 3 * math.log(2.0))]  # 4 bits in 2 s, 12 bits in 1 s
    assert baselines.bits_per_second(songs, nats) == pytest.approx(16 / 3)


def test_the_regression_alone_says_the_same_every_time_it_is_built():
    """What is left of the net beside the regression adds nothing, whatever it was initialised with."""
    config = SkeletonConfig(12, 8, 4, 16, 1, 16, 0.0)
    embedded = torch.randn(N_GROUPS, 8, N_EMBEDDED, generator=torch.Generator().manual_seed(0))
    n_direct = Skeleton(config).near[0].in_features
    solved = [
        (torch.zeros(N_EMBEDDED, n_direct + g * N_EMBEDDED), torch.zeros(N_EMBEDDED), torch.ones(N_EMBEDDED))
        for g in range(N_GROUPS)
    ]
    nets = [baselines.linear_net(config, embedded, solved) for _ in range(2)]
    width = {"lagged": N_LAGS * config.n_latents, "past": n_direct - N_LAGS * config.n_latents}
    heard = Heard(*(torch.ones(1, 3, width.get(name, 0)) for name in Heard.__dataclass_fields__))
    heard.remembered = torch.zeros(1, 3, N_LAGS * N_GROUPS, dtype=torch.long)
    drawn = torch.zeros(1, 3, N_GROUPS, dtype=torch.long)
    for group in range(N_GROUPS):
        by_hand = -0.5 * embedded[group].square().sum(-1)
        for net in nets:
            logits = net.logits(group, torch.ones(1, 3, 1), heard, drawn[..., :group])
            torch.testing.assert_close(logits, by_hand.expand(1, 3, -1))
