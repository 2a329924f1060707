"""Peers at random initialisation, to their papers' sizes: HiFi-GAN and BigVGAN."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .excerpts import OUTPUT_RATE, SEED


class Snake(nn.Module):
    """Periodic activation between a 2x up- and a 2x down-sampling filter of 12 taps, as BigVGAN has it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))
        self.up = nn.ConvTranspose1d(channels, channels, 12, 2, padding=5, groups=channels)
        self.down = nn.Conv1d(channels, channels, 12, 2, padding=5, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(x)
        return self.down(x + torch.sin(self.alpha * x) ** 2 / self.alpha)


class Peer(nn.Module):
    """Transposed convolutions and multi-receptive-field residual blocks from mel frames to a mono waveform."""

    def __init__(self, ups: tuple[int, ...], activation: Callable[[int], nn.Module], channels: int = 512) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(128, channels, 7, padding=3)]
        for up in ups:
            layers += [activation(channels), nn.ConvTranspose1d(channels, channels // 2, 2 * up, up, padding=up // 2)]
            channels //= 2
            layers.append(Fields(channels, activation))
        layers += [activation(channels), nn.Conv1d(channels, 1, 7, padding=3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        return self.layers(mel)


class Fields(nn.Module):
    """Kernels of 3, 7 and 11, each thrice dilated by 1, 3, 5 and once not, residual, averaged."""

    def __init__(self, channels: int, activation: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(
                    activation(channels),
                    nn.Conv1d(channels, channels, k, dilation=d, padding=d * (k - 1) // 2),
                    activation(channels),
                    nn.Conv1d(channels, channels, k, padding=(k - 1) // 2),
                )
                for d in (1, 3, 5)
            )
            for k in (3, 7, 11)
        )

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for branch in self.branches:
            h = x
            for layer in branch:
                h = h + layer(h)
            outputs.append(h)
        return torch.stack(outputs).mean(0)


def hifi_gan_like() -> Peer:
    return Peer((8, 8, 4, 2), lambda _channels: nn.LeakyReLU(0.1))


def bigvgan_like() -> Peer:
    return Peer((8, 4, 2, 2, 2, 2), Snake)


@torch.inference_mode()
def peer_cost(peer: Peer, seconds: float) -> tuple[float, float]:
    """(CPU-s per second of mono, M parameters)."""
    peer.eval()
    mel = torch.randn(1, 128, round(seconds * OUTPUT_RATE / 512), generator=torch.Generator().manual_seed(SEED))
    n = peer(mel[..., :4]).shape[-1]  # warm-up, and a check of the hop
    if n != 4 * 512:
        raise SystemExit(f"a peer gave {n} samples for 4 frames")
    start = time.process_time()
    made = peer(mel)
    return (time.process_time() - start) / (made.shape[-1] / OUTPUT_RATE), sum(
        p.numel() for p in peer.parameters()
    ) / 1e6
