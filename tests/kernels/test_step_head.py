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


def test_fused_loss_and_its_gradients_agree_with_automatic_differentiation():
    target = torch.randint(0, 256, (40,), generator=torch.Generator().manual_seed(1))
    fast = [torch.from_numpy(x).requires_grad_() for x in outputs()]
    slow = [torch.from_numpy(x).requires_grad_() for x in outputs(dtype=np.float64)]
    for x, y in zip(fast, slow, strict=True):  # the very same numbers
        y.data.copy_(x.data.double())
    one = head.negative_log_likelihood(*fast, torch.from_numpy(EDGES.astype(np.float32)), target)
    two = head.negative_log_likelihood(*slow, torch.from_numpy(EDGES.astype(np.float32)).double(), target)
    assert one.detach().numpy() == pytest.approx(two.detach().numpy(), rel=1e-3, abs=1e-3)
    one.mean().backward()
    two.mean().backward()
    for x, y in zip(fast, slow, strict=True):
        assert x.grad.numpy() == pytest.approx(y.grad.numpy(), abs=2e-3 * float(y.grad.abs().max()))


def draws(temperature, n=4000):
    free, weight, centre, scale = outputs(n=1)
    tail, p = np.empty(257, np.float32), np.empty(256, np.float32)
    edges = EDGES.astype(np.float32)
    uniforms = (np.arange(n) + 0.5) / n  # a grid instead of luck
    drawn = [
        step_head.draw(free[0], weight[0], centre[0], scale[0], edges, temperature, u, tail, p)[0] for u in uniforms
    ]
    expected = np.exp(step_head.log_p_plain(*[x[0] for x in outputs(n=1)], EDGES) / temperature)
    return np.bincount(drawn, minlength=256) / n, expected / expected.sum()


@pytest.mark.parametrize("temperature", [0.5, 0.98, 1.0, 2.0])
def test_frequencies_of_the_fused_draw_follow_p_to_the_one_over_t(temperature):
    frequency, expected = draws(temperature)
    assert frequency == pytest.approx(expected, abs=1.5 / 4000)


def test_the_entropy_told_is_that_of_the_distribution():
    free, weight, centre, scale = outputs(n=1)
    tail, p = np.empty(257, np.float32), np.empty(256, np.float32)
    args = (free[0], weight[0], centre[0], scale[0], EDGES.astype(np.float32))
    _, bits = step_head.draw(*args, 1.0, 0.5, tail, p)
    log_p = step_head.log_p_plain(*[x[0] for x in outputs(n=1)], EDGES)
    assert bits == pytest.approx(-(np.exp(log_p) * log_p).sum() / np.log(2), abs=1e-3)
    assert tail[:256] - np.logaddexp.reduce(tail[:256]) == pytest.approx(log_p, abs=1e-2)


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
