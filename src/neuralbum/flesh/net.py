"""The generator: a ConvNeXt over aligned spectra, from a skeleton's mono to full-band stereo.

    16 kHz mono -> spectrum -> [log-magnitude, cos, sin, noise] + noise level
      -> convolution -> ConvNeXt blocks -> heads
           gate   on each input bin (takes noise away)
           mid    log-magnitude and phase, added to the gated input
           side   log-magnitude and phase: width, and nothing else
      -> spectra -> 44.1 kHz mid and side -> left = mid + side, right = mid - side

Down-mix compatible: left + right never depends on the side. Frames see each
other only through finite convolutions and every norm is per frame, so sound
can be fleshed in blocks (``stream``). Newly born, gates are 1 and additions
exactly 0: an upsampler. After Vocos (ConvNeXt with an inverse-STFT head) and
AP-BWE (the narrow spectrum carried around the net), written anew.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .params import NetShape
from .spectrum import Analysis, Synthesis, widen

FLOOR = 1e-5  #: magnitudes below (-100 dB) look alike to the net
FIRST_LOG = -11.5  #: additions start at this log-magnitude, -100 dB
LAST_LOG = 2.0  #: and stay below this one, +17 dB
EXPANSION = 3
LEVEL_WIDTH = 32


class Spectra(NamedTuple):
    """Complex spectra (B, T, n_bins) at the output rate."""

    mid: Tensor
    side: Tensor


class Block(nn.Module):
    """ConvNeXt in time: depthwise convolution over 7 frames, then a per-frame network."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, EXPANSION * channels)
        self.contract = nn.Linear(EXPANSION * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        h = self.mix(x.transpose(1, 2)).transpose(1, 2)
        h = self.contract(nn.functional.gelu(self.expand(self.norm(h))))
        return x + self.scale * h


class Generator(nn.Module):
    """See the module's head; shapes and rates are in ``NetShape``."""

    open: Tensor

    def __init__(self, shape: NetShape) -> None:
        super().__init__()
        self.shape = shape
        hop_in, hop_out = shape.hops
        self.analysis = Analysis(hop_in, shape.window_hops)
        self.synthesis = Synthesis(hop_out, shape.window_hops)
        bins_in, bins_out, width = self.analysis.n_bins, self.synthesis.n_bins, shape.channels
        self.enter = nn.Conv1d(3 * bins_in + shape.noise, width, 7, padding=3)
        self.level = nn.Sequential(nn.Linear(1, LEVEL_WIDTH), nn.SiLU(), nn.Linear(LEVEL_WIDTH, width))
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(width, 1.0 / shape.blocks) for _ in range(shape.blocks)])
        self.norm_out = nn.LayerNorm(width)
        self.sizes = [bins_in, 2 * bins_out, 4 * bins_out]  # gate, log-magnitudes, phase vectors
        self.heads = nn.Linear(width, sum(self.sizes))
        self.register_buffer("open", torch.zeros(()))  # 0: born an upsampler; training sets it to 1
        with torch.no_grad():
            amplitudes = sum(self.sizes[:2])
            self.heads.weight[:amplitudes] = 0.0
            self.heads.bias.zero_()

    def forward(self, spectrum: Tensor, level: Tensor, noise: Tensor) -> Spectra:
        """Make the output's spectra.

        Parameters
        ----------
        spectrum : complex (B, T, bins_in)
        level : (B,) in [0, 1]
            How noisy the input is said to be.
        noise : (B, T, shape.noise), standard normal
        """
        magnitude = spectrum.abs()
        log = (torch.log(magnitude + FLOOR) + 6.0) / 3.0
        unit = torch.view_as_real(spectrum / (magnitude + FLOOR))
        x = torch.cat([log, unit[..., 0], unit[..., 1], noise], dim=-1)
        x = self.enter(x.transpose(1, 2)).transpose(1, 2) + self.level(level[:, None])[:, None]
        x = self.norm_in(x)
        for block in self.blocks:
            x = block(x)
        gate, logs, phases = self.heads(self.norm_out(x)).split(self.sizes, dim=-1)

        gated = spectrum * (1.0 + self.open * (2.0 * torch.sigmoid(gate) - 1.0))
        size = self.open * torch.exp((logs + FIRST_LOG).clamp(max=LAST_LOG))  # (B, T, 2 bins_out)
        vector = phases.unflatten(-1, (2, -1))  # (B, T, 2, 2 bins_out): cosine and sine, not yet of length 1
        length = torch.sqrt(vector[:, :, 0] ** 2 + vector[:, :, 1] ** 2 + 1e-6)
        made = vector * (size / length)[:, :, None]
        mid, side = made.unflatten(-1, (2, -1)).unbind(3)  # each (B, T, 2, bins_out)
        n_bins = self.synthesis.n_bins
        mid = torch.view_as_complex(mid.transpose(2, 3).contiguous() + widen(gated, n_bins))
        return Spectra(mid, torch.view_as_complex(side.transpose(2, 3).contiguous()))

    def sound(self, spectra: Spectra) -> Tensor:
        """Mid and side as sound, (B, 2, (T - edge) * hop_out)."""
        return torch.stack([self.synthesis(spectra.mid), self.synthesis(spectra.side)], dim=1)


def left_right(mid_side: Tensor, width: float = 1.0) -> Tensor:
    """(…, 2, n) mid and side -> left and right; ``width`` 0 makes both exactly the mid."""
    mid, side = mid_side.unbind(-2)
    return torch.stack([mid + width * side, mid - width * side], dim=-2)


def new_generator(shape: NetShape, seed: int) -> Generator:
    """A newly born generator whose weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(shape)
