"""What can be known of the GPU engine without a GPU: torch's "meta" device holds shapes and no numbers.

An operation there that mixes devices, or asks for a number, fails, as it would while a CUDA graph is captured.
"""

import dataclasses

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from neuralbum.kernels.step_forecast import N_FEATURES
from neuralbum.skeleton import head
from neuralbum.skeleton.engine_gpu import GraphEngine

from .makers import net

FROM_THE_HOST = {torch.tensor, torch.as_tensor, torch.from_numpy, torch.Tensor.new_tensor}
TO_THE_HOST = {torch.Tensor.cpu, torch.Tensor.item, torch.Tensor.tolist, torch.Tensor.numpy}


class NoHost(TorchFunctionMode):
    """Python numbers and lists become tensors on the host first; no graph can hold that."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        assert func not in FROM_THE_HOST | TO_THE_HOST, func
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            assert not any(isinstance(place, list) for place in places), f"a list as an index: {places}"
        return func(*args, **(kwargs or {}))


class OneDevice(TorchDispatchMode):
    """Every tensor that an operation takes or gives lies on the meta device."""

    def __init__(self):
        super().__init__()
        self.n = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        where = {leaf.device.type for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)}
        assert where <= {"meta"}, f"{func}: {where}"
        self.n += 1
        return out


@pytest.mark.parametrize("name", ["debug", "samplernn-debug"])
def test_a_hop_asks_nothing_of_the_host_so_that_it_can_be_captured(name):
    engine = GraphEngine(net(name), device="meta")
    memory = engine.begin(3)
    addresses = {field.name: id(getattr(memory, field.name)) for field in dataclasses.fields(memory)}
    with torch.no_grad():
        engine._hop(memory)  # what is brought to the device once is there now
        with NoHost(), OneDevice() as seen:
            engine._hop(memory)
    assert seen.n > engine.hop * 20
    assert addresses == {field.name: id(getattr(memory, field.name)) for field in dataclasses.fields(memory)}


@pytest.mark.parametrize(
    "asks", [lambda x: x.new_tensor([1.0]), lambda x: x[[0, 0]], lambda x: x + torch.ones(1), lambda x: x.sum().item()]
)
def test_the_imagined_device_notices_who_asks_the_host(asks):
    with pytest.raises((AssertionError, RuntimeError)), NoHost(), OneDevice():
        asks(torch.ones(2, device="meta"))


def test_quick_logits_are_those_of_the_plain_formula():
    made = net(shaken=0.3)
    rows = 400
    torch.manual_seed(0)
    features = torch.rand(rows, N_FEATURES) * 0.1 + 1e-3
    raw = torch.randn(rows, made.config.n_levels + 3 * head.N_EXPERTS)
    raw[:, -head.N_EXPERTS :] += 0.5  # as wide as misses of 0.05
    split = made.split(raw, features)
    plain = head.logits(*(part.double() for part in split), made.edges.double()).softmax(-1)
    quick = head.quick_logits(*split, made.edges).double().softmax(-1)
    assert float((plain - quick).abs().max()) < 3e-6
    likely = plain > 1e-4
    assert float((plain.log() - quick.log())[likely].abs().max()) < 5e-3


@pytest.mark.parametrize("name", ["debug", "samplernn-debug"])
def test_a_training_step_mixes_no_devices(name):
    made = net(name).to("meta")
    window, n_features = 4 * made.hop, N_FEATURES if made.uses_forecast else 0
    levels = torch.zeros(2, made.context + window, dtype=torch.int64, device="meta")
    features = torch.zeros(2, made.context + window, n_features, device="meta")
    frames = {"frames": torch.arange(4, device="meta")} if made.uses_forecast else {}
    learned = [parameter for parameter in made.parameters() if parameter.requires_grad]
    made.nll(levels, features, made.begin(2), **frames)  # what is brought to the device once is there now
    with OneDevice() as seen:
        nll, _ = made.nll(levels, features, made.begin(2), heard=levels, **frames)
        torch.autograd.grad(nll.mean(), learned)
    assert seen.n > 100
