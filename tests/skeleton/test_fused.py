"""The kernels of the gated blocks against the same formulas in torch operations."""

import pytest
import torch

from neuralbum.skeleton import fused
from neuralbum.skeleton.recurrence import GatedMlp, RecurrentBlock

ROUNDING = 2e-4  #: relative to the largest: sums over all steps in float32


def outcome(block, x, *state):
    """Outputs and all gradients of a block under a fixed random loss."""
    x = x.clone().requires_grad_()
    state = [s.clone().requires_grad_() for s in state]
    outputs = block(x, *state)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    dice = torch.Generator().manual_seed(5)
    loss = sum((out * torch.randn(out.shape, generator=dice).to(out.dtype)).sum() for out in outputs)
    return [*outputs, *torch.autograd.grad(loss, [x, *state, *block.parameters()])]


@pytest.mark.parametrize("kind", ["recurrence", "mlp"])
def test_kernels_and_torch_give_the_same_values_and_gradients(kind):
    torch.manual_seed(0)
    block = RecurrentBlock(64, 0.0) if kind == "recurrence" else GatedMlp(64, 48, 0.0)
    x, state = torch.randn(3, 40, 64), torch.randn(3, 64)
    given = (x, state) if kind == "recurrence" else (x,)
    assert fused.fits(x, 64)
    fast = outcome(block, *given)
    assert not fused.fits(x.double(), 64)
    exact = outcome(block.double(), *(one.double() for one in given))
    for one, other in zip(fast, exact, strict=True):
        assert torch.allclose(one.double(), other, atol=ROUNDING * float(other.detach().abs().max()), rtol=0)
