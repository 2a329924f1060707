"""From numbers to flags: what is wrong, by how much, and when.

A flag carries the measured number, the threshold it crossed and its places on
the timeline. Flags sort; they never delete: some strange takes are the best.

Pure: an Analysis in, flags and values out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
class Found:
    """What is wrong with a sound, as places on its timeline."""

    end_s: float
    silences: tuple[Range, ...]
    flatlines: tuple[Range, ...]
    hangs: tuple[Range, ...]
    bursts: tuple[Range, ...]
    loops: tuple[loops.Loop, ...]
    broken: tuple[Range, ...]
    clipped: tuple[Range, ...]
    loop_score: float
    loop_period_s: float

    @property
    def stuck(self) -> tuple[Range, ...]:
        return tuple((loop.start_s, loop.end_s) for loop in self.loops)


def find(a: Analysis, p: Params) -> Found:
    """Look for everything that has a place on the timeline."""
    end_s = a.duration_s
    silent, flat = _silent(a, p), _flat(a)

    def ranges(cells: npt.NDArray[np.bool_], least_s: float, gap_s: float = 0.0) -> tuple[Range, ...]:
        return stretches(cells, a.cell_s, end_s, least_s=least_s, gap_s=gap_s)

    alike, periods = loops.sameness(a.loop_bands, a.frame_rate / 2, p.loop_period_s)
    stuck = loops.find(
        alike,
        periods,
        end_s,
        threshold=p.loop_sameness,
        least_s=p.loop_s,
        least_repeats=p.loop_repeats,
        repeats_at_end=p.loop_repeats_at_end,
    )
    loop_score, loop_period_s = loops.score(alike, periods)
    return Found(
        end_s=end_s,
        silences=ranges(silent & ~flat, MARKED_S),
        flatlines=ranges(flat, p.flatline_s),
        hangs=ranges(_still_cells(a) & ~silent, p.hang_s),
        bursts=ranges(_noisy_cells(a, p.noise_flatness), p.noise_s, GAP_S),
        loops=tuple(stuck),
        broken=ranges(a.cell_broken > 0, 0.0),
        clipped=ranges(_clipped(a), 0.0, GAP_S),
        loop_score=loop_score,
        loop_period_s=stuck[0].period_s if stuck else loop_period_s,
    )


def examine(a: Analysis, p: Params) -> tuple[dict[str, Any], tuple[Flag, ...], tempo.Tempo]:
    """Measure everything and raise the flags: (values, flags, tempo)."""
    found = find(a, p)
    rhythm = tempo.measure(a.onset, a.frame_rate, clarity=p.clarity)
    values = {**_defects(a, p, found), **_sound(a, p), **_rhythm(a, rhythm)}
    return values, (*_dead(values, p, found), *_technical(values, p, found)), rhythm


def _silent(a: Analysis, p: Params) -> npt.NDArray[np.bool_]:
    return np.asarray(a.cell_db < p.silence_db)


def _flat(a: Analysis) -> npt.NDArray[np.bool_]:
    return np.asarray((a.cell_span < STILL) & (np.abs(a.cell_mean) > 3 * STILL))


def _defects(a: Analysis, p: Params, found: Found) -> dict[str, Any]:
    """How much of each defect there is, as stored with the finding."""
    silent, flat = _silent(a, p), _flat(a)
    lost = silent | flat
    for start_s, stop_s in (*found.silences, *found.flatlines, *found.hangs, *found.bursts, *found.stuck):
        lost[round(start_s / a.cell_s) : round(stop_s / a.cell_s)] = True
    dead = found.silences + found.flatlines + found.hangs + found.stuck
    return {
        "duration_s": found.end_s,
        "sample_rate": a.sample_rate,
        "channels": a.n_channels,
        "silent_share": float(silent.mean()),
        "collapse_s": _collapse(dead, found.end_s, p.collapse_s),
        "flatline_share": float(flat.mean()),
        "hang_share": covered(found.hangs, found.end_s),
        "loop_score": found.loop_score,
        "loop_period_s": found.loop_period_s or None,
        "loop_share": covered(found.stuck, found.end_s),
        "clip_share": float(np.where(_clipped(a), a.cell_plateau, 0.0).mean()),
        "noise_share": covered(found.bursts, found.end_s),
        "broken_share": float(a.cell_broken.mean()),
        "usable_share": float(1.0 - lost.mean()),
    }


def _sound(a: Analysis, p: Params) -> dict[str, Any]:
    """What the sound is like: level, spectrum, key."""
    sounding = ~(_silent(a, p) | _flat(a))
    key, key_fit = features.key(a.chroma)
    return {
        "dc": a.dc,
        "bandwidth_hz": bandwidth_hz(a) if sounding.any() else 0.0,
        "noise_floor_db": _noise_floor_db(a, sounding),
        "side_db": a.side_db,
        "loudness_lufs": a.loudness.integrated_lufs,
        "loudness_range_lu": a.loudness.range_lu,
        "true_peak_db": a.loudness.true_peak_db,
        "flatness": float(np.median(a.cell_flatness[sounding])) if sounding.any() else 0.0,
        "centroid_hz": features.centroid(a.spectrum, a.frequencies_hz),
        "key": key,
        "key_fit": key_fit,
    }


def _rhythm(a: Analysis, rhythm: tempo.Tempo) -> dict[str, Any]:
    parts = [(round(s, 2), round(e, 2), part.plain()) for s, e, part in rhythm.parts]
    return {
        "density_hz": onset_rate(a.onset[:, 0], a.frame_rate),
        "tempo": rhythm.song.plain(),
        "tempo_parts": [
            {"start_s": s, "end_s": e, **{name: part[name] for name in ("base_bpm", "clarity", "peaks")}}
            for s, e, part in parts
        ],
    }


ALL_SILENT = 0.999


def _dead(v: dict[str, Any], p: Params, found: Found) -> Iterator[Flag]:
    """Flags of what is not music: broken samples, silence, collapse, stuck and hanging sound, noise."""
    end_s, whole = found.end_s, ((0.0, found.end_s),)
    if v["broken_share"] > 0:
        yield Flag("broken", v["broken_share"], 0.0, found.broken, "holds broken samples (NaN)")
    if v["silent_share"] >= ALL_SILENT:
        yield Flag("silence", v["silent_share"], p.silent_share, whole, "silent throughout")
    else:
        long = [r for r in found.silences if r[1] - r[0] >= p.silent_s]
        inner = [r for r in long if r[0] > EDGE_S and r[1] < end_s - EDGE_S]
        if inner or v["silent_share"] > p.silent_share:
            words = _silence_words(inner or list(found.silences), end_s)
            yield Flag("silence", v["silent_share"], p.silent_share, found.silences, words)
        if (at := v["collapse_s"]) is not None:
            yield Flag("collapse", end_s - at, p.collapse_s, ((at, end_s),), f"{_ending(at, found)} {clock(at)}")
    if still := found.flatlines:
        yield Flag("flatline", longest(still), p.flatline_s, still, f"stands still at {clock(still[0][0])}")
    if hangs := found.hangs:
        words = f"hangs from {clock(hangs[0][0])} to {clock(hangs[0][1])}"
        yield Flag("hang", longest(hangs), p.hang_s, hangs, words)
    if found.loops:
        first = found.loops[0]
        words = f"stuck in a {first.period_s:.2g} s loop from {clock(first.start_s)}"
        yield Flag("loop", first.sameness, p.loop_sameness, found.stuck, words)
    if bursts := found.bursts:
        words = "noise throughout" if v["noise_share"] > 0.8 else f"noise at {clock(bursts[0][0])}"
        yield Flag("noise", longest(bursts), p.noise_s, bursts, words)


def _technical(v: dict[str, Any], p: Params, found: Found) -> Iterator[Flag]:
    """Flags of how it was made: clipping, DC, bandwidth, noise floor, mono, level."""
    whole = ((0.0, found.end_s),)
    audible = v["silent_share"] < ALL_SILENT and found.end_s > 1.0
    if v["clip_share"] > p.clip_share:
        yield Flag("clipping", v["clip_share"], p.clip_share, found.clipped, "clipped")
    if abs(v["dc"]) > p.dc:
        yield Flag("dc", v["dc"], p.dc, whole, "pushed off centre (DC)")
    if audible and v["bandwidth_hz"] < p.bandwidth_hz:
        words = f"nothing above {v['bandwidth_hz'] / 1000:.1f} kHz"
        yield Flag("bandwidth", v["bandwidth_hz"], p.bandwidth_hz, whole, words)
    if audible and v["noise_floor_db"] is not None and v["noise_floor_db"] > p.noise_floor_db:
        yield Flag("noise_floor", v["noise_floor_db"], p.noise_floor_db, whole, "under a noise floor")
    if audible and v["side_db"] is not None and v["side_db"] < p.side_db:
        yield Flag("mono", v["side_db"], p.side_db, whole, "two equal channels")
    if audible and v["loudness_lufs"] is not None and v["loudness_lufs"] < p.quiet_lufs:
        yield Flag("quiet", v["loudness_lufs"], p.quiet_lufs, whole, "very quiet")
    if v["true_peak_db"] is not None and v["true_peak_db"] > p.true_peak_db:
        yield Flag("peak", v["true_peak_db"], p.true_peak_db, whole, f"peaks at {v['true_peak_db']:+.1f} dBTP")


def longest(ranges: Sequence[Range]) -> float:
    """Length of the longest range, s."""
    return max(b - a for a, b in ranges)


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


def _still_cells(a: Analysis) -> npt.NDArray[np.bool_]:
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


def _ending(at: float, found: Found) -> str:
    for ranges, words in (
        (found.silences, "falls silent at"),
        (found.flatlines, "flatlines at"),
        (found.hangs, "hangs from"),
        (found.stuck, "gets stuck for good at"),
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
