"""The aligned spectra on both sides of the net.

The same windows in seconds at both rates: bin k is the same frequency, frame t
the same moment, and copying the input's bins into a taller spectrum *is*
upsampling. Spectra are scaled so that a full-scale sine is 1 on both sides.

Frames are counted without padding: T frames are made of exactly T + 3 hops of
sound, and T frames give T - 3 hops back, those which all windows cover. Who
wants edges pads with ``EDGE_HOPS`` hops of silence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Analysis(nn.Module):
    """Sound (B, (T + hops - 1) * hop) -> complex spectrum (B, T, n_bins)."""

    window: Tensor

    def __init__(self, hop: int, window_hops: int) -> None:
        super().__init__()
        self.hop, self.n_fft = hop, hop * window_hops
        window = torch.hann_window(self.n_fft, periodic=True, dtype=torch.float64)
        self.register_buffer("window", (window * 2 / window.sum()).float(), persistent=False)

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    def forward(self, sound: Tensor) -> Tensor:
        frames = sound.unfold(-1, self.n_fft, self.hop)  # (B, T, n_fft)
        return torch.fft.rfft(frames * self.window)


class Synthesis(nn.Module):
    """Complex spectrum (B, T, n_bins) -> sound (B, (T - edge) * hop), overlap-added."""

    window: Tensor

    def __init__(self, hop: int, window_hops: int) -> None:
        super().__init__()
        self.hop, self.window_hops, self.n_fft = hop, window_hops, hop * window_hops
        window = torch.hann_window(self.n_fft, periodic=True, dtype=torch.float64)
        overlap = (window**2).sum() / hop  # Hann squared adds up to a constant from 3 hops on
        self.register_buffer("window", (window * (window.sum() / 2) / overlap).float(), persistent=False)

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def edge_hops(self) -> int:
        """Hops at each end that not all windows cover."""
        return self.window_hops - 1

    def overlap_add(self, spectrum: Tensor) -> Tensor:
        """All of it, ends that are not fully covered included: (B, (T + edge) * hop)."""
        frames = torch.fft.irfft(spectrum, n=self.n_fft) * self.window  # (B, T, n_fft)
        batch, n_frames = frames.shape[:2]
        parts = frames.view(batch, n_frames, self.window_hops, self.hop)
        rows = frames.new_zeros(batch, n_frames + self.edge_hops, self.hop)
        for part in range(self.window_hops):
            rows[:, part : part + n_frames] += parts[:, :, part]
        return rows.flatten(1)

    def forward(self, spectrum: Tensor) -> Tensor:
        edge = self.edge_hops * self.hop
        whole = self.overlap_add(spectrum)
        return whole[:, edge : whole.shape[1] - edge]


def widen(spectrum: Tensor, n_bins: int) -> Tensor:
    """Copy the bins into a taller spectrum: plain upsampling."""
    return nn.functional.pad(torch.view_as_real(spectrum), (0, 0, 0, n_bins - spectrum.shape[-1])).contiguous()
