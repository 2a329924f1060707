"""What a GPU would do, as far as a CPU can show it: bfloat16 under autocast, and the compiled scan."""

import numpy as np
import pytest
import torch

from neuralbum.skeleton import songs
from neuralbum.skeleton.evaluate import anchor_of
from neuralbum.skeleton.recurrence import scan, scan_log_depth, use_scan
from neuralbum.skeleton.training import Habits, Trainer

from .makers import net, song

HALF_BITS = 0.02
"""Bits per sample that bfloat16 products may change of a loss: they keep 8 bits of their operands."""


def window_of(made):
    one = next(songs.windows_of(song(1.0), window=1024, context=made.context, n_levels=256, anchor=anchor_of(made)))
    return torch.from_numpy(one.levels), torch.from_numpy(one.features)


@pytest.mark.parametrize("name", ["debug", "samplernn-debug"])
def test_the_loss_in_bfloat16_is_the_loss_in_float32_within_its_rounding(name):
    made = net(name, shaken=0.05)
    levels, features = window_of(made)
    losses = []
    for enabled in (False, True):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            nll, ends = made.nll(levels, features, made.begin(1))
        losses.append(float(nll.mean()) / np.log(2.0))
        assert nll.dtype == torch.float32
        if made.uses_forecast:
            assert all(end.dtype == torch.float32 for end in ends.values())  # the recurrence stays exact
    assert losses[0] == pytest.approx(losses[1], abs=HALF_BITS)
    assert losses[0] != losses[1]  # it really was computed otherwise


def test_training_in_bfloat16_learns_as_much_as_in_float32():
    tunes, bits = [song(1.0, 0)], {}
    for precision in ("float32", "bfloat16"):
        trainer = Trainer(net(), tunes, Habits(batch=2, window=512, learning_rate=4e-3, precision=precision))
        bits[precision] = [trainer.advance(step / 10) for step in range(10)]
        assert all(p.dtype == torch.float32 for p in trainer.net.parameters())
    assert bits["bfloat16"] != bits["float32"]
    assert bits["bfloat16"] == pytest.approx(bits["float32"], abs=0.1)


def test_auto_is_float32_and_the_plain_scan_on_a_cpu():
    trainer = Trainer(net(), [song(1.0)], Habits(batch=1, window=256))
    assert not trainer.halved
    assert all(block.scan is scan for tier in trainer.net.tiers for block in tier.blocks)


def scanned(by):
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(2, 33, 8, generator=generator).requires_grad_()
    v, h0 = (torch.randn(shape, generator=generator).requires_grad_() for shape in ((2, 33, 8), (2, 8)))
    h = by(a, v, h0)
    (h**2).sum().backward()
    return [x.detach() for x in (h, a.grad, v.grad, h0.grad)]


def test_the_log_depth_scan_and_its_gradients_are_those_of_the_loop():
    for one, two in zip(scanned(scan_log_depth), scanned(scan), strict=True):
        assert torch.allclose(one, two, atol=1e-4)


def test_a_scan_that_cannot_be_compiled_says_so_and_goes_on_plain(monkeypatch):
    def no_compiler(function, **how):
        def fails(*tensors):
            raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

        return fails

    monkeypatch.setattr(torch, "compile", no_compiler)
    said = []
    habits = Habits(batch=1, window=256, compile_scan="on")
    trainer = Trainer(net(), [song(1.0)], habits, say=said.append)
    assert "C compiler" in said[0]
    assert "plain" in said[0]
    assert np.isfinite(trainer.advance(0.0))


def test_all_recurrences_of_a_net_take_the_scan_they_are_given():
    made, calls = net(shaken=0.05), []

    def counted(a, v, h0):
        calls.append(a.shape)
        return scan_log_depth(a, v, h0)

    levels, features = window_of(made)
    with torch.no_grad():
        plain, _ = made.nll(levels, features, made.begin(1))
        use_scan(made, counted)
        other, _ = made.nll(levels, features, made.begin(1))
    assert len(calls) == 2  # one for each tier's block
    assert torch.allclose(plain, other, atol=1e-4)
