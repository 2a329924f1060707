"""What the flesh is trained on and blamed for; a training loop calls ``Examples`` and ``FleshLosses``, nothing else.

Frames that a skeleton draws are not those of a recording: they are noisier in the
directions in which frames vary, and a little blurred in time. So the flesh is
trained on frames degraded in the same way, and told how much.

Spectral losses compare log-magnitudes, per bin and per mel band, at several
resolutions, of mid, side, left and right. Critics look at the log-mel pictures of
the same transforms; they come late and weigh little, because in minutes on a CPU
eager ones win and the sound gets worse.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ..audio.mel import mel_filters
from ..errors import ParameterError
from .flesh import Flesh
from .griffin_lim import COLUMNS, Array, Pair, PlainRenderer, mid_side

CROP, LEAD, EDGE = 56, 12, 4
"""Frames of an example; of its neighbourhood on either side, for the plain renderer; of it that count for nothing."""
BATCH = 6
NOISE_SHARE, BLUR_SHARE = 0.5, 0.8
"""Of the deviation of a principal component, and of a three-frame average, at degradation 1."""
CLEAN_SHARE = 0.25
"""Examples whose frames are left as they are."""
WINDOWS = {2048: 100, 512: 60, 256: 40}
"""Lengths of the transforms, samples, and their mel bands."""
FLOOR = 1e-5
"""-100 dB of a full-scale sine."""
MEL_WEIGHT, BIN_WEIGHT, LEVEL_WEIGHT, FEATURE_WEIGHT = 1.0, 1.0, 0.5, 1.0
SLOPE = 0.2
CRITIC_WIDTHS = (4, 12, 24, 24)
CRITIC_STRIDES = ((1, 2), (2, 2), (2, 2))
PICTURE_CENTRE, PICTURE_SPREAD = 3.0, 1.5
"""What brings log10 magnitudes of music to about -1 … 1."""


class Batch(NamedTuple):
    """Examples: the plain renderer's spectra of degraded frames, and the sound that was wanted."""

    spectra: Tensor
    """complex (B, 2, n_columns, n_bins)"""
    frames: Tensor
    """(B, n_columns, size), degraded, one for each column"""
    degradation: Tensor
    """(B,)"""
    sound: Tensor
    """(B, 2, n): mid and side of the recording"""


class Examples:
    """Random crops of recordings with degraded frames."""

    def __init__(self, pairs: Sequence[Pair], plain: PlainRenderer, *, batch: int = BATCH, crop: int = CROP) -> None:
        """
        Parameters
        ----------
        pairs : frames and the audio they were measured on
        plain : fitted on this band
        batch, crop : examples of a batch, frames of an example

        Raises
        ------
        ParameterError
            No recording is long enough for a crop.
        """
        self.plain, self.batch, self.crop = plain, batch, crop
        self.length = crop + 2 * LEAD
        hop = plain.spec.hop_length
        self.pairs = [(f, a) for f, a in pairs if min(len(f), a.shape[1] // hop) > self.length]
        if not self.pairs:
            raise ParameterError(f"no recording is longer than {self.length} frames: nothing to train a flesh on")
        self.places = np.array([min(len(f), a.shape[1] // hop) - self.length for f, a in self.pairs])
        covariance = sum(np.cov(f, rowvar=False) * len(f) for f, _ in self.pairs) / sum(len(f) for f, _ in self.pairs)
        variances, axes = np.linalg.eigh(covariance)
        self.axes = (axes * np.sqrt(np.maximum(variances, 0.0))).astype(np.float32)  # (size, component)

    def degraded(self, frames: Array, degradation: float, rng: np.random.Generator) -> Array:
        """Frames as if a skeleton had drawn them: noise along the principal components, blur over time."""
        around = np.pad(frames, ((1, 1), (0, 0)), mode="edge")
        average = (around[:-2] + around[1:-1] + around[2:]) / np.float32(3.0)
        blurred = frames + np.float32(BLUR_SHARE * degradation * rng.random()) * (average - frames)
        noise = rng.standard_normal((len(frames), self.axes.shape[1]), dtype=np.float32) @ self.axes.T
        return np.asarray(blurred + np.float32(NOISE_SHARE * degradation) * noise, dtype=np.float32)

    def make_batch(self, rng: np.random.Generator) -> Batch:
        """Draw a batch."""
        rows = [self._example(rng) for _ in range(self.batch)]
        return Batch(*(torch.stack(parts) for parts in zip(*rows, strict=True)))

    def _example(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        which = int(rng.choice(len(self.pairs), p=self.places / self.places.sum()))
        frames, audio = self.pairs[which]
        start = int(rng.integers(self.places[which]))
        degradation = 0.0 if rng.random() < CLEAN_SHARE else float(rng.random())
        drawn = self.degraded(frames[start : start + self.length], degradation, rng)
        spectra = torch.cat(list(self.plain.blocks(drawn, seed=int(rng.integers(2**31)))), dim=1)
        columns = slice(LEAD * COLUMNS, (LEAD + self.crop) * COLUMNS + 1)
        rows = torch.from_numpy(drawn).repeat_interleave(COLUMNS, dim=0)[columns]
        hop, first = self.plain.spec.hop_length, start + LEAD
        sound = mid_side(audio[:, first * hop : (first + self.crop) * hop])
        return spectra[:, columns], rows, torch.tensor(degradation), sound


class Pictures(NamedTuple):
    """Log10 magnitudes at several resolutions, (4, B, frames, …) each: mid, side, left, right."""

    bins: list[Tensor]
    mels: list[Tensor]


class Lens(nn.Module):
    """Sound -> its pictures, one per window; magnitudes are scaled so that a full-scale sine is 1."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        for n_fft, n_mels in WINDOWS.items():
            window = torch.hann_window(n_fft, dtype=torch.float64)
            self.register_buffer(f"window{n_fft}", (window * 2 / window.sum()).float(), persistent=False)
            filters = mel_filters(sample_rate, n_fft, n_mels)
            filters = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)  # means, not sums
            self.register_buffer(f"mel{n_fft}", torch.from_numpy(filters.T.copy()), persistent=False)

    def forward(self, sound: Tensor) -> Pictures:
        """Mid and side (B, 2, n) -> pictures."""
        magnitudes = [self._magnitudes(sound, n_fft) for n_fft in WINDOWS]
        mels = [m @ getattr(self, f"mel{n}") for m, n in zip(magnitudes, WINDOWS, strict=True)]
        return Pictures([torch.log10(m + FLOOR) for m in magnitudes], [torch.log10(m + FLOOR) for m in mels])

    def _magnitudes(self, sound: Tensor, n_fft: int) -> Tensor:
        """(B, 2, n) -> (4, B, frames, bins): the transform is linear, two of them give all four."""
        frames = sound.unfold(-1, n_fft, n_fft // 4) * getattr(self, f"window{n_fft}")
        mid, side = torch.fft.rfft(frames).unbind(1)
        parts = torch.stack([mid, side, mid + side, mid - side])
        return torch.sqrt(parts.real.square() + parts.imag.square() + 1e-14)


class Critic(nn.Module):
    """Is the log-mel picture of mid, side, left and right a recording's?"""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for (a, b), stride in zip(itertools.pairwise(CRITIC_WIDTHS), CRITIC_STRIDES, strict=True):
            self.layers.append(_lively(nn.Conv2d(a, b, (3, 5), stride=stride, padding=(1, 2))))
        self.judge = _lively(nn.Conv2d(CRITIC_WIDTHS[-1], 1, 3, padding=1))

    def forward(self, picture: Tensor) -> list[Tensor]:  # (4, B, T, n_mels)
        """Inner features, the scores last."""
        x = (picture.transpose(0, 1) + PICTURE_CENTRE) / PICTURE_SPREAD
        x = x.contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return [*features, self.judge(x)]


def _lively(layer: nn.Conv2d) -> nn.Module:
    """Born so that signals keep their size from layer to layer (He et al., 2015): there are few steps to learn in."""
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    return weight_norm(layer)


class FleshLosses(nn.Module):
    """The flesh, its critics, and what both are blamed for."""

    def __init__(self, flesh: Flesh, seed: int) -> None:
        super().__init__()
        self.flesh = flesh
        self.lens = Lens(flesh.plain.spec.sample_rate)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critics = nn.ModuleList([Critic() for _ in WINDOWS])

    def loss(self, batch: Batch, critic_weight: float = 0.0) -> dict[str, Tensor]:
        """Everything that a batch is blamed for.

        ``critic_weight`` 0 leaves the critics out; above 0, the flesh pays so much for
        not fooling them, and they learn from the same backward pass. Each part of
        ``total`` reaches only its own weights, so one optimiser may hold both.

        Returns
        -------
        mel, bins, level : log10 units (0.1 is 2 dB)
        fooling, features, critic : only with critics
        total : what to call ``backward`` on
        """
        grid, hop = self.flesh.plain.grid, self.flesh.plain.spec.hop_length
        sound = grid.sound(self.flesh(batch.spectra, batch.frames, batch.degradation))
        inner = slice(EDGE * hop, -EDGE * hop)  # beyond, columns or neighbours are missing
        made, wanted = self.lens(sound[..., inner]), self.lens(batch.sound[..., inner])
        parts = {
            "mel": _apart(made.mels, wanted.mels),
            "bins": _apart(made.bins, wanted.bins),
            "level": _apart([_levels(mel) for mel in made.mels], [_levels(mel) for mel in wanted.mels]),
        }
        total = MEL_WEIGHT * parts["mel"] + BIN_WEIGHT * parts["bins"] + LEVEL_WEIGHT * parts["level"]
        if critic_weight > 0.0:
            parts |= self._criticism(made.mels, wanted.mels)
            total = total + critic_weight * (parts["fooling"] + FEATURE_WEIGHT * parts["features"]) + parts["critic"]
        return {**{name: value.detach() for name, value in parts.items()}, "total": total}

    def _criticism(self, made: list[Tensor], wanted: list[Tensor]) -> dict[str, Tensor]:
        """Hinge losses of both sides, and how far the critics' features of made and wanted pictures are apart."""
        fooling, features, critic = [], [], []
        for judge, ours, theirs in zip(self.critics, made, wanted, strict=True):
            real = judge(theirs)
            fake = judge(ours.detach())
            critic.append(torch.relu(1.0 - real[-1]).mean() + torch.relu(1.0 + fake[-1]).mean())
            judge.requires_grad_(False)  # what the flesh is blamed for must not teach the critic
            seen = judge(ours)
            judge.requires_grad_(True)
            fooling.append(-seen[-1].mean())
            pairs = [(r.detach(), s) for r, s in zip(real[:-1], seen[:-1], strict=True)]
            features += [(r - s).abs().mean() / (r.abs().mean() + 1e-6) for r, s in pairs]
        means = (torch.stack(x).mean() for x in (fooling, features, critic))
        return dict(zip(("fooling", "features", "critic"), means, strict=True))


def _apart(made: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Mean distance over all resolutions."""
    return torch.stack([(a - b).abs().mean() for a, b in zip(made, wanted, strict=True)]).mean()


def _levels(mel: Tensor) -> Tensor:
    """(4, B, T, n_mels) log10 magnitudes -> (4, B, n_mels): of their mean power over time."""
    return 0.5 * torch.log10((10.0 ** (2.0 * mel)).mean(2))
