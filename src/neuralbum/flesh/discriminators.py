"""The critics: what is real stereo, and what was made?

Three kinds, each where it pays. On a CPU: the log-mel pictures of mid, side,
left and right that the spectral losses have made anyway; such a critic adds a
fifth to a step of `small` (one of two complex STFTs: one and a half). On a GPU:
a complex STFT at several scales on left and right together (after EnCodec), and
the waveform folded at prime periods (after HiFi-GAN), which on one core would
cost 60 times what the generator does. Written anew.

In those of STFTs every layer halves the frequencies, the first one too, and
channels lie together in memory: 5 times cheaper on a core than EnCodec's order.
Magnitudes are compressed, because the band above 8 kHz is 40 dB below the bass
and would otherwise go unheard.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from .params import DiscriminatorShape

COMPRESSION = 0.3  #: magnitudes are raised to this power
QUIET = 1e-3  #: the magnitude that becomes 1
SLOPE = 0.2
DILATIONS = (1, 2, 4)
LOOK_STRIDES = ((1, 2), (2, 2), (2, 2))  #: in time and frequency
LOOK_CENTRE, LOOK_SPREAD = 3.0, 1.5  #: what brings log10 magnitudes of music to about -1 … 1
PERIOD_WIDTHS = (1, 4, 16, 32)  #: of the layers, in units of the shape's filters

Opinion = tuple[list[Tensor], list[Tensor]]  #: scores, inner features


class Scale(nn.Module):
    """A convolutional critic on one complex STFT of left and right."""

    window: Tensor

    def __init__(self, n_fft: int, filters: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        window = torch.hann_window(n_fft, dtype=torch.float64)
        self.register_buffer("window", (window * 2 / window.sum()).float(), persistent=False)
        self.layers = nn.ModuleList()
        for width, dilation in zip((4, filters, filters), DILATIONS, strict=True):
            layer = nn.Conv2d(width, filters, (3, 9), stride=(1, 2), dilation=(dilation, 1), padding=(dilation, 4))
            self.layers.append(weight_norm(layer))
        self.layers.append(weight_norm(nn.Conv2d(filters, filters, 3, padding=1)))
        self.judge = weight_norm(nn.Conv2d(filters, 1, 3, padding=1))

    def forward(self, sound: Tensor) -> tuple[Tensor, list[Tensor]]:  # (B, 2, n)
        frames = sound.unfold(-1, self.n_fft, self.n_fft // 4) * self.window
        spectrum = torch.view_as_real(torch.fft.rfft(frames))  # (B, 2, T, F, 2)
        magnitude = torch.sqrt((spectrum**2).sum(-1, keepdim=True) + 1e-12)
        x = (spectrum / QUIET) * (magnitude / QUIET) ** (COMPRESSION - 1)
        x = x.permute(0, 1, 4, 2, 3).flatten(1, 2).contiguous(memory_format=torch.channels_last)  # (B, 4, T, F)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.judge(x), features


def _lively(layer: nn.Conv2d) -> nn.Module:
    """Born so that signals keep their size from layer to layer (He et al., 2015): there are few steps to learn in."""
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    return weight_norm(layer)


class Look(nn.Module):
    """A convolutional critic on the log-mel pictures of mid, side, left and right that the losses have made."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        widths = (4, filters, 2 * filters, 2 * filters)
        self.layers = nn.ModuleList()
        for (a, b), stride in zip(itertools.pairwise(widths), LOOK_STRIDES, strict=True):
            self.layers.append(_lively(nn.Conv2d(a, b, (3, 5), stride=stride, padding=(1, 2))))
        self.layers.append(_lively(nn.Conv2d(widths[-1], widths[-1], 3, padding=1)))
        self.judge = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:  # (4, B, T, n_mels)
        x = (picture.transpose(0, 1) + LOOK_CENTRE) / LOOK_SPREAD
        x = x.contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.judge(x), features


class Period(nn.Module):
    """A convolutional critic on one channel folded at ``period`` samples."""

    def __init__(self, period: int, filters: int) -> None:
        super().__init__()
        self.period = period
        widths = (1, *(filters * times for times in PERIOD_WIDTHS))
        self.layers = nn.ModuleList(
            [weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0))) for a, b in itertools.pairwise(widths)]
        )
        self.judge = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, sound: Tensor) -> tuple[Tensor, list[Tensor]]:  # (B, n)
        n = sound.shape[-1] // self.period * self.period
        x = sound[:, None, :n].unflatten(-1, (-1, self.period))
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.judge(x), features


class Discriminator(nn.Module):
    """All critics together."""

    def __init__(self, shape: DiscriminatorShape, n_pictures: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList([Scale(n_fft, shape.filters) for n_fft in shape.windows])
        self.periods = nn.ModuleList([Period(p, shape.filters) for p in shape.periods])
        self.looks = nn.ModuleList([Look(shape.looks) for _ in range(n_pictures if shape.looks else 0)])

    def forward(self, left_right: Tensor, mels: Sequence[Tensor], channel: int) -> Opinion:
        """Scores and features of stereo (B, 2, n) and its log-mel pictures.

        ``channel`` 0..3 says which of L, R, M, S the periods hear.
        """
        opinions = [scale(left_right) for scale in self.scales]
        opinions += [look(mel) for look, mel in zip(self.looks, mels, strict=False)]
        if len(self.periods):
            left, right = left_right.unbind(1)
            heard = (left, right, (left + right) / 2, (left - right) / 2)[channel]
            opinions += [period(heard) for period in self.periods]
        return [score for score, _ in opinions], [f for _, features in opinions for f in features]


def new_discriminator(shape: DiscriminatorShape, n_pictures: int, seed: int) -> Discriminator:
    """A discriminator whose weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Discriminator(shape, n_pictures)
