"""The fingerprint test's own test: degraded, shifted, planted and covered music, searched for blind.

    python benchmarks/originality.py [--quick] [--json] [--detector …] [--seed 1] [--positions 16]

The test bed is built from Debian's game soundtracks (nexuiz-music, asc-music; singularity-music and two
nexuiz tracks are never indexed), the built-in demo band, and the MIDI songs of openttd-openmsx played
twice by different made-up orchestras. Positions, noise and mixes follow from --seed.

Recall counts a snippet as found when its best segment names the right track and scores higher than every
segment that any negative of the same length got. Whether it also names the right place (0.5 s, at the
middle of the segment) is a row of its own: in music made of loops another repetition is the same
music. Negatives known to share material with the index are left out of the
threshold and reported: none is known in this bed.

--detector puts anybody's detector to the same queries (docs/copies.md): ours, fpcalc, audfprint2, module:Class, or a
command with the places {tracks}, {queries} and {answers}; may be given several times.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import music
from copies import midi
from copies.bed import HELD_OUT_NEXUIZ, Bed, Snippet, cut, make_bed, snippets
from copies.degradations import CONDITIONS, RATE, Float, level, mu_law
from copies.detectors import detector_rows, queries_of
from neuralbum.errors import NeuralbumError
from neuralbum.originality import building, fingerprints, null_distribution
from neuralbum.originality.copies import find_copies, index_songs
from neuralbum.originality.index import gather, write
from neuralbum.originality.null_distribution import null_for
from neuralbum.originality.search import FINER, Searcher, Segment
from report import Row, print_report, row

MAX_P = 3e-4  #: the stated threshold: the default of `neuralbum originality search`
NEGATIVE_LENGTHS = (1, 2, 3, 5, 10, 30)
PLACE_S = 0.5

LANES = ("exact", "shifted", "cover")


PLANTED_BARS = {1: 60.0, 2: 95.0, 3: 100.0}
COVER_BARS = {60: (95.0, 80.0), 30: (90.0, 60.0), 15: (80.0, 40.0)}


def misplaced_s(segment: Segment, snippet: Snippet) -> float:
    """How far the middle of a segment lies from where it should, in s of the track."""
    middle = (segment.q_start_s + segment.q_end_s) / 2
    expected = snippet.start_s + middle * snippet.condition.speed
    return abs(segment.r_start_s + (middle - segment.q_start_s) * segment.speed - expected)


# ---- measuring -------------------------------------------------------------------


class Clock:
    """CPU seconds per second of query."""

    def __init__(self) -> None:
        self.cpu_s = self.sound_s = 0.0

    def search(self, searcher: Searcher, sound: Float, **options: Any) -> list[Segment]:
        began = time.process_time()
        found = searcher.search(sound, max_p=1.0, **options)
        self.cpu_s += time.process_time() - began
        self.sound_s += sound.size / RATE
        return found


def negatives_of(bed: Bed, seed: int, per_length: int) -> Iterator[tuple[int, str, Float]]:
    rng = np.random.default_rng([seed, 3])
    for length in NEGATIVE_LENGTHS:
        for _ in range(per_length):
            name, start = cut(bed.negatives, length, rng)
            yield length, name, bed.negatives[name][start : start + length * RATE]


def grid_rows(bed: Bed, searcher: Searcher, seed: int, n_positions: int, per_length: int, clock: Clock) -> list[Row]:
    rows: list[Row] = []
    best: dict[int, list[tuple[float, float, str]]] = {length: [] for length in NEGATIVE_LENGTHS}
    for length, name, sound in negatives_of(bed, seed, per_length):
        found = clock.search(searcher, sound)
        best[length].append((found[0].score, found[0].p, name) if found else (0.0, 1.0, name))
    threshold = {length: max(score for score, _, _ in some) for length, some in best.items()}
    every = [entry for some in best.values() for entry in some]
    alarms = [(p, name) for _, p, name in every if p <= MAX_P]
    rows.append(
        row(
            f"false alarms at p <= {MAX_P:g} ({len(every)} negatives)",
            len(alarms),
            "alarms",
            "<= 0",
            reason="; ".join(f"{name} p={p:.1e}" for p, name in alarms[:3]),
        )
    )
    rows += stated_rows(bed, searcher, seed, 6 * per_length, [p for _, p, _ in every])
    rows += [
        Row(f"threshold for {n} s (highest negative score)", round(v, 2), "-log10 p") for n, v in threshold.items()
    ]

    lengths = (1, 2, 3, 5, 10)
    hits: dict[tuple[str, int], list[tuple[bool, bool]]] = {}
    errors: list[float] = []
    for snippet in snippets(bed, seed, n_positions, lengths):
        found = clock.search(searcher, snippet.sound)
        right = bool(found) and found[0].reference == snippet.track
        above = right and found[0].score > threshold[snippet.length_s]
        listed = right and found[0].p <= MAX_P
        hits.setdefault((snippet.condition.name, snippet.length_s), []).append((above, listed))
        if above:
            errors.append(misplaced_s(found[0], snippet))
    for condition in CONDITIONS:
        bars = dict(condition.bars)
        for length in lengths:
            some = np.array(hits[condition.name, length], float)
            bar = f">= {bars[length]:g} %" if length in bars else ""
            listed = f"listed at p <= {MAX_P:g}: {100 * some[:, 1].mean():.0f} %"
            rows.append(row(f"{condition.name}, {length} s", 100 * float(some[:, 0].mean()), "%", bar, reason=listed))
    rows.append(Row("median error of place", round(float(np.median(errors)), 3), "s"))
    rows.append(Row("found at the right repetition", round(100 * float(np.mean(np.array(errors) < PLACE_S)), 1), "%"))
    return rows


def stated_rows(bed: Bed, searcher: Searcher, seed: int, n_decoys: int, elsewhere: Sequence[float]) -> list[Row]:
    """Is p what it says? On fresh decoys of the two kinds that p speaks of, and on music of other bands.

    Held-out songs of the indexed bands as they are, and stretches of indexed tracks played backwards and searched in
    all tracks but their own, in turn. p as ``Searcher.search`` gives it: the best lane, times the lanes.
    """
    rng = np.random.default_rng([seed, 6])
    held_out = {name: bed.negatives[name] for name in HELD_OUT_NEXUIZ}
    found_p = []
    for number in range(n_decoys):
        length = (1, 3, 10)[number // 2 % 3]
        sounds = held_out if number % 2 else bed.indexed
        name, start = cut(sounds, length, rng)
        sound = sounds[name][start : start + length * RATE]
        picture = fingerprints.analyse(sound if number % 2 else sound[::-1].copy(), finer=FINER)
        skip = None if number % 2 else list(bed.indexed).index(name)
        best = [
            null_for(searcher.nulls[lane], picture.duration_s, bed.index.duration_s).log10_p(some[0].evidence)
            for lane, some in searcher.align(picture, LANES, skip_track=skip).items()
            if some
        ]
        found_p.append(len(LANES) * 10 ** min(best, default=0.0))
    rows = []
    for stated in (0.1, 0.03):
        ratio = sum(p <= stated for p in found_p) / len(found_p) / stated
        other = sum(p <= stated for p in elsewhere) / len(elsewhere) / stated
        enough = n_decoys * stated >= 10
        rows.append(
            Row(
                f"stated p = {stated:g}: seen share / stated, {n_decoys} fresh decoys",
                round(ratio, 2),
                "x",
                "0.5 to 2",
                0.5 <= ratio <= 2 if enough else None,
                f"the negatives, other bands mostly: {other:.2f} x" + ("" if enough else "; too few decoys"),
            )
        )
    return rows


def planted_rows(bed: Bed, searcher: Searcher, seed: int, per_length: int, clock: Clock) -> list[Row]:
    """Snippets hidden in half a minute of other music, the whole through 8-bit mu-law."""
    rng = np.random.default_rng([seed, 4])
    rows, ends = [], []
    for length in (1, 2, 3):
        found_n = listed_n = placed_n = 0
        for _ in range(per_length):
            name, start = cut(bed.negatives, 30, rng)
            host = bed.negatives[name][start : start + 30 * RATE].copy()
            track, at = cut(bed.indexed, length, rng)
            inside = int(rng.uniform(2, 27 - length) * RATE)
            copy = bed.indexed[track][at : at + length * RATE]
            host[inside : inside + copy.size] = copy * np.float32(level(host) / level(copy))
            found = clock.search(searcher, mu_law(host))
            if not found or found[0].reference != track:
                continue
            first = found[0]
            if min(first.q_end_s, inside / RATE + length) - max(first.q_start_s, inside / RATE) < length / 2:
                continue  # found, but not what was planted
            found_n += 1
            placed_n += abs((first.r_start_s - first.q_start_s) - (at - inside) / RATE) <= PLACE_S
            listed_n += first.p <= MAX_P
            if length >= 2:
                apart = max(abs(first.q_start_s - inside / RATE), abs(first.q_end_s - inside / RATE - length))
                ends.append(apart <= 0.25)
        rows.append(
            row(
                f"planted {length} s in 30 s of other music",
                100 * found_n / per_length,
                "%",
                f">= {PLANTED_BARS[length]:g} %",
                reason=f"listed at p <= {MAX_P:g}: {100 * listed_n / per_length:.0f} %; "
                f"at the right repetition: {100 * placed_n / per_length:.0f} %",
            )
        )
    rows.append(row("both ends of planted >= 2 s within 0.25 s", 100 * float(np.mean(ends)), "%", ">= 90 %"))
    return rows


def cover_rows(seed: int, *, quick: bool) -> list[Row]:
    """MIDI songs played twice; the second time with another orchestra, key and tempo."""
    files = sorted(music.unpack_package("openttd-openmsx").rglob("*.mid"))[: 12 if quick else None]
    rng = np.random.default_rng([seed, 5])
    songs, covers = [], []
    for number, path in enumerate(files):
        notes = midi.read_midi(path)
        songs.append(midi.play(notes, seed=seed * 1000 + 2 * number, length_s=150.0))
        turn, tempo = int(rng.integers(-5, 5)), float(rng.uniform(0.85, 1.15))
        covers.append(midi.play(notes, seed=seed * 1000 + 2 * number + 1, transpose=turn, tempo=tempo, length_s=60.0))
    index = gather([(str(n), str(n), fingerprints.analyse(sound)) for n, sound in enumerate(songs)])
    nulls = {"cover": building.fit_cover_null(index)}
    searcher = Searcher(dataclasses.replace(index, nulls=null_distribution.to_plain(nulls)))
    rows = []
    for length in (60, 30, 15):
        top, right, wrong = 0, [], []
        for number, sound in enumerate(covers):
            null = null_for(searcher.nulls["cover"], min(length, sound.size / RATE), index.duration_s)
            aligned = searcher.align(fingerprints.analyse(sound[: length * RATE], finer=FINER), ("cover",))["cover"]
            scores = [(-null.log10_p(one.evidence), one.track) for one in aligned]
            top += bool(scores) and scores[0][1] == number
            right.append(max((s for s, track in scores if track == number), default=0.0))
            wrong += [s for s, track in scores if track != number]
        first, above = COVER_BARS[length]
        rows.append(row(f"covers {length} s: right song first", 100 * top / len(covers), "%", f">= {first:g} %"))
        share = 100 * float(np.mean(np.array(right) > max(wrong)))
        listed = f"p <= {MAX_P:g}: {100 * np.mean(np.array(right) > -math.log10(MAX_P)):.0f} %"
        rows.append(row(f"covers {length} s: above any wrong pair", share, "%", f">= {above:g} %", reason=listed))
    return rows


def cost_rows(bed: Bed, seed: int, *, quick: bool) -> list[Row]:
    """What it costs on an index of ten hours (the bed's tracks several times, told apart by name)."""
    hours = bed.index.duration_s / 3600
    began = time.process_time()
    named = [(name, name, fingerprints.analyse(sound)) for name, sound in bed.indexed.items()]
    draw_s = time.process_time() - began
    began = time.process_time()
    gather(named)
    gather_s = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        size = write(bed.index, Path(folder) / "bed.nbx").size
    many = [(f"{name} {k}", name, picture) for k in range(math.ceil(10 / hours)) for name, _, picture in named]
    hours_of = np.cumsum([picture.duration_s / 3600 for _, _, picture in many])
    large = gather(many[: int(np.searchsorted(hours_of, 10)) + 1])
    large = dataclasses.replace(large, nulls=bed.index.nulls)
    searcher = Searcher(large)
    began = time.process_time()
    _ = searcher.blocks
    open_s = time.process_time() - began
    query = next(sound for sound in bed.negatives.values() if sound.size > 130 * RATE)
    query = query[20 * RATE : (50 if quick else 110) * RATE]
    spent = {}
    for lanes in (("exact",), LANES):
        clock = Clock()
        clock.search(searcher, query, lanes=lanes)
        spent[lanes] = clock.cpu_s / clock.sound_s * 3600
    large_hours = large.duration_s / 3600
    began = time.process_time()
    songs = index_songs(bed.indexed, RATE, seed=seed)
    index_s = time.process_time() - began
    find_copies(songs, [query], RATE)  # prepares the blocks
    began = time.process_time()
    find_copies(songs, [query], RATE)
    find_s = time.process_time() - began
    return [
        Row("music indexed", round(bed.index.duration_s / 60, 1), "min"),
        row("hashes", bed.index.hashes_per_second(), "/s", ">= 300 /s"),
        row("index, from 16 kHz sound", (draw_s + gather_s) / hours, "CPU s/h", "<= 10"),
        Row("index, null distributions besides", round((bed.built_cpu_s - draw_s - gather_s) / hours, 1), "CPU s/h"),
        row("in memory, index of songs", 1000 * index_s / bed.index.duration_s, "CPU-ms/s"),
        row("in memory, copies in a clip", 1000 * find_s / (query.size / RATE), "CPU-ms/s", "<= 50"),
        row("index size", size / 1e6 / hours, "MB/h", "<= 8"),
        Row("open a 10 h index", round(open_s, 1), "CPU s"),
        row(f"exact lane, {large_hours:.1f} h index", spent["exact",], "CPU s/h", "<= 60"),
        row(f"all lanes, {large_hours:.1f} h index", spent[LANES], "CPU s/h", "<= 600"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a smaller run that still measures every row it can")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--detector", action="append", default=[], help="measure another detector; see docs/copies.md")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--positions", type=int, default=0, help="positions a condition (default 16, --quick 3)")
    parser.add_argument("--negatives", type=int, default=0, help="negatives a length (default 115, --quick 8)")
    parser.add_argument("--parts", default="cost,grid,planted,covers", help="which parts to measure (or none)")
    asked = parser.parse_args()
    n_positions = asked.positions or (3 if asked.quick else 16)
    n_negatives = asked.negatives or (8 if asked.quick else 115)
    parts = asked.parts.split(",")
    began = time.process_time()
    rows: list[Row] = []
    ours = {"cost", "grid", "planted"} & set(parts)
    if ours or asked.detector:
        bed = make_bed(asked.seed, quick=asked.quick, with_index=bool(ours))
        print(f"bed built after {time.process_time() - began:.0f} CPU s", file=sys.stderr)
    if ours:
        searcher, clock = Searcher(bed.index), Clock()
        if "cost" in parts:
            rows += cost_rows(bed, asked.seed, quick=asked.quick)
        if "grid" in parts:
            rows += grid_rows(bed, searcher, asked.seed, n_positions, n_negatives, clock)
        if "planted" in parts:
            rows += planted_rows(bed, searcher, asked.seed, 4 if asked.quick else 20, clock)
    if asked.detector:
        queries = queries_of(bed, asked.seed, n_positions, n_negatives)
        with tempfile.TemporaryDirectory() as folder:
            for number, which in enumerate(asked.detector):
                rows += detector_rows(which, bed, queries, Path(folder) / str(number))
    if "covers" in parts:
        rows += cover_rows(asked.seed, quick=asked.quick)
    rows.append(Row("this benchmark", round(time.process_time() - began), "CPU s"))
    print_report(rows, as_json=asked.json, more={"seed": asked.seed, "positions": n_positions, "max_p": MAX_P})


if __name__ == "__main__":
    try:
        main()
    except NeuralbumError as error:
        raise SystemExit(str(error)) from error
