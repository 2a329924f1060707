"""What the generator is blamed for: spectra that differ, a low band that drifts, a critic that notices.

Spectral losses are taken on left, right, mid and side. The transform is
linear, so two transforms give all four. Magnitudes are scaled so that a
full-scale sine is 1. The same pictures are what a critic of pictures looks at:
they are made once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..dsp.mel import mel_filters
from .params import OUTPUT_RATE

FLOOR = 1e-6  #: -120 dB: just above the noise of 16 bit in one bin
MELS_PER_WINDOW = 20  #: a window of 2048 gets 100 bands, one of 512 gets 60
LOW_FLOOR = 1e-4


class Pictures(NamedTuple):
    """Log10 magnitudes at several resolutions, (4, B, frames, …) each: mid, side, left, right."""

    bins: list[Tensor]
    mels: list[Tensor]


class Lens(nn.Module):
    """Sound -> its pictures, one per window."""

    def __init__(self, windows: tuple[int, ...]) -> None:
        super().__init__()
        self.windows = windows
        for n_fft in windows:
            window = torch.hann_window(n_fft, dtype=torch.float64)
            self.register_buffer(f"window{n_fft}", (window * 2 / window.sum()).float(), persistent=False)
            n_mels = MELS_PER_WINDOW * max(1, int(np.log2(n_fft)) - 6)
            filters = mel_filters(OUTPUT_RATE, n_fft, n_mels)
            filters = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)  # means, not sums
            self.register_buffer(f"mel{n_fft}", torch.from_numpy(filters.T.copy()), persistent=False)

    def forward(self, mid_side: Tensor) -> Pictures:
        """Mid and side (B, 2, n) -> pictures."""
        magnitudes = [self._magnitudes(mid_side, n_fft) for n_fft in self.windows]
        mels = [m @ getattr(self, f"mel{n}") for m, n in zip(magnitudes, self.windows, strict=True)]
        return Pictures([torch.log10(m + FLOOR) for m in magnitudes], [torch.log10(m + FLOOR) for m in mels])

    def _magnitudes(self, mid_side: Tensor, n_fft: int) -> Tensor:
        """(B, 2, n) -> (4, B, frames, bins): mid, side, left, right."""
        window = getattr(self, f"window{n_fft}")
        frames = mid_side.unfold(-1, n_fft, n_fft // 4) * window
        parts = torch.view_as_real(torch.fft.rfft(frames))
        (mid_re, side_re), (mid_im, side_im) = parts[..., 0].unbind(1), parts[..., 1].unbind(1)
        real = torch.stack([mid_re, side_re, mid_re + side_re, mid_re - side_re])
        imaginary = torch.stack([mid_im, side_im, mid_im + side_im, mid_im - side_im])
        return torch.sqrt(real * real + imaginary * imaginary + 1e-16)


def spectral_loss(made: Pictures, wanted: Pictures) -> tuple[Tensor, Tensor]:
    """(mel, stft): mean distance of the pictures per mel band and per bin, over all resolutions."""

    def apart(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
        return torch.stack([(a - b).abs().mean() for a, b in zip(ours, theirs, strict=True)]).mean()

    return apart(made.mels, wanted.mels), apart(made.bins, wanted.bins)


def low_band_loss(mid: Tensor, clean: Tensor) -> Tensor:
    """How far the mid's low bins are from the clean input's, relative to how strong those are.

    mid : complex (B, T, bins_out); clean : complex (B, T, bins_in). The topmost
    tenth, where anti-alias filters differ, does not count.
    """
    n_bins = clean.shape[-1] * 9 // 10
    difference = (mid[..., :n_bins] - clean[..., :n_bins]).abs().mean(dim=(1, 2))
    return (difference / (clean[..., :n_bins].abs().mean(dim=(1, 2)) + LOW_FLOOR)).mean()


def critic_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Hinge: the discriminator is content once real scores above 1 and made below -1."""
    parts = [torch.relu(1 - r).mean() + torch.relu(1 + m).mean() for r, m in zip(real, made, strict=True)]
    return torch.stack(parts).mean()


def fooling_loss(made: list[Tensor]) -> Tensor:
    """Hinge, the generator's side."""
    return torch.stack([-m.mean() for m in made]).mean()


def feature_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Mean distance of the discriminator's inner features, each relative to its own size."""
    parts = [(r.detach() - m).abs().mean() / (r.detach().abs().mean() + 1e-6) for r, m in zip(real, made, strict=True)]
    return torch.stack(parts).mean()
