"""Losses and critics: what they see, and that they can teach."""

from __future__ import annotations

import pytest
import torch

from neuralbum.flesh.discriminators import new_discriminator
from neuralbum.flesh.losses import SpectralLoss, critic_loss, feature_loss, fooling_loss, low_band_loss
from neuralbum.flesh.net import left_right, new_generator
from neuralbum.flesh.params import DiscriminatorShape, NetShape


def noise(*shape, seed=0, scale=0.1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def test_spectral_losses_are_zero_for_the_same_sound_and_count_a_side_that_is_missing():
    loss = SpectralLoss((512, 256))
    both = noise(2, 2, 8000)
    assert [float(x) for x in loss(both, both)] == [0.0, 0.0]
    flat = both.clone()
    flat[:, 1] = 0
    assert all(float(x) > 0.2 for x in loss(flat, both))


def test_ten_times_the_amplitude_is_a_distance_of_one():
    both = noise(1, 2, 8000, scale=0.01)
    mel, fine = SpectralLoss((512,))(both * 10, both)
    assert float(mel) == pytest.approx(1.0, abs=0.02)
    assert float(fine) == pytest.approx(1.0, abs=0.02)


def test_the_low_band_loss_is_zero_where_the_low_bins_agree_and_blind_above():
    clean = torch.complex(noise(1, 5, 321), noise(1, 5, 321, seed=1))
    mid = torch.zeros(1, 5, 883, dtype=torch.complex64)
    mid[..., :321] = clean
    mid[..., 400:] = 9.0
    assert float(low_band_loss(mid, clean)) == 0.0
    assert float(low_band_loss(mid * 0, clean)) == pytest.approx(1.0, abs=0.01)


def test_the_critic_learns_to_tell_then_the_generator_learns_to_fool_it():
    heard = noise(2, 15 * 160)
    real = left_right(noise(2, 2, 9 * 441, seed=2, scale=0.05))
    net = new_generator(NetShape(24, 1), 0)
    net.open.fill_(1.0)

    def made():
        return left_right(net.sound(net(net.analysis(heard), torch.zeros(2), torch.zeros(2, 12, 4))))

    critic = new_discriminator(DiscriminatorShape(4, (256,), (3,)), 0)
    teach = torch.optim.AdamW(critic.parameters(), lr=5e-3, betas=(0.8, 0.99))
    at_first = made().detach()
    told = []
    for _ in range(40):
        loss = critic_loss(critic(real, 3)[0], critic(at_first, 3)[0])
        teach.zero_grad()
        loss.backward()
        teach.step()
        told.append(float(loss.detach()))
    assert told[0] == pytest.approx(2.0, abs=0.2)
    assert told[-1] < 1.0

    learn = torch.optim.AdamW(net.parameters(), lr=3e-3, betas=(0.8, 0.99))
    fooled, alike = [], []
    with torch.no_grad():
        real_features = critic(real, 3)[1]
    for _ in range(25):
        scores, features = critic(made(), 3)
        near = feature_loss(real_features, features)
        learn.zero_grad()
        (fooling_loss(scores) + near).backward()
        learn.step()
        fooled.append(float(fooling_loss(scores).detach()))
        alike.append(float(near.detach()))
    assert fooled[-1] < fooled[0] - 0.5
    assert alike[-1] < 0.95 * alike[0]


def test_the_same_seed_makes_the_same_critic():
    shape = DiscriminatorShape(4, (256,))
    one, two = (new_discriminator(shape, 1)(noise(1, 2, 4000), 0)[0][0] for _ in range(2))
    assert torch.equal(one, two)
