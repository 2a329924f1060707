"""The generator's promises: born an upsampler, aligned, compatible with mono."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch

from neuralbum.errors import ParameterError
from neuralbum.flesh.net import left_right, new_generator
from neuralbum.flesh.params import PRESETS, FleshParams, NetShape, aligned_hops, settle_preset
from neuralbum.flesh.spectrum import Analysis, Synthesis
from neuralbum.flesh.stream import stream_blocks

UPSAMPLER_DB = 45.0  # what zero-padding aligned spectra reaches on band-limited noise


def awake(net):
    """A net whose heads say something, as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net.open.fill_(1.0)
        with torch.no_grad():
            net.heads.weight.normal_(0, 0.1)
            net.heads.bias[net.sizes[0] : sum(net.sizes[:2])] += 6.0
    return net.eval()


def through(net, sound, **how):
    return np.concatenate(list(stream_blocks(net, [sound], **{"level": 0.0, **how})), axis=1)


def quiet_noise(n, seed=0, rate=16_000, cut_hz=6000):
    noise = np.random.default_rng(seed).standard_normal(n).astype(np.float32) * 0.1
    return soxr.resample(soxr.resample(noise, rate, 2 * cut_hz), 2 * cut_hz, rate).astype(np.float32)[:n]


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050])
def test_newly_born_it_is_an_upsampler(rate):
    sound = quiet_noise(rate, rate=rate, cut_hz=round(rate * 0.36))
    made = through(new_generator(NetShape(16, 1, rate), 0), sound)
    wanted = soxr.resample(sound, rate, 44_100, quality="VHQ")
    inner = slice(2000, -2000)
    error = made[0][inner] - wanted[: made.shape[1]][inner]
    assert 10 * np.log10(np.mean(wanted[inner] ** 2) / np.mean(error**2)) > UPSAMPLER_DB
    assert np.array_equal(made[0], made[1])


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000])
def test_hops_stand_in_the_exact_ratio_of_the_rates(rate):
    hop_in, hop_out = aligned_hops(rate)
    assert hop_in * 44_100 == hop_out * rate
    assert 0.004 < hop_out / 44_100 < 0.02


@pytest.mark.parametrize("rate", [44_100, 100, 15_999])
def test_rates_without_a_common_hop_are_refused(rate):
    with pytest.raises(ParameterError, match="Hz"):
        aligned_hops(rate)


def test_analysis_and_synthesis_undo_each_other():
    sound = torch.randn(2, 441 * 40, generator=torch.Generator().manual_seed(0))
    back = Synthesis(441, 4)(Analysis(441, 4)(sound))
    assert torch.allclose(back, sound[:, 3 * 441 : -3 * 441], atol=1e-5)


def test_a_full_scale_sine_has_magnitude_one_on_both_sides():
    for rate, hop in ((16_000, 160), (44_100, 441)):
        sine = torch.sin(2 * torch.pi * 1000 * torch.arange(hop * 20) / rate)
        assert float(Analysis(hop, 4)(sine[None]).abs()[0, 5, 40]) == pytest.approx(1.0, abs=1e-3)  # 40 * 25 Hz


def test_width_zero_is_exact_mono_and_the_down_mix_ignores_width():
    net = awake(new_generator(NetShape(16, 1), 0))
    sound = quiet_noise(16_000)
    mono, narrow, wide = (through(net, sound, width=w) for w in (0.0, 0.5, 2.0))
    assert np.array_equal(mono[0], mono[1])
    assert not np.allclose(wide[0], wide[1], atol=1e-3)
    assert np.allclose(narrow.mean(axis=0), mono[0], atol=1e-6)
    assert np.allclose(wide.mean(axis=0), mono[0], atol=1e-6)


def test_width_scales_the_side_alone():
    both = torch.randn(3, 2, 100, generator=torch.Generator().manual_seed(0))
    sides = [(x[:, 0] - x[:, 1]) / 2 for x in (left_right(both, 1.0), left_right(both, 2.0))]
    assert torch.allclose(sides[1], 2 * sides[0], atol=1e-6)


def test_weights_depend_on_the_seed_alone_and_the_world_keeps_its_dice():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    nets = [new_generator(NetShape(8, 1), 3) for _ in range(2)]
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(nets[0].heads.weight, nets[1].heads.weight)


def test_every_weight_that_matters_learns_within_two_steps():
    net = new_generator(NetShape(8, 1), 0)
    net.open.fill_(1.0)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-2)
    spectrum = torch.randn(1, 20, 321, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)) * 0.1
    for _ in range(2):
        spectra = net(spectrum, torch.full((1,), 0.5), torch.zeros(1, 20, 4))
        optimiser.zero_grad()
        (torch.log(spectra.mid.abs() + 1e-6).mean() + torch.log(spectra.side.abs() + 1e-6).mean()).backward()
        optimiser.step()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


def test_settings_override_the_preset():
    plan = settle_preset(FleshParams(preset="small", batch=2, crop_s=0.3, learning_rate=1e-4))
    assert (plan.batch, plan.crop_frames, plan.learning_rate) == (2, 30, 1e-4)
    assert plan.channels == PRESETS["small"].channels
    with pytest.raises(ParameterError, match="crop_s"):
        settle_preset(FleshParams(crop_s=0.01))


def test_parameters_are_counted_without_making_the_net():
    from neuralbum.flesh.estimate import parameters_of

    shape = NetShape(24, 2)
    assert parameters_of(shape) == sum(p.numel() for p in new_generator(shape, 0).parameters())
