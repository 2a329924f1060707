"""The recurrence and the likelihood."""

import math

import numpy as np
import pytest
import torch

from neuralbum.nets.codebook import N_GROUPS
from neuralbum.nets.grid import STEPS_PER_BAR
from neuralbum.nets.recurrence import RecurrentBlock, Scan
from neuralbum.nets.skeleton import ABSENT, N_LAGS, N_PAST, Heard, Skeleton, SkeletonConfig

CONFIG = SkeletonConfig(n_latents=6, n_codes=8, n_form=3, width=16, n_blocks=2, hidden=16, dropout=0.0)


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = Skeleton(CONFIG).eval()
    made.embedded.normal_()
    return made


def heard(b, t, seed=0):
    g = torch.Generator().manual_seed(seed)
    d = CONFIG.n_latents

    def normal(size):
        return torch.randn(b, t, size, generator=g)

    return Heard(
        past=normal(N_PAST * d), lagged=normal(N_LAGS * d), ahead=normal(N_LAGS * d), known=torch.ones(b, t, N_LAGS),
        remembered=torch.randint(0, CONFIG.n_codes, (b, t, N_LAGS * N_GROUPS), generator=g),
        beat=normal(STEPS_PER_BAR + 1), form=normal(2 * CONFIG.n_form + 1), noise=torch.zeros(b, t, 1),
    )  # fmt: skip


def part(h, start, end):
    return Heard(**{name: getattr(h, name)[:, start:end] for name in Heard.__dataclass_fields__})


def test_the_scan_is_the_recurrence_written_out_and_so_are_its_gradients():
    torch.manual_seed(0)
    a, v, h0 = torch.rand(2, 7, 3).double(), torch.randn(2, 7, 3).double(), torch.randn(2, 3).double()
    h, rows = h0, []
    for step in range(7):
        h = a[:, step] * h + v[:, step]
        rows.append(h)
    assert torch.allclose(Scan.apply(a, v, h0), torch.stack(rows, 1))
    assert torch.autograd.gradcheck(Scan.apply, tuple(x.requires_grad_() for x in (a, v, h0)))


def test_a_state_stays_bounded_over_an_hour():
    torch.manual_seed(0)
    block, state = RecurrentBlock(8, 0.0).eval(), torch.zeros(1, 8)
    with torch.no_grad():
        for _ in range(30):
            _, state = block(10.0 * torch.randn(1, 1000, 8), state)
    assert state.abs().max() < 100


def test_step_by_step_and_all_at_once_agree(net):
    h = heard(2, 9)
    with torch.no_grad():
        together, end = net.trunk(h, net.start(2))
        state, rows = net.start(2), []
        for step in range(9):
            row, state = net.trunk(part(h, step, step + 1), state)
            rows.append(row)
    assert torch.allclose(torch.cat(rows, 1), together, atol=1e-5)
    assert all(torch.allclose(x, y, atol=1e-5) for x, y in zip(end, state, strict=True))


def test_the_codes_of_a_group_are_equally_likely_in_all_before_anything_is_learned_but_sum_to_one(net):
    h = heard(1, 4)
    with torch.no_grad():
        features, _ = net.trunk(h, net.start(1))
        codes = torch.zeros(1, 4, N_GROUPS, dtype=torch.long)
        total = 0.0
        for code in range(CONFIG.n_codes):
            codes[..., -1] = code
            total = total + torch.exp(-net.negative_log_likelihood(features, h, codes)[..., -1])
    assert torch.allclose(total, torch.ones(1, 4), atol=1e-5)


def test_a_later_group_is_told_the_earlier_ones(net):
    torch.manual_seed(1)
    for near in net.near:
        torch.nn.init.normal_(near.weight)
    h = heard(1, 1)
    with torch.no_grad():
        features, _ = net.trunk(h, net.start(1))
        drawn = torch.zeros(1, 1, 2, dtype=torch.long)
        one = net.logits(2, features, h, drawn)
        drawn[..., 0] = 5
        assert not torch.allclose(one, net.logits(2, features, h, drawn))


def test_the_linear_start_is_a_gaussian_read_at_the_codes(net):
    """With the free part silent and the gate half open, the logits are those of the least-squares Gaussian."""
    d = (N_PAST + N_LAGS) * CONFIG.n_latents + 2 * CONFIG.n_form + 1
    solutions = []
    for group in range(N_GROUPS):
        n = d + group * net.embedded.shape[-1]
        solutions.append((0.01 * torch.randn(16, n), torch.randn(16), torch.full((16,), 0.5)))
    net.set_linear(solutions)
    h = heard(1, 1)
    with torch.no_grad():
        for module in (*net.free, *net.gate):
            module.weight.zero_()
            module.bias.zero_()
        features, _ = net.trunk(h, net.start(1))
        logits = net.logits(0, features, h, torch.zeros(1, 1, 0, dtype=torch.long))[0, 0]
    weight, bias, left = solutions[0]
    mean = torch.cat([h.past, h.lagged, h.form], -1)[0, 0] @ weight.T + bias
    gaussian = (-0.5 * ((net.embedded[0] - mean) / left) ** 2).sum(-1)
    assert torch.allclose(logits.log_softmax(-1), gaussian.log_softmax(-1), atol=1e-3)


def test_a_remembered_bar_raises_its_own_code_and_no_other(net):
    h = heard(1, 1)
    h.remembered[0, 0, :] = ABSENT
    absent, there = h, Heard(**{**vars(h), "remembered": h.remembered.clone()})
    there.remembered[0, 0, N_GROUPS + 2] = 5  # the second lag's code of group 2
    with torch.no_grad():
        for layer in net.again:
            layer.bias.fill_(1.5)
        features, _ = net.trunk(h, net.start(1))
        drawn = torch.zeros(1, 1, 2, dtype=torch.long)
        more = (net.logits(2, features, there, drawn) - net.logits(2, features, absent, drawn))[0, 0]
    assert torch.allclose(more, torch.nn.functional.one_hot(torch.tensor(5), CONFIG.n_codes) * 1.5, atol=1e-5)


def test_bits_of_a_net_that_knows_nothing_are_those_of_an_even_draw(net):
    with torch.no_grad():
        for module in net.free:
            module.weight.zero_()
            module.bias.zero_()
        h = heard(1, 3)
        features, _ = net.trunk(h, net.start(1))
        nats = net.negative_log_likelihood(features, h, torch.zeros(1, 3, N_GROUPS, dtype=torch.long))
    assert np.allclose(nats / math.log(2), 3.0, atol=1e-4)
