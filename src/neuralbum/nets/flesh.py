"""The flesh: a small net that corrects what the plain renderer makes.

    frames, how degraded they are, and the plain renderer's spectra
      -> ConvNeXt over columns
      -> for mid and side: a gain and a turn of the phase in each bin

Newly born it changes nothing, so training starts at a sound that is right in level,
width and most phases, and can only be spent on what is not: hits that the rounds of
Griffin-Lim smeared, harmonics between the bands, textures. Mono stays mono, and
left + right never depends on the side. Columns see a bounded neighbourhood and
every norm is per column, so a take is fleshed in blocks.

After Vocos (ConvNeXt with an inverse-STFT head) and MusicHiFi (the side apart),
written anew. Pure: tensors in, tensors out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from .griffin_lim import BLOCK, COLUMNS, Array, OverlapAdd, PlainRenderer, left_right

CHANNELS, BLOCKS, EXPANSION, KERNEL = 192, 4, 3, 7
LARGEST_LOG_GAIN = 2.5
"""Corrections stay within 22 dB."""
LOG_CENTRE, LOG_SPREAD, LOG_FLOOR = -3.0, 3.0, 1e-5
"""What brings log-magnitudes of music to about -1 … 1."""
PHASES_BELOW_HZ = 8000.0
"""Above, phases are texture: how they run is not looked at."""
TINY = 1e-9


class Block(nn.Module):
    """ConvNeXt in time: a depthwise convolution, then a net for each column."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, EXPANSION * channels)
        self.contract = nn.Linear(EXPANSION * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        mixed = self.mix(x.transpose(1, 2)).transpose(1, 2)
        return x + self.scale * self.contract(nn.functional.gelu(self.expand(self.norm(mixed))))


class Flesh(nn.Module):
    """Corrects the spectra of a ``PlainRenderer``, which is part of it but not trained."""

    def __init__(self, plain: PlainRenderer, *, channels: int = CHANNELS, n_blocks: int = BLOCKS) -> None:
        super().__init__()
        self.plain = plain
        grid, spec = plain.grid, plain.spec
        self.n_bins = int(spec.edges[-1] * grid.n_fft / spec.sample_rate)  # of the others frames tell nothing
        self.n_phases = int(PHASES_BELOW_HZ * grid.n_fft / spec.sample_rate)
        self.look = nn.Linear(2 * self.n_bins + 4 * self.n_phases, channels)
        self.read = nn.Linear(spec.size + 1, channels)
        self.norm_in = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList([Block(channels, 1.0 / n_blocks) for _ in range(n_blocks)])
        self.norm_out = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 6 * self.n_bins)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        shift = torch.arange(grid.n_bins) * (2.0 * torch.pi * grid.hop / grid.n_fft)
        self.register_buffer("advance", torch.polar(torch.ones_like(shift), -shift), persistent=False)

    advance: Tensor

    @property
    def reach(self) -> int:
        """Columns before and after that a column depends on."""
        return len(self.blocks) * (KERNEL // 2) + 1

    def forward(self, spectra: Tensor, frames: Tensor, degradation: Tensor) -> Tensor:
        """Corrected spectra.

        Parameters
        ----------
        spectra : complex (B, 2, T, n_bins)
            Mid and side of the plain renderer.
        frames : (B, T, size), dB
            Those it was made of, one for each column.
        degradation : (B,) in [0, 1]
            How imperfect the frames are said to be.
        """
        scaled = (frames.clamp(self.plain.lowest, self.plain.highest) - self.plain.mean) / self.plain.deviation
        told = degradation[:, None, None].expand(-1, frames.shape[1], 1)
        x = self.look(self._features(spectra)) + self.read(torch.cat([scaled, told], dim=-1))
        x = self.norm_in(x)
        for block in self.blocks:
            x = block(x)
        gain, cosine, sine = self.head(self.norm_out(x)).unflatten(-1, (2, 3, -1)).permute(3, 0, 2, 1, 4)
        length = torch.rsqrt((1.0 + cosine).square() + sine.square() + TINY)
        size = torch.exp(LARGEST_LOG_GAIN * torch.tanh(gain / LARGEST_LOG_GAIN)) * length
        corrected = spectra[..., : self.n_bins] * torch.complex((1.0 + cosine) * size, sine * size)
        return torch.cat([corrected, spectra[..., self.n_bins :]], dim=-1)

    def _features(self, spectra: Tensor) -> Tensor:
        """(B, 2, T, n_bins) -> (B, T, n): magnitudes, how phases run from column to column and from bin to bin."""
        logs = (torch.log(spectra[..., : self.n_bins].abs() + LOG_FLOOR) - LOG_CENTRE) / LOG_SPREAD
        mid = spectra[:, 0, :, : self.n_phases + 1]
        unit = mid / (mid.abs() + TINY)
        in_time = unit[:, 1:] * unit[:, :-1].conj() * self.advance[: self.n_phases + 1]
        in_time = nn.functional.pad(torch.view_as_real(in_time[..., :-1]), (0, 0, 0, 0, 1, 0))
        in_bins = torch.view_as_real(unit[..., 1:] * unit[..., :-1].conj())
        return torch.cat([logs[:, 0], logs[:, 1], in_time.flatten(-2), in_bins.flatten(-2)], dim=-1)

    @torch.no_grad()
    def blocks_of(self, frames: Array, *, seed: int, degradation: float = 0.0, block: int = BLOCK) -> Iterator[Tensor]:
        """Corrected spectra of a take, piece by piece: complex (2, n_columns, n_bins)."""
        told = torch.tensor([degradation])
        whole = torch.from_numpy(np.ascontiguousarray(frames, dtype=np.float32))
        n_columns = len(whole) * COLUMNS + 1
        held, first, done = None, 0, 0  # plain columns first … first + len(held); those before ``done`` are finished
        for spectra in self.plain.blocks(frames, seed=seed, block=block):
            held = spectra if held is None else torch.cat([held, spectra], dim=1)
            known = first + held.shape[1]
            ready = known if known == n_columns else known - self.reach
            if ready <= done:
                continue
            rows = (torch.arange(first, known) // COLUMNS).clamp(max=len(whole) - 1)
            made = self(held[None], whole[rows][None], told)[0]
            yield made[:, done - first : ready - first]
            keep = max(0, ready - self.reach)
            held, first, done = held[:, keep - first :], keep, ready

    def render(self, frames: Array, *, seed: int, degradation: float = 0.0, block: int = BLOCK) -> Array:
        """Sound of a take: float32 (2, n_frames * hop_length).

        Parameters
        ----------
        frames : float32 (n_frames, spec.size), dB
        seed : of the random phases
        degradation : how imperfect the frames are said to be; 0 for those of a recording
        block : frames rendered at once; changes the result by rounding only
        """
        adder = OverlapAdd(self.plain.grid)
        pieces = self.blocks_of(frames, seed=seed, degradation=degradation, block=block)
        sound = [adder.push(piece) for piece in pieces]
        return left_right(torch.cat([*sound, adder.flush()], dim=1)).numpy()


def new_flesh(plain: PlainRenderer, seed: int, *, channels: int = CHANNELS, n_blocks: int = BLOCKS) -> Flesh:
    """A newly born flesh whose weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Flesh(plain, channels=channels, n_blocks=n_blocks)
