"""Losses and critics: what they see, and that they can teach."""

from __future__ import annotations

import math

import pytest
import torch

from neuralbum.flesh.discriminators import new_discriminator
from neuralbum.flesh.losses import Lens, critic_loss, feature_loss, fooling_loss, low_band_loss, spectral_loss
from neuralbum.flesh.net import left_right, new_generator
from neuralbum.flesh.params import DiscriminatorShape, NetShape


def noise(*shape, seed=0, scale=0.1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def test_spectral_losses_are_zero_for_the_same_sound_and_count_a_side_that_is_missing():
    lens = Lens((512, 256))
    both = noise(2, 2, 8000)
    assert [float(x) for x in spectral_loss(lens(both), lens(both))] == [0.0, 0.0]
    flat = both.clone()
    flat[:, 1] = 0
    assert all(float(x) > 0.2 for x in spectral_loss(lens(flat), lens(both)))


def test_ten_times_the_amplitude_is_a_distance_of_one():
    both = noise(1, 2, 8000, scale=0.01)
    lens = Lens((512,))
    mel, fine = spectral_loss(lens(both * 10), lens(both))
    assert float(mel) == pytest.approx(1.0, abs=0.02)
    assert float(fine) == pytest.approx(1.0, abs=0.02)


def test_the_low_band_loss_is_zero_where_the_low_bins_agree_and_blind_above():
    clean = torch.complex(noise(1, 5, 321), noise(1, 5, 321, seed=1))
    mid = torch.zeros(1, 5, 883, dtype=torch.complex64)
    mid[..., :321] = clean
    mid[..., 400:] = 9.0
    assert float(low_band_loss(mid, clean)) == 0.0
    assert float(low_band_loss(mid * 0, clean)) == pytest.approx(1.0, abs=0.01)


def test_pictures_are_of_mid_side_left_and_right():
    both = noise(1, 2, 4000, scale=1000.0)  # far above the floor under the magnitudes
    swapped = torch.stack([left_right(both)[:, 0], left_right(both)[:, 1]], dim=1) / 2  # L/2 and R/2 as mid and side
    mid, side, left, right = Lens((512,))(both).bins[0]
    other_mid, other_side, other_left, other_right = Lens((512,))(swapped).bins[0]
    for one, other in ((left - math.log10(2), other_mid), (right - math.log10(2), other_side)):
        assert torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(mid, other_left, atol=1e-3)
    assert torch.allclose(side, other_right, atol=1e-3)


@pytest.mark.parametrize("shape", [DiscriminatorShape(4, (256,), (3,)), DiscriminatorShape(4, (), looks=6)])
def test_the_critic_learns_to_tell_then_the_generator_learns_to_fool_it(shape):
    heard = noise(2, 15 * 160)
    real = noise(2, 2, 9 * 441, seed=2, scale=0.05)
    net, lens = new_generator(NetShape(24, 1), 0), Lens((512, 256))
    net.open.fill_(1.0)
    critic = new_discriminator(shape, 2, 0)

    def opinion(both):
        return critic(left_right(both), lens(both).mels, 3)

    def made():
        return net.sound(net(net.analysis(heard), torch.zeros(2), torch.zeros(2, 12, 4)))

    teach = torch.optim.AdamW(critic.parameters(), lr=5e-3, betas=(0.8, 0.99))
    at_first = made().detach()
    told = []
    for _ in range(40):
        loss = critic_loss(opinion(real)[0], opinion(at_first)[0])
        teach.zero_grad()
        loss.backward()
        teach.step()
        told.append(float(loss.detach()))
    assert told[0] == pytest.approx(2.0, abs=0.3)
    assert told[-1] < 1.0

    learn = torch.optim.AdamW(net.parameters(), lr=3e-3, betas=(0.8, 0.99))
    fooled, alike = [], []
    with torch.no_grad():
        real_features = opinion(real)[1]
    for _ in range(25):
        scores, features = opinion(made())
        near = feature_loss(real_features, features)
        learn.zero_grad()
        (fooling_loss(scores) + near).backward()
        learn.step()
        fooled.append(float(fooling_loss(scores).detach()))
        alike.append(float(near.detach()))
    assert fooled[-1] < fooled[0] - 0.5
    assert alike[-1] < 0.95 * alike[0]


def test_the_same_seed_makes_the_same_critic():
    shape, sound, lens = DiscriminatorShape(4, (256,), looks=4), noise(1, 2, 4000), Lens((256,))
    one, two = (new_discriminator(shape, 1, 1)(sound, lens(sound).mels, 0)[0] for _ in range(2))
    assert len(one) == 2
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
