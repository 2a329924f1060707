"""The plain renderer: frames -> stereo, with nothing learned but a ridge regression.

    frames, two before and two after
      -> regression      log-magnitudes of the mid's and the side's spectrum, two columns a frame
      -> first phases    below 1.5 kHz a partial for each peak of the bands, its phase carried on;
                         above, noise
      -> fast Griffin-Lim, a few iterations, of the mid alone
      -> side            the mid's phases turned by a fixed smooth curve: its level is right, and
                         left + right never depends on it

It needs seconds to fit, is what the flesh starts from, and what is heard before
there is a flesh. Columns see a bounded neighbourhood, and what is carried on (the
phases of partials) is a running sum, so a take of any length is made in blocks.

Fast Griffin-Lim: Perraudin, Balazs and Søndergaard, 2013. Carrying the phase of
peaks on: Beauregard, Harish and Wyse, "Single pass spectrogram inversion", 2015.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn

from ..errors import ParameterError
from .frames import FLOOR as POWER_FLOOR
from .frames import N_WIDTHS, WIDTH_BOUND_DB, WINDOWS_S, FrameSpec, analyse

Array = npt.NDArray[np.float32]
Pair = tuple[Array, Array]
"""Frames (n_frames, size) and the audio (1 or 2, n_samples) they were measured on."""

COLUMNS = 2
"""Columns of the spectrum a frame."""
OVERLAP = 4
"""Columns that cover a sample: a window of 33 ms at 44.1 kHz, short enough for hits."""
CONTEXT = 2
"""Frames before and after that the regression sees."""
ITERATIONS = 4
MOMENTUM = 0.99
"""Of fast Griffin-Lim."""
FLOOR = 1e-4
"""Added to magnitudes before the logarithm: -80 dB of a full-scale sample."""
RIDGE = 30.0
TONAL_BELOW_HZ = 1500.0
"""Bands below this are narrow enough for a peak to be a partial."""
EXAMPLES = 12_000
"""Frames the regression is fitted on."""
RUN = 60
"""Frames fitted or calibrated in a row."""
CALIBRATION_RUNS, CALIBRATION_ROUNDS = 24, 2
LARGEST_GAIN_DB, LARGEST_LOSS_DB = 15.0, 40.0
"""By which a band is brought to its level at most, in each of ``BALANCE_ROUNDS``: bands share bins."""
BALANCE_ROUNDS = 2
TINY = 1e-9
BLOCK = 600
"""Frames rendered at once: 10 s."""
MARGIN = 20
"""Frames of a neighbouring block that take part, so that borders are not heard."""
NOISE_ROWS = 64
"""Frames whose random phases come from one stream."""
SIDE_TURN, SIDE_SMOOTH = 2.0, 21
"""Radians by which the side's phases differ from the mid's, and over how many bins that curve is smoothed."""


@dataclass(frozen=True)
class Grid:
    """A short-time spectrum whose columns are centred on multiples of ``hop`` samples."""

    hop: int
    overlap: int = OVERLAP

    @property
    def n_window(self) -> int:
        return self.hop * self.overlap

    @cached_property
    def n_fft(self) -> int:
        """The window, zero-padded to a length that transforms fast."""
        return 32 * int(next_fast_len(-(-self.n_window // 32), real=True))

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    @cached_property
    def window(self) -> Tensor:
        return torch.hann_window(self.n_window)

    def spectrum(self, sound: Tensor) -> Tensor:
        """(…, n) -> complex (…, 1 + n // hop, n_bins); silence is assumed around."""
        padded = nn.functional.pad(sound, (self.n_window // 2, self.n_window // 2))
        return torch.fft.rfft(padded.unfold(-1, self.n_window, self.hop) * self.window, n=self.n_fft)

    def overlapped(self, spectrum: Tensor) -> Tensor:
        """Complex (…, T, n_bins) -> (…, T + overlap - 1, hop): sound from half a window before the first centre on."""
        squares = self.window.square().unflatten(0, (self.overlap, self.hop)).sum(0)
        columns = torch.fft.irfft(spectrum, n=self.n_fft)[..., : self.n_window] * self.window
        columns = columns.unflatten(-1, (self.overlap, self.hop)) / squares
        n_columns = spectrum.shape[-2]
        out = columns.new_zeros(*columns.shape[:-3], n_columns + self.overlap - 1, self.hop)
        for part in range(self.overlap):
            out[..., part : part + n_columns, :] += columns[..., part, :]
        return out

    def sound(self, spectrum: Tensor) -> Tensor:
        """Complex (…, T, n_bins) -> (…, (T - 1) * hop): the least-squares inverse; fades where columns are missing."""
        first = self.overlap // 2
        return self.overlapped(spectrum)[..., first : first + spectrum.shape[-2] - 1, :].flatten(-2)


def griffin_lim(grid: Grid, magnitude: Tensor, phases: Tensor, iterations: int) -> Tensor:
    """Complex spectrum (T, n_bins) with these magnitudes whose phases agree better among columns than ``phases``."""
    spectrum, before = torch.polar(magnitude, phases), None
    for _ in range(iterations):
        heard = grid.spectrum(grid.sound(spectrum))
        ahead = heard if before is None else heard + MOMENTUM * (heard - before)
        spectrum, before = ahead * (magnitude / (ahead.abs() + 1e-9)), heard
    return spectrum


class Balance:
    """Gains that bring a spectrum's bands to the levels and widths that frames ask for."""

    def __init__(self, spec: FrameSpec, grid: Grid) -> None:
        self.spec, self.grid = spec, grid
        hz = np.arange(grid.n_bins) * spec.sample_rate / grid.n_fft
        edges, centres, bin_hz = spec.edges, spec.centres, spec.sample_rate / grid.n_fft
        rise = np.maximum(centres - edges[:-2], bin_hz)  # bands narrower than a bin are measured over two
        fall = np.maximum(edges[2:] - centres, bin_hz)
        away = hz[:, None] - centres
        shape = np.maximum(0.0, 1.0 - np.where(away < 0.0, -away / rise, away / fall))
        scale = float(grid.window.square().sum())
        self.measure = torch.from_numpy((shape / shape.sum(0) / scale).astype(np.float32))  # (n_bins, n_bands)
        self.to_bins = torch.from_numpy(_interpolation(centres, hz))  # (n_bands, n_bins)
        groups = np.zeros((spec.n_bands, N_WIDTHS), dtype=np.float32)
        for number, bands in enumerate(spec.width_groups):
            groups[bands, number] = 1.0
        self.to_groups = torch.from_numpy(groups)
        middles = [float(bands.mean()) for bands in spec.width_groups]
        self.to_bands = torch.from_numpy(_interpolation(np.array(middles), np.arange(float(spec.n_bands))))
        self.smoothers = [_smoother(spec, grid, length_s) for length_s, _, _ in WINDOWS_S]
        self.windows = [torch.from_numpy((centres >= low) & (centres < high)) for _, low, high in WINDOWS_S]

    def gains(self, magnitude: Tensor, frames: Tensor, offset: Tensor) -> Tensor:
        """Factors for mid and side, both (2, T * COLUMNS, n_bins), that bring them to these frames (T, size)."""
        mid, side = self._bands(magnitude)  # (T, n_bands)
        wanted, sounding = self._wanted_ratio(frames)
        have = (side @ self.to_groups + TINY) / (mid @ self.to_groups + TINY)
        wider = (10.0 * torch.log10(wanted / have)).clamp(-LARGEST_GAIN_DB, LARGEST_GAIN_DB) @ self.to_bands
        sounding = sounding @ self.to_bands
        power = mid + side * torch.exp(wider * (math.log(10.0) / 10.0)) * sounding.square()
        louder = frames[:, : self.spec.n_bands] - 10.0 * torch.log10(power + POWER_FLOOR) + offset
        louder = louder.clamp(-LARGEST_LOSS_DB, LARGEST_GAIN_DB)
        factors = torch.exp(torch.stack([louder, louder + wider]) * (math.log(10.0) / 20.0))
        factors[1] *= sounding
        return _columns(factors) @ self.to_bins

    def _wanted_ratio(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Side against mid power in each group of bands, and whether there is any (0 … 1): (T, N_WIDTHS) each.

        Frames measure both with a floor under them, so a quiet mono band reads as wide: the floor is taken off here.
        """
        levels, widths = frames.split([self.spec.n_bands, N_WIDTHS], dim=1)
        power = torch.relu(10.0 ** (levels / 10.0) - POWER_FLOOR) @ self.to_groups
        ratio = 10.0 ** (widths / 10.0)
        side = torch.relu(ratio * (power + POWER_FLOOR) - POWER_FLOOR) / (1.0 + ratio)
        mid = torch.relu(power - side)
        sounding = (widths + WIDTH_BOUND_DB).clamp(0.0, 1.0) * (10.0 * side / POWER_FLOOR - 1.0).clamp(0.0, 1.0)
        return (side + TINY) / (mid + TINY), sounding

    def _bands(self, magnitude: Tensor) -> Tensor:
        """(2, T * COLUMNS, n_bins) -> power (2, T, n_bands), smoothed over time as the frames' own windows do."""
        power = (magnitude.square() @ self.measure).transpose(1, 2)  # (2, n_bands, T * COLUMNS)
        out = power[..., ::COLUMNS].clone()
        for smoother, bands in zip(self.smoothers, self.windows, strict=True):
            if len(smoother) == 1:
                continue
            half = len(smoother) // 2
            padded = nn.functional.pad(power[:, bands], (half, half), mode="replicate")
            out[:, bands] = padded.unfold(-1, len(smoother), COLUMNS) @ smoother
        return out.transpose(1, 2)


def _smoother(spec: FrameSpec, grid: Grid, length_s: float) -> Tensor:
    """Weights over columns by which their window becomes as long as one of ``length_s``; an odd number, sum 1."""
    longer = math.sqrt(max(0.0, (length_s * spec.sample_rate) ** 2 - grid.n_window**2)) / grid.hop
    weights = torch.hann_window(2 * round(longer / 2.0) + 3, periodic=False)[1:-1]
    return weights / weights.sum()


def _interpolation(known: npt.NDArray[np.float64], wanted: npt.NDArray[np.floating]) -> Array:
    """(len(known), len(wanted)) weights of linear interpolation, constant beyond the ends."""
    return np.stack([np.interp(wanted, known, row) for row in np.eye(len(known))]).astype(np.float32)


def _columns(values: Tensor) -> Tensor:
    """(…, T, n) at frames -> (…, T * COLUMNS, n), linear in between."""
    later = torch.cat([values[..., 1:, :], values[..., -1:, :]], dim=-2)
    parts = [values + (later - values) * (part / COLUMNS) for part in range(COLUMNS)]
    return torch.stack(parts, dim=-2).flatten(-3, -2)


class PlainRenderer(nn.Module):
    """Frames -> sound; fitted, not trained. All that was fitted are buffers."""

    mean: Tensor
    deviation: Tensor
    lowest: Tensor
    highest: Tensor
    weights: Tensor
    quietest: Tensor
    loudest: Tensor
    offset: Tensor
    air: Tensor

    def __init__(self, spec: FrameSpec) -> None:
        super().__init__()
        self.spec = spec
        self.grid = Grid(spec.hop_length // COLUMNS)
        n_inputs, n_bins = (2 * CONTEXT + 1) * spec.size + 1, self.grid.n_bins
        self.register_buffer("mean", torch.zeros(spec.size))
        self.register_buffer("deviation", torch.ones(spec.size))
        self.register_buffer("lowest", torch.full((spec.size,), -math.inf))
        self.register_buffer("highest", torch.full((spec.size,), math.inf))
        self.register_buffer("weights", torch.zeros(n_inputs, COLUMNS * 2 * n_bins))
        self.register_buffer("quietest", torch.full((COLUMNS * 2 * n_bins,), math.inf))
        self.register_buffer("loudest", torch.full((COLUMNS * 2 * n_bins,), -math.inf))
        self.register_buffer("offset", torch.zeros(spec.n_bands))
        self.register_buffer("air", torch.zeros(2, n_bins))
        self.balance = Balance(spec, self.grid)

    @classmethod
    def fit(cls, pairs: Sequence[Pair], spec: FrameSpec | None = None, *, seed: int = 0) -> PlainRenderer:
        """Fit to recordings and the frames measured on them.

        Raises
        ------
        ParameterError
            No recording is longer than ``RUN`` frames.
        """
        spec = spec or FrameSpec()
        rng = np.random.default_rng(seed)
        pairs = [pair for pair in pairs if _n_common(pair, spec) > RUN]
        if not pairs:
            raise ParameterError(f"no recording is longer than {RUN} frames: there is nothing to fit a renderer on")
        made = cls(spec)
        made._measure_range(pairs)
        made._regress(pairs, rng)
        made._calibrate(pairs, rng)
        return made

    def _measure_range(self, pairs: Sequence[Pair]) -> None:
        """Mean, deviation and bounds of frames over all recordings."""
        n = sum(len(frames) for frames, _ in pairs)
        mean = sum(frames.sum(0, dtype=np.float64) for frames, _ in pairs) / n
        square = sum(np.square(frames - mean).sum(0, dtype=np.float64) for frames, _ in pairs) / n
        self.mean.copy_(torch.from_numpy(np.asarray(mean)))
        self.deviation.copy_(torch.from_numpy(np.sqrt(square) + 1.0))
        self.lowest.copy_(torch.from_numpy(np.min([frames.min(0) for frames, _ in pairs], axis=0)))
        self.highest.copy_(torch.from_numpy(np.max([frames.max(0) for frames, _ in pairs], axis=0)))

    def _regress(self, pairs: Sequence[Pair], rng: np.random.Generator) -> None:
        """Least squares with a ridge from frames to log-magnitudes."""
        n_inputs = len(self.weights)
        gram, target = torch.zeros(n_inputs, n_inputs), torch.zeros_like(self.weights)
        for frames, audio in _runs(pairs, self.spec, rng, EXAMPLES // RUN):
            inputs = self._inputs(torch.from_numpy(frames))[:RUN]
            logs = torch.log(self.grid.spectrum(mid_side(audio)).abs() + FLOOR)[:, : COLUMNS * RUN]  # (2, T, n_bins)
            outputs = logs.unflatten(1, (RUN, COLUMNS)).permute(1, 2, 0, 3).flatten(1)
            inner = slice(CONTEXT, RUN - CONTEXT)  # the others' neighbours, or part of their windows, are missing
            gram += inputs[inner].T @ inputs[inner]
            target += inputs[inner].T @ outputs[inner]
            self.quietest = torch.minimum(self.quietest, outputs[inner].amin(0))
            self.loudest = torch.maximum(self.loudest, outputs[inner].amax(0))
        self.weights.copy_(torch.linalg.solve(gram + RIDGE * torch.eye(n_inputs), target))

    def _calibrate(self, pairs: Sequence[Pair], rng: np.random.Generator) -> None:
        """Offsets that make up, band by band, for what phases that disagree cost.

        Above the highest band frames tell nothing, and encoders cut now here and now
        there: the mean of the logarithm is what is kept to, not that of the power.
        """
        inner = slice(2 * CONTEXT, RUN - 2 * CONTEXT)
        runs = list(_runs(pairs, self.spec, rng, CALIBRATION_RUNS))
        for _ in range(CALIBRATION_ROUNDS):
            apart, above = [], []
            for number, (frames, audio) in enumerate(runs):
                sound = self.render(frames, seed=number)
                heard = analyse(sound, self.spec)[0]
                wanted, made = (10.0 ** (x[inner, : self.spec.n_bands] / 10.0) for x in (frames, heard))
                apart.append(10.0 * np.log10(wanted.mean(0) / made.mean(0)))
                above.append(self._air(audio) - self._air(sound))
            self.offset += torch.from_numpy(np.mean(apart, axis=0))
            self.air += torch.stack(above).mean(0)

    def _air(self, audio: Array) -> Tensor:
        """(2, n_bins): mean log-magnitude, 0 up to the highest band."""
        logs = torch.log(self.grid.spectrum(mid_side(audio)).abs() + FLOOR).mean(1)
        logs[:, : int(self.spec.edges[-1] * self.grid.n_fft / self.spec.sample_rate)] = 0.0
        return logs

    def _inputs(self, frames: Tensor) -> Tensor:
        """(T, size) -> (T, n_inputs), neighbours beside each other, the last column 1."""
        scaled = (frames - self.mean) / self.deviation
        padded = torch.cat([scaled[:1].expand(CONTEXT, -1), scaled, scaled[-1:].expand(CONTEXT, -1)])
        return nn.functional.pad(padded.unfold(0, 2 * CONTEXT + 1, 1).flatten(1), (0, 1), value=1.0)

    def magnitudes(self, frames: Tensor) -> Tensor:
        """(T, size) -> (2, T * COLUMNS, n_bins): mid and side."""
        frames = frames.clamp(self.lowest, self.highest)
        logs = (self._inputs(frames) @ self.weights).clamp(self.quietest, self.loudest)
        logs = logs.unflatten(1, (COLUMNS, 2, -1))  # (T, COLUMNS, 2, n_bins)
        magnitude = torch.exp(logs.permute(2, 0, 1, 3).flatten(1, 2))
        for _ in range(BALANCE_ROUNDS):
            magnitude = magnitude * self.balance.gains(magnitude, frames, self.offset)
        return magnitude * torch.exp(self.air)[:, None]

    @torch.no_grad()
    def blocks(self, frames: Array, *, seed: int, block: int = BLOCK, iterations: int = ITERATIONS) -> Iterator[Tensor]:
        """Spectra of a take, block by block: complex (2, n_columns, n_bins), mid and side.

        All blocks together have ``len(frames) * COLUMNS + 1`` columns: their sound lasts ``len(frames)`` hops.

        Raises
        ------
        ParameterError
            ``frames`` is not (n_frames > 0, spec.size).
        """
        whole = torch.from_numpy(np.ascontiguousarray(frames, dtype=np.float32))
        if whole.ndim != 2 or whole.shape[1] != self.spec.size or not len(whole):
            raise ParameterError(f"frames have shape {tuple(whole.shape)}: (n_frames > 0, {self.spec.size}) is needed")
        n_frames = len(whole)
        whole = torch.cat([whole, whole[-1:]])  # for the column that closes the last hop
        partials = Partials(self.spec, self.grid, whole)
        for start in range(0, n_frames, block):
            end = min(start + block, n_frames)
            low, high = max(0, start - MARGIN), min(end + MARGIN, n_frames + 1)
            before = min(CONTEXT, low)
            magnitude = self.magnitudes(whole[low - before : high + CONTEXT])
            magnitude = magnitude[:, before * COLUMNS : (high - low + before) * COLUMNS]
            phases = noise_phases(low, high, seed, self.grid.n_bins)
            phases[:, : partials.n_bins] = partials.phases(low, high)
            mid = griffin_lim(self.grid, magnitude[0], phases, iterations)
            side = mid / (mid.abs() + 1e-9) * self._side_turn() * magnitude[1]
            closing = int(end == n_frames)
            yield torch.stack([mid, side])[:, (start - low) * COLUMNS : (end - low) * COLUMNS + closing]

    def _side_turn(self) -> Tensor:
        """Unit complex (n_bins,): how the side's phases differ from the mid's."""
        rough = np.random.default_rng(0).normal(size=self.grid.n_bins + SIDE_SMOOTH - 1)
        curve = np.convolve(rough, np.ones(SIDE_SMOOTH) / math.sqrt(SIDE_SMOOTH), "valid") * SIDE_TURN
        angle = torch.from_numpy(curve.astype(np.float32))
        return torch.polar(torch.ones_like(angle), angle)

    def render(self, frames: Array, *, seed: int, block: int = BLOCK, iterations: int = ITERATIONS) -> Array:
        """Sound of a take.

        Parameters
        ----------
        frames : float32 (n_frames, spec.size), dB
        seed : of the random phases
        block : frames rendered at once; changes the result by rounding only

        Returns
        -------
        float32 (2, n_frames * hop_length)
        """
        adder = OverlapAdd(self.grid)
        sound = [adder.push(piece) for piece in self.blocks(frames, seed=seed, block=block, iterations=iterations)]
        return left_right(torch.cat([*sound, adder.flush()], dim=1)).numpy()


class OverlapAdd:
    """The inverse of a spectrum that comes block by block."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.tail: Tensor | None = None
        self.skip = grid.overlap // 2  # hops before the centre of the first column

    def push(self, spectrum: Tensor) -> Tensor:
        """Complex (C, T, n_bins) -> (C, n): every sample that no later column can reach."""
        out = self.grid.overlapped(spectrum)  # (C, T + overlap - 1, hop)
        if self.tail is not None:
            out[:, : self.grid.overlap - 1] += self.tail
        self.tail = out[:, spectrum.shape[1] :].clone()
        skipped = min(self.skip, spectrum.shape[1])
        self.skip -= skipped
        return out[:, skipped : spectrum.shape[1]].flatten(1)

    def flush(self) -> Tensor:
        """The rest, up to the centre of the last column."""
        if self.tail is None:
            raise ParameterError("nothing was pushed: there is no sound to finish")
        tail, self.tail = self.tail, None
        return tail[:, self.skip : self.grid.overlap // 2 - 1].flatten(1)


class Partials:
    """First phases of a take's low bins.

    The bands there are narrow, so a peak among them is taken for a partial. Each
    bin follows the peak that lies uphill from it, and takes over its phase; the
    phase advances by the peak's frequency, which is interpolated between bands.
    """

    def __init__(self, spec: FrameSpec, grid: Grid, frames: Tensor) -> None:
        self.grid, self.frame_rate = grid, spec.frame_rate
        self.n_bands = int(np.searchsorted(spec.centres, TONAL_BELOW_HZ))
        self.centres = spec.centres[: self.n_bands]
        self.levels = frames[:, : self.n_bands]
        self.bin_hz = spec.sample_rate / grid.n_fft
        self.n_bins = int(TONAL_BELOW_HZ / self.bin_hz)
        hz = np.arange(self.n_bins) * self.bin_hz
        self.band_of_bin = abs(hz[:, None] - self.centres).argmin(1)
        self.frame, self.turns = 0, np.zeros(self.n_bins)  # of the window's centre, in periods

    def frequencies(self, low: int, high: int) -> npt.NDArray[np.float64]:
        """(high - low, n_bins): the frequency that each bin follows, Hz."""
        levels = self.levels[low:high].numpy().astype(np.float64)
        around = np.pad(levels, ((0, 0), (1, 1)), mode="edge")
        left, right = around[:, :-2], around[:, 2:]
        bands = np.arange(self.n_bands)
        uphill = bands + np.where((right > levels) & (right >= left), 1, np.where(left > levels, -1, 0))
        for _ in range(self.n_bands.bit_length()):  # each round doubles the way that has been climbed
            uphill = np.take_along_axis(uphill, uphill, 1)
        curve = np.minimum(left - 2.0 * levels + right, -1e-3)
        offset = np.clip(0.5 * (left - right) / curve, -0.5, 0.5)
        peak = np.interp(bands + offset, bands, self.centres)
        return np.take_along_axis(peak, uphill, 1)[:, self.band_of_bin]

    def phases(self, low: int, high: int) -> Tensor:
        """((high - low) * COLUMNS, n_bins), rad; ``low`` must not lie before that of the last call."""
        self.turns = self._advanced(self.frame, low)[-1] if low > self.frame else self.turns
        self.frame = low
        frequencies = self.frequencies(low, high)
        frames = self._advanced(low, high)[:-1]
        columns = np.arange(COLUMNS)[:, None] / COLUMNS
        turns = frames[:, None] + columns * (frequencies / self.frame_rate)[:, None]  # (T, COLUMNS, n_bins)
        window_starts = np.arange(self.n_bins) * (self.grid.n_window / 2 / self.grid.n_fft)
        radians = 2.0 * math.pi * np.remainder(turns - window_starts, 1.0)
        return torch.from_numpy(radians.astype(np.float32)).flatten(0, 1)

    def _advanced(self, low: int, high: int) -> npt.NDArray[np.float64]:
        """(high - low + 1, n_bins): periods gone by at each frame, starting from the state at ``low``."""
        frequencies = self.frequencies(low, high)
        sources = np.clip(np.rint(frequencies / self.bin_hz), 0, self.n_bins - 1).astype(np.intp)
        out, turns = np.empty((high - low + 1, self.n_bins)), self.turns
        for row, (source, advance) in enumerate(zip(sources, frequencies / self.frame_rate, strict=True)):
            turns = turns[source]
            out[row] = turns
            turns = (turns + advance) % 1.0
        out[-1] = turns
        return out


def noise_phases(low: int, high: int, seed: int, n_bins: int) -> Tensor:
    """((high - low) * COLUMNS, n_bins) random phases that depend on the frame's number and the seed alone."""
    first, last = low // NOISE_ROWS, -(-high // NOISE_ROWS)
    rows = [_noise_block(seed, number, n_bins) for number in range(first, last)]
    start = (low - first * NOISE_ROWS) * COLUMNS
    return torch.cat(rows)[start : start + (high - low) * COLUMNS].clone()


def _noise_block(seed: int, number: int, n_bins: int) -> Tensor:
    rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
    return torch.from_numpy(rng.random((NOISE_ROWS * COLUMNS, n_bins), dtype=np.float32) * np.float32(2.0 * math.pi))


def left_right(mid_side: Tensor) -> Tensor:
    """(…, 2, n) mid and side -> left and right."""
    mid, side = mid_side.unbind(-2)
    return torch.stack([mid + side, mid - side], dim=-2)


def mid_side(audio: Array) -> Tensor:
    """(1 or 2, n) -> (2, n): half the sum and half the difference."""
    left, right = torch.from_numpy(np.ascontiguousarray(audio[[0, -1]], dtype=np.float32))
    return torch.stack([left + right, left - right]) * 0.5


def _n_common(pair: Pair, spec: FrameSpec) -> int:
    """Frames that have all their samples."""
    frames, audio = pair
    return min(len(frames), audio.shape[-1] // spec.hop_length)


def _runs(pairs: Sequence[Pair], spec: FrameSpec, rng: np.random.Generator, n_runs: int) -> Iterator[Pair]:
    """``n_runs`` stretches of ``RUN`` frames at random places, longer recordings more often."""
    places = np.array([_n_common(pair, spec) - RUN + 1 for pair in pairs])
    for which in rng.choice(len(pairs), size=n_runs, p=places / places.sum()):
        frames, audio = pairs[which]
        start = int(rng.integers(places[which]))
        yield frames[start : start + RUN], audio[:, start * spec.hop_length : (start + RUN) * spec.hop_length]
