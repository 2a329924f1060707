"""From numbers to flags: what is wrong, by how much, and when.

A flag carries the measured number, the threshold it crossed and its places on
the timeline. Flags sort; they never delete: some strange takes are the best.

Pure: an Analysis in, flags and values out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio import features
from ..audio.onset import onset_rate
from . import loops, tempo
from .analysis import STILL, Analysis
from .params import Params

Range = tuple[float, float]

BAND_HZ = 250.0  #: bandwidth is told in steps of this
BAND_DROP_DB, BAND_FLOOR_DB = -65.0, -100.0  #: a band sounds if it is this near the loudest, and above this
HANG_LEVEL_DB, HANG_SPECTRUM_DB = 1.0, 1.5  #: a hanging second changes its level and its bands less than this
NOISE_LEVEL_DB = -45.0
NOISE_TAIL = 0.9  #: a burst reaches as far as its flatness stays above this share of the threshold
EDGE_S = 1.0  #: silence this close to the ends is a pause between songs
GAP_S = 0.35  #: stretches nearer than this are one
COLLAPSE_SHARE, COLLAPSE_LEAST_S = 0.2, 3.0  #: in short takes a fifth is enough, but never less than 3 s
MARKED_S = 0.5  #: silences shorter than this are not marked


@dataclass(frozen=True)
class Flag:
    """Something that may be wrong with a take."""

    name: str
    value: float
    threshold: float
    ranges: tuple[Range, ...]
    words: str  #: "falls silent at 0:52"

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "threshold": self.threshold,
            "ranges": [[round(a, 2), round(b, 2)] for a, b in self.ranges],
            "words": self.words,
        }


@dataclass(frozen=True)
class Screened:
    """All that the screen has to say about one sound."""

    values: dict[str, Any]
    flags: tuple[Flag, ...]
    tempo: tempo.Tempo


def examine(analysis: Analysis, params: Params) -> Screened:
    """Measure everything and raise the flags."""
    a, cell_s, end_s = analysis, analysis.cell_s, analysis.duration_s
    silent = a.cell_db < params.silence_db
    flat = (a.cell_span < STILL) & (np.abs(a.cell_mean) > 3 * STILL)
    hang = _still_cells(a, params) & ~silent
    noise = _noisy_cells(a, params.noise_flatness)

    def ranges(cells: npt.NDArray[np.bool_], least_s: float, gap_s: float = 0.0) -> tuple[Range, ...]:
        return stretches(cells, cell_s, end_s, least_s=least_s, gap_s=gap_s)

    silences = ranges(silent & ~flat, MARKED_S)
    flatlines = ranges(flat, params.flatline_s)
    hangs = ranges(hang, params.hang_s)
    bursts = ranges(noise, params.noise_s, GAP_S)
    alike, periods = loops.sameness(a.loop_bands, a.frame_rate / 2, params.loop_period_s)
    stuck = loops.find(
        alike,
        periods,
        end_s,
        threshold=params.loop_sameness,
        least_s=params.loop_s,
        least_repeats=params.loop_repeats,
        repeats_at_end=params.loop_repeats_at_end,
    )
    loop_score, loop_period = loops.score(alike, periods)
    stuck_ranges = tuple((loop.start_s, loop.end_s) for loop in stuck)
    collapse = _collapse(silences + flatlines + hangs + stuck_ranges, end_s, params.collapse_s)
    rhythm = tempo.measure(a.onset, a.frame_rate, clarity=params.clarity)
    loud = a.loudness
    key, key_fit = features.key(a.chroma)
    sounding = ~(silent | flat)
    clip_share = _clip_share(a)
    noise_floor = _noise_floor_db(a, sounding)
    bandwidth = bandwidth_hz(a) if sounding.any() else 0.0
    broken = a.cell_broken > 0
    lost = silent | flat
    for start_s, stop_s in (*silences, *flatlines, *hangs, *bursts, *stuck_ranges):
        lost[round(start_s / cell_s) : round(stop_s / cell_s)] = True

    values: dict[str, Any] = {
        "duration_s": end_s,
        "sample_rate": a.sample_rate,
        "channels": a.n_channels,
        "silent_share": float(silent.mean()),
        "collapse_s": collapse,
        "flatline_share": float(flat.mean()),
        "hang_share": covered(hangs, end_s),
        "loop_score": loop_score,
        "loop_period_s": (stuck[0].period_s if stuck else loop_period) or None,
        "loop_share": covered(stuck_ranges, end_s),
        "clip_share": clip_share,
        "dc": a.dc,
        "bandwidth_hz": bandwidth,
        "noise_floor_db": noise_floor,
        "noise_share": covered(bursts, end_s),
        "side_db": a.side_db,
        "broken_share": float(a.cell_broken.mean()),
        "loudness_lufs": loud.integrated_lufs,
        "loudness_range_lu": loud.range_lu,
        "true_peak_db": loud.true_peak_db,
        "flatness": float(np.median(a.cell_flatness[sounding])) if sounding.any() else 0.0,
        "centroid_hz": features.centroid(a.spectrum, a.frequencies_hz),
        "key": key,
        "key_fit": key_fit,
        "density_hz": onset_rate(a.onset[:, 0], a.frame_rate),
        "usable_share": float(1.0 - lost.mean()),
        "tempo": rhythm.song.plain(),
        "tempo_parts": [{"start_s": round(s, 2), "end_s": round(e, 2), **_short(part)} for s, e, part in rhythm.parts],
    }
    flags = _raise(
        values,
        params,
        end_s,
        silences,
        flatlines,
        hangs,
        bursts,
        stuck,
        ranges(broken, 0.0),
        ranges(_clipped(a), 0.0, GAP_S),
    )
    return Screened(values, flags, rhythm)


def _raise(
    v: dict[str, Any],
    p: Params,
    end_s: float,
    silences: tuple[Range, ...],
    flatlines: tuple[Range, ...],
    hangs: tuple[Range, ...],
    bursts: tuple[Range, ...],
    stuck: Sequence[loops.Loop],
    broken: tuple[Range, ...],
    clipped: tuple[Range, ...],
) -> tuple[Flag, ...]:
    whole = ((0.0, end_s),)
    flags: list[Flag] = []

    def add(name: str, value: float, threshold: float, ranges: Sequence[Range], words: str) -> None:
        flags.append(Flag(name, float(value), float(threshold), tuple(ranges), words))

    if v["broken_share"] > 0:
        add("broken", v["broken_share"], 0.0, broken, "holds broken samples (NaN)")
    if v["silent_share"] >= 0.999:
        add("silence", v["silent_share"], p.silent_share, whole, "silent throughout")
    else:
        inner = [r for r in silences if r[1] - r[0] >= p.silent_s and r[0] > EDGE_S and r[1] < end_s - EDGE_S]
        if inner or v["silent_share"] > p.silent_share:
            add("silence", v["silent_share"], p.silent_share, silences, _silence_words(inner or list(silences), end_s))
    if v["collapse_s"] is not None and v["silent_share"] < 0.999:
        at = v["collapse_s"]
        how = _ending(at, silences, flatlines, hangs, stuck)
        add("collapse", end_s - at, p.collapse_s, [(at, end_s)], f"{how} {clock(at)}")
    if flatlines:
        longest = max(b - a for a, b in flatlines)
        add("flatline", longest, p.flatline_s, flatlines, f"stands still at {clock(flatlines[0][0])}")
    if hangs:
        longest = max(b - a for a, b in hangs)
        add("hang", longest, p.hang_s, hangs, f"hangs from {clock(hangs[0][0])} to {clock(hangs[0][1])}")
    if stuck:
        first = stuck[0]
        add(
            "loop",
            first.sameness,
            p.loop_sameness,
            [(loop.start_s, loop.end_s) for loop in stuck],
            f"stuck in a {first.period_s:.2g} s loop from {clock(first.start_s)}",
        )
    if bursts:
        words = "noise throughout" if v["noise_share"] > 0.8 else f"noise at {clock(bursts[0][0])}"
        add("noise", max(b - a for a, b in bursts), p.noise_s, bursts, words)
    if v["clip_share"] > p.clip_share:
        add("clipping", v["clip_share"], p.clip_share, clipped, "clipped")
    if abs(v["dc"]) > p.dc:
        add("dc", v["dc"], p.dc, whole, "pushed off centre (DC)")
    audible = v["silent_share"] < 0.999 and end_s > 1.0
    if audible and v["bandwidth_hz"] < p.bandwidth_hz:
        add("bandwidth", v["bandwidth_hz"], p.bandwidth_hz, whole, f"nothing above {v['bandwidth_hz'] / 1000:.1f} kHz")
    if audible and v["noise_floor_db"] is not None and v["noise_floor_db"] > p.noise_floor_db:
        add("noise_floor", v["noise_floor_db"], p.noise_floor_db, whole, "under a noise floor")
    if audible and v["side_db"] is not None and v["side_db"] < p.side_db:
        add("mono", v["side_db"], p.side_db, whole, "two equal channels")
    if audible and v["loudness_lufs"] is not None and v["loudness_lufs"] < p.quiet_lufs:
        add("quiet", v["loudness_lufs"], p.quiet_lufs, whole, "very quiet")
    if v["true_peak_db"] is not None and v["true_peak_db"] > p.true_peak_db:
        add("peak", v["true_peak_db"], p.true_peak_db, whole, f"peaks at {v['true_peak_db']:+.1f} dBTP")
    return tuple(flags)


def stretches(
    cells: npt.NDArray[np.bool_], cell_s: float, end_s: float, *, least_s: float, gap_s: float = 0.0
) -> tuple[Range, ...]:
    """Runs of True as (start_s, end_s): gaps up to ``gap_s`` are closed first, then short runs left out."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(np.int8), [0]])))
    runs: list[list[float]] = []
    for start, stop in zip(edges[::2] * cell_s, edges[1::2] * cell_s, strict=True):
        if runs and start - runs[-1][1] <= gap_s:
            runs[-1][1] = float(stop)
        else:
            runs.append([float(start), float(stop)])
    # a cell's edge may fall a rounding error short
    return tuple((a, min(b, end_s)) for a, b in runs if min(b, end_s) - a >= least_s - 0.5 * cell_s)


def covered(ranges: Sequence[Range], end_s: float) -> float:
    """Share of the time that ranges cover."""
    return float(min(1.0, sum(b - a for a, b in ranges) / end_s)) if end_s > 0 else 0.0


def clock(seconds: float) -> str:
    """0:52, 12:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def bandwidth_hz(a: Analysis) -> float:
    """The highest frequency that sounds: within BAND_DROP_DB of the loudest band of 250 Hz, on average."""
    per_band = max(1, round(BAND_HZ / (a.sample_rate / 2) * (a.spectrum.size - 1)))
    n = a.spectrum.size // per_band
    level = 10 * np.log10(np.maximum(a.spectrum[: n * per_band].reshape(n, per_band).mean(axis=1), 1e-20))
    sounds = np.flatnonzero(level > max(float(level.max()) + BAND_DROP_DB, BAND_FLOOR_DB))
    return float(min((sounds[-1] + 1) * BAND_HZ, a.sample_rate / 2)) if sounds.size else 0.0


def _still_cells(a: Analysis, p: Params) -> npt.NDArray[np.bool_]:
    """Cells in seconds whose level and bands stay the same as the second before.

    Seconds are compared, not frames, so that hanging noise counts too.
    """
    per_second = max(1, round(1.0 / a.cell_s))
    columns = max(1, round(a.column_rate))
    n = min(len(a.cell_db) // per_second, a.picture.shape[1] // columns)
    still = np.zeros(len(a.cell_db), dtype=bool)
    if n < 2:
        return still
    level = a.cell_db[: n * per_second].reshape(n, per_second)
    as_power = (10 ** (np.arange(256) * (80 / 255 / 10))).astype(np.float32)  # bytes -> dB -> power, re the floor
    rows = [as_power[row[: n * columns]].reshape(n, columns).mean(axis=1) for row in a.picture]
    bands = 10 * np.log10(np.stack(rows))  # (n_bands, n)
    steady = level.std(axis=1) < HANG_LEVEL_DB
    same = np.sqrt(((bands[:, 1:] - bands[:, :-1]) ** 2).mean(axis=0)) < HANG_SPECTRUM_DB
    same &= np.abs(level[1:].mean(axis=1) - level[:-1].mean(axis=1)) < HANG_LEVEL_DB
    seconds = steady.copy()
    neighbour = np.zeros(n, dtype=bool)
    neighbour[1:] |= same
    neighbour[:-1] |= same
    seconds &= neighbour
    still[: n * per_second] = np.repeat(seconds, per_second)
    if still[n * per_second - 1] and n * per_second < len(still):  # the last, incomplete second
        still[n * per_second :] = True
    return still


def _noisy_cells(a: Analysis, threshold: float) -> npt.NDArray[np.bool_]:
    """Cells of stretches that are flat somewhere, and nearly so throughout (music under the noise dents it)."""
    audible = a.cell_db > NOISE_LEVEL_DB
    nearly = (a.cell_flatness > NOISE_TAIL * threshold) & audible
    run = np.cumsum(np.diff(np.concatenate([[False], nearly])))  # neighbours of one run share a number
    certain = np.unique(run[nearly & (a.cell_flatness > threshold)])
    return nearly & np.isin(run, certain)


def _collapse(ranges: Sequence[Range], end_s: float, least_s: float) -> float | None:
    """When the last sound of life is: the start of dead stretches that reach the end without a gap."""
    at = end_s
    for start, stop in sorted(ranges, key=lambda r: -r[1]):
        if stop >= at - EDGE_S:
            at = min(at, start)
    enough = min(least_s, max(COLLAPSE_LEAST_S, COLLAPSE_SHARE * end_s))
    return at if end_s - at >= enough else None


def _ending(
    at: float,
    silences: Sequence[Range],
    flatlines: Sequence[Range],
    hangs: Sequence[Range],
    stuck: Sequence[loops.Loop],
) -> str:
    for ranges, words in (
        (silences, "falls silent at"),
        (flatlines, "flatlines at"),
        (hangs, "hangs from"),
        ([(loop.start_s, loop.end_s) for loop in stuck], "gets stuck for good at"),
    ):
        if any(abs(start - at) < 1e-6 for start, _ in ranges):
            return words
    return "collapses at"


def _silence_words(ranges: Sequence[Range], end_s: float) -> str:
    if not ranges:
        return "mostly silent"
    if ranges[0][0] <= EDGE_S:
        return f"silent until {clock(ranges[0][1])}"
    longest = max(ranges, key=lambda r: r[1] - r[0])
    if longest[1] >= end_s - EDGE_S:
        return f"silent from {clock(longest[0])}"
    return f"silent from {clock(longest[0])} to {clock(longest[1])}"


def _clipped(a: Analysis) -> npt.NDArray[np.bool_]:
    """Cells whose samples stand at the sound's own ceiling."""
    ceiling = float(a.cell_peak.max()) if a.cell_peak.size else 0.0
    flat = a.cell_span < STILL
    return (a.cell_plateau > 0) & (a.cell_peak >= 0.985 * ceiling) & ~flat


def _clip_share(a: Analysis) -> float:
    return float(np.where(_clipped(a), a.cell_plateau, 0.0).mean())


def _noise_floor_db(a: Analysis, sounding: npt.NDArray[np.bool_]) -> float | None:
    """How near the quietest tenth of each band lies to its mean: a floor the music never leaves.

    Only bands with something in them count; None for too little sound.
    """
    n = min(a.picture.shape[1], int(len(sounding) * a.cell_s * a.column_rate))
    if n < 2 * a.column_rate:
        return None
    index = np.minimum((np.arange(n) / a.column_rate / a.cell_s).astype(int), len(sounding) - 1)
    columns = sounding[index]
    if columns.sum() < 10:
        return None
    mean, low = np.zeros(len(a.picture)), np.zeros(len(a.picture))
    for band, row in enumerate(a.picture):  # one at a time: an hour of picture is large in floats
        db = row[:n][columns].astype(np.float32) * np.float32(80 / 255)
        mean[band], low[band] = 10 * np.log10((10 ** (db / 10)).mean()), np.percentile(db, 5)
    heard = mean > 15.0  # dB over the picture's floor
    return float(np.median((low - mean)[heard])) if heard.any() else None


def _short(part: tempo.TempoSpectrum) -> dict[str, object]:
    plain = part.plain()
    return {name: plain[name] for name in ("base_bpm", "clarity", "peaks")}
