"""The head: fused loss and draw against NumPy, torch and the law of temperature."""

import numpy as np
import pytest
import torch

from neuralbum.dsp import front_end
from neuralbum.errors import ParameterError
from neuralbum.kernels import step_head
from neuralbum.skeleton import head

SINGLE = 2e-5
"""float32 sums of 256 terms with polynomial exp and log."""


def outputs(n=40, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    weight = rng.dirichlet([1, 1, 1], size=n)
    return [
        x.astype(dtype)
        for x in (rng.normal(size=(n, 256)), weight, rng.normal(size=(n, 3)) * 0.4, np.exp(rng.normal(size=(n, 3)) - 3))
    ]


EDGES = front_end.edges(256)


def test_torch_and_numpy_write_the_same_formula():
    tensors = [torch.from_numpy(x) for x in outputs(dtype=np.float64)]
    one = head.logits(*tensors, torch.from_numpy(EDGES)).log_softmax(-1).numpy()
    assert one == pytest.approx(step_head.log_p_plain(*outputs(dtype=np.float64), EDGES), abs=1e-10)


def test_masses_of_an_expert_sum_to_one():
    _, _, centre, scale = outputs(dtype=np.float64)
    assert step_head.masses_plain(centre, scale, EDGES).sum(-1) == pytest.approx(1.0, abs=1e-12)


def test_fused_loss_and_its_gradient_agree_with_automatic_differentiation():
    rng = np.random.default_rng(1)
    target = torch.from_numpy(rng.integers(0, 256, size=60))
    raw = torch.from_numpy(rng.normal(size=(60, 256 + 9))).float()
    raw[:, -3:] += 1.5  # no target on the floor, where float32 ends
    raw[:5, -3:] = 9.0  # beyond the range of scales
    features = rng.normal(size=(60, 5)) * 0.3
    edges = torch.from_numpy(EDGES).float()
    fast, slow = raw.clone().requires_grad_(), raw.double().requires_grad_()
    known = torch.from_numpy(features).float()
    one = head.negative_log_likelihood(fast, known, edges, target)
    two = head.negative_log_likelihood(slow, known.double(), edges.double(), target)
    assert one.detach().numpy() == pytest.approx(two.detach().numpy(), rel=1e-3, abs=1e-3)
    weights = torch.linspace(0.5, 2.0, 60)  # each row's own gradient arrives
    (one * weights).mean().backward()
    (two * weights.double()).mean().backward()
    for columns in (slice(0, 256), slice(256, 259), slice(259, 262), slice(262, 265)):
        got, expected = fast.grad[:, columns].numpy(), slow.grad[:, columns].numpy()
        assert got == pytest.approx(expected, abs=2e-3 * float(np.abs(expected).max()))


def draws(temperature, n=4000):
    free, weight, centre, scale = outputs(n=1)
    scores, p = np.empty(256, np.float32), np.empty(256 + 16, np.float32)
    edges = step_head.bordered(EDGES)
    uniforms = (np.arange(n) + 0.5) / n  # a grid instead of luck
    drawn = [
        step_head.draw(free[0], 0, 256, weight[0], centre[0], scale[0], edges, temperature, u, scores, p)[0]
        for u in uniforms
    ]
    expected = np.exp(step_head.log_p_plain(*[x[0] for x in outputs(n=1)], EDGES) / temperature)
    return np.bincount(drawn, minlength=256) / n, expected / expected.sum()


@pytest.mark.parametrize("temperature", [0.5, 0.98, 1.0, 2.0])
def test_frequencies_of_the_fused_draw_follow_p_to_the_one_over_t(temperature):
    frequency, expected = draws(temperature)
    assert frequency == pytest.approx(expected, abs=1.5 / 4000)


def test_the_entropy_told_is_that_of_the_distribution():
    free, weight, centre, scale = outputs(n=1)
    scores, p = np.empty(256, np.float32), np.empty(256 + 16, np.float32)
    args = (free[0], 0, 256, weight[0], centre[0], scale[0], step_head.bordered(EDGES))
    _, bits = step_head.draw(*args, 1.0, 0.5, scores, p)
    log_p = step_head.log_p_plain(*[x[0] for x in outputs(n=1)], EDGES)
    assert bits == pytest.approx(-(np.exp(log_p) * log_p).sum() / np.log(2), abs=1e-3)
    assert scores - np.logaddexp.reduce(scores) == pytest.approx(log_p, abs=1e-2)
    out = np.empty(256, np.float32)
    step_head.normalised(scores, 0, 256, out)
    assert out == pytest.approx(scores - np.logaddexp.reduce(scores), abs=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_of_the_plain_draw_follow_p_to_the_one_over_t(temperature):
    p, n = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64), 4000
    evenly = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    levels = head.draw(p.log().expand(n, -1), temperature=temperature, uniform=evenly)
    expected = p ** (1 / temperature) / (p ** (1 / temperature)).sum()
    assert torch.allclose(levels.bincount(minlength=4).double() / n, expected, atol=1.5 / n)


def test_temperature_zero_is_refused_with_its_value():
    with pytest.raises(ParameterError, match=r"temperature=0.0 must be > 0"):
        head.draw(torch.zeros(1, 2), temperature=0.0, uniform=torch.zeros(1))
