"""The fingerprint test's own test: degraded, shifted, planted and covered music, searched for blind.

    python benchmarks/originality.py [--quick] [--json] [--peers] [--seed 1] [--positions 16]

The test bed is built from Debian's game soundtracks (nexuiz-music, asc-music; singularity-music and two
nexuiz tracks are never indexed), the built-in demo band, and the MIDI songs of openttd-openmsx played
twice by different made-up orchestras. Positions, noise and mixes follow from --seed.

Recall counts a snippet as found when its best segment names the right track and scores higher than every
segment that any negative of the same length got. Whether it also names the right place (0.5 s, at the
middle of the segment) is a row of its own: in music made of loops another repetition is the same
music. Negatives known to share material with the index are left out of the
threshold and reported: none is known in this bed.

--peers measures chromaprint (fpcalc with a sliding Hamming match) and audfprint2 on the same snippets,
where they are installed.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import midi
import music
from neuralbum import audio
from neuralbum.demo.band import make_band
from neuralbum.errors import NeuralbumError
from neuralbum.originality import building, null, spectra
from neuralbum.originality.index import Index, gather, write
from neuralbum.originality.listening import hear_file
from neuralbum.originality.search import FINER, Searcher, Segment
from report import Row, print_report, row

Float = npt.NDArray[np.float32]
RATE = spectra.SAMPLE_RATE
MAX_P = 3e-4  #: the stated threshold: the default of `neuralbum originality search`
NEGATIVE_LENGTHS = (1, 2, 3, 5, 10, 30)
PLACE_S = 0.5

HELD_OUT_NEXUIZ = ("stairs", "northern-lights", "thunder")
VERSIONS = ("sixtyfour_revisited",)
"""A remix of an indexed track: neither a copy nor a negative."""

LANES = ("exact", "shifted", "cover")


# ---- degradations ----------------------------------------------------------------


def mu_law(sound: Float) -> Float:
    peak = max(float(np.abs(sound).max()), 1e-9)
    bent = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / math.log(256)
    bent = np.rint(bent * 127) / 127
    return (np.sign(bent) * (256.0 ** np.abs(bent) - 1) / 255 * peak).astype(np.float32)


def level(sound: Float) -> float:
    return math.sqrt(float(np.mean(np.square(sound))) + 1e-12)


def noisy(sound: Float, db: float, rng: np.random.Generator) -> Float:
    noise = rng.standard_normal(sound.size).astype(np.float32)
    return sound + noise * np.float32(level(sound) / 10 ** (db / 20))


def mixed(sound: Float, other: Float) -> Float:
    return sound / np.float32(level(sound)) + other[: sound.size] / np.float32(level(other[: sound.size]))


def low_passed(sound: Float) -> Float:
    from scipy import signal

    return signal.sosfilt(signal.butter(6, 3000, fs=RATE, output="sos"), sound).astype(np.float32)


def equalised(sound: Float, rng: np.random.Generator) -> Float:
    spectrum = np.fft.rfft(sound)
    octave = np.log2(np.maximum(np.fft.rfftfreq(sound.size, 1 / RATE), 30) / 30)
    gain_db = np.interp(octave, np.arange(0, 10, 1.5), rng.uniform(-12, 12, 7))
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), sound.size).astype(np.float32)


def compressed(sound: Float, bit_rate: int = 64_000) -> Float:
    """Through MP3 and back."""
    import av

    held = io.BytesIO()
    with av.open(held, "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=RATE, layout="mono", bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray(np.clip(sound, -1, 1)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (part := fifo.read(1152, True)) is not None:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    held.seek(0)
    with av.open(held) as back:
        parts = [np.atleast_2d(f.to_ndarray()).mean(axis=0) for f in back.decode(audio=0)]
    decoded = np.concatenate(parts).astype(np.float32)
    delay = min(1105, max(decoded.size - sound.size, 0))  # LAME's delay: 576 + 529 samples
    return decoded[delay : delay + sound.size]


def taped(sound: Float, semitones: float) -> Float:
    import soxr

    return soxr.resample(sound, RATE * 2 ** (semitones / 12), RATE).astype(np.float32)


def stretched(sound: Float, speed: float) -> Float:
    import librosa

    return librosa.effects.time_stretch(sound, rate=speed).astype(np.float32)


def pitched(sound: Float, semitones: float) -> Float:
    import librosa

    return librosa.effects.pitch_shift(sound, sr=RATE, n_steps=semitones).astype(np.float32)


@dataclass(frozen=True)
class Condition:
    name: str
    spoil: Callable[[Float, Float, np.random.Generator], Float]  #: (snippet, other music, dice)
    speed: float = 1.0
    bars: tuple[tuple[int, float], ...] = ()  #: (length in s, recall in %)


def tape_speed(semitones: float) -> float:
    return 2 ** (semitones / 12)


ALWAYS = ((1, 90), (2, 100), (3, 100))
CONDITIONS = (
    Condition("clean", lambda s, o, r: s, bars=ALWAYS),
    Condition("mp3 64k", lambda s, o, r: compressed(s), bars=ALWAYS),
    Condition("mu-law 8 bit", lambda s, o, r: mu_law(s), bars=ALWAYS),
    Condition("mu-law + noise 10 dB", lambda s, o, r: mu_law(noisy(s, 10, r)), bars=((1, 70), (2, 80), (3, 97))),
    Condition("noise 0 dB", lambda s, o, r: noisy(s, 0, r), bars=((3, 65), (5, 85), (10, 100))),
    Condition("low-pass 3 kHz", lambda s, o, r: low_passed(s), bars=((1, 90), (2, 100), (5, 100))),
    Condition("equaliser ±12 dB", lambda s, o, r: equalised(s, r), bars=((1, 90), (2, 100), (5, 100))),
    Condition("mixed at 0 dB", lambda s, o, r: mixed(s, o), bars=((1, 50), (3, 95), (10, 100))),
    *(
        Condition(f"pitch {n:+d}", lambda s, o, r, n=n: pitched(s, n), bars=((3, 85), (5, 95), (10, 100)))  # type: ignore[misc]
        for n in (1, -1, 2, -2)
    ),
    *(
        Condition(f"pitch {n:+d}", lambda s, o, r, n=n: pitched(s, n), bars=((5, 90), (10, 100)))  # type: ignore[misc]
        for n in (4, -4)
    ),
    *(
        Condition(
            f"tape {n:+d}", lambda s, o, r, n=n: taped(s, n), tape_speed(n), bars=((10, 95 if abs(n) == 1 else 90),)
        )  # type: ignore[misc]
        for n in (1, -1, 2, -2)
    ),
    *(
        Condition(f"tempo x{v}", lambda s, o, r, v=v: stretched(s, v), v, bars=((1, 75), (3, 100), (10, 100)))  # type: ignore[misc]
        for v in (1.05, 0.95)
    ),
    *(
        Condition(f"tempo x{v}", lambda s, o, r, v=v: stretched(s, v), v, bars=((3, 80), (10, 95)))  # type: ignore[misc]
        for v in (1.1, 0.9)
    ),
)
PLANTED_BARS = {1: 60.0, 2: 95.0, 3: 100.0}
COVER_BARS = {60: (95.0, 80.0), 30: (90.0, 60.0), 15: (80.0, 40.0)}


# ---- the bed ---------------------------------------------------------------------


@dataclass(frozen=True)
class Bed:
    indexed: dict[str, Float]
    negatives: dict[str, Float]
    index: Index
    built_cpu_s: float  #: from float sound to index, laws of chance included
    decode_cpu_s: float


def make_bed(seed: int, *, quick: bool) -> Bed:
    began = time.process_time()
    nexuiz = {path.stem: path for path in sorted(music.nexuiz().rglob("*.ogg"))}
    asc = {path.stem: path for path in sorted(music.unpack_package("asc-music").rglob("*.ogg"))}
    singularity = sorted(music.unpack_package("singularity-music").rglob("*.ogg"))
    wanted = {**nexuiz, **asc}
    indexed = {n: hear_file(p) for n, p in wanted.items() if n not in HELD_OUT_NEXUIZ + VERSIONS}
    negatives = {n: hear_file(nexuiz[n]) for n in HELD_OUT_NEXUIZ}
    negatives |= {path.stem: hear_file(path) for path in singularity[: 6 if quick else 12]}
    decoded = time.process_time() - began
    band = make_band(seed=seed, n_songs=6, duration_s=30.0)
    for number, song in enumerate(band):
        sound = audio.resample(song.audio.mean(axis=0, keepdims=True), song.sample_rate, RATE)[0]
        (indexed if number < 4 else negatives)[f"demo: {song.title}"] = sound
    began = time.process_time()
    index, _ = building.build(
        [building.Source(name, name, lambda sound=sound: sound) for name, sound in indexed.items()],  # type: ignore[misc]
        seed=seed,
    )
    return Bed(indexed, negatives, index, time.process_time() - began, decoded)


@dataclass(frozen=True)
class Snippet:
    condition: Condition
    length_s: int
    track: str
    start_s: float
    sound: Float


def cut(sounds: dict[str, Float], length_s: float, rng: np.random.Generator) -> tuple[str, int]:
    """A random place with sound in it; tracks are drawn by their length."""
    names = list(sounds)
    sizes = np.array([max(sounds[n].size - length_s * RATE, 0.0) for n in names])
    while True:
        name = names[int(rng.choice(len(names), p=sizes / sizes.sum()))]
        start = int(rng.integers(0, sounds[name].size - int(length_s * RATE)))
        if level(sounds[name][start : start + int(length_s * RATE)]) > 10 ** (-50 / 20):
            return name, start


def snippets(bed: Bed, seed: int, n_positions: int, lengths: Sequence[int]) -> Iterator[Snippet]:
    rng = np.random.default_rng([seed, 2])
    longest = max(lengths)
    reach = longest * 1.3
    places = [cut(bed.indexed, reach, rng) for _ in range(n_positions)]
    for condition in CONDITIONS:
        for track, start in places:
            # One spoiling for all lengths (nested cuts), as a listener would cut them.
            other_name, other_start = cut(bed.negatives, reach, rng)
            other = bed.negatives[other_name][other_start : other_start + int(reach * RATE)]
            sound = bed.indexed[track][start : start + int(longest * max(condition.speed, 1.0) * RATE) + RATE]
            spoiled = condition.spoil(sound, other, rng)
            for length in lengths:
                yield Snippet(condition, length, track, start / RATE, spoiled[: length * RATE])


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
    rows += stated_rows(bed, searcher, seed, 2 * per_length, [p for _, p, _ in every])
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
        picture = spectra.draw(sound if number % 2 else sound[::-1].copy(), finer=FINER)
        skip = None if number % 2 else list(bed.indexed).index(name)
        best = [
            null.law_for(searcher.laws[lane], picture.duration_s, bed.index.duration_s).log10_p(some[0].evidence)
            for lane, some in searcher.align(picture, LANES, skip_track=skip).items()
            if some
        ]
        found_p.append(len(LANES) * 10 ** min(best, default=0.0))
    rows = []
    for stated in (0.1, 0.03):
        ratio = sum(p <= stated for p in found_p) / len(found_p) / stated
        other = sum(p <= stated for p in elsewhere) / len(elsewhere) / stated
        enough = n_decoys * stated >= 5
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
    index = gather([(str(n), str(n), spectra.draw(sound)) for n, sound in enumerate(songs)])
    laws = {"cover": building.learn_cover(index)}
    searcher = Searcher(dataclasses.replace(index, nulls=null.to_plain(laws)))
    rows = []
    for length in (60, 30, 15):
        top, right, wrong = 0, [], []
        for number, sound in enumerate(covers):
            law = null.law_for(searcher.laws["cover"], min(length, sound.size / RATE), index.duration_s)
            aligned = searcher.align(spectra.draw(sound[: length * RATE], finer=FINER), ("cover",))["cover"]
            scores = [(-law.log10_p(one.evidence), one.track) for one in aligned]
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
    named = [(name, name, spectra.draw(sound)) for name, sound in bed.indexed.items()]
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
    return [
        Row("music indexed", round(bed.index.duration_s / 60, 1), "min"),
        row("hashes", bed.index.hashes_per_second(), "/s", ">= 300 /s"),
        row("index, from 16 kHz sound", (draw_s + gather_s) / hours, "CPU s/h", "<= 10"),
        Row("index, laws of chance besides", round((bed.built_cpu_s - draw_s - gather_s) / hours, 1), "CPU s/h"),
        row("index size", size / 1e6 / hours, "MB/h", "<= 8"),
        Row("open a 10 h index", round(open_s, 1), "CPU s"),
        row(f"exact lane, {large_hours:.1f} h index", spent["exact",], "CPU s/h", "<= 60"),
        row(f"all lanes, {large_hours:.1f} h index", spent[LANES], "CPU s/h", "<= 600"),
    ]


# ---- peers -----------------------------------------------------------------------


def peer_rows(bed: Bed, seed: int, n_positions: int) -> list[Row]:
    rows: list[Row] = []
    for name, peer in (("fpcalc", Chromaprint), ("audfprint2", Audfprint)):
        if not peer.there():
            rows.append(Row(f"peer {name}", None, reason="not installed"))
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows += _peer(name, peer(bed, Path(folder)), bed, seed, n_positions)
    return rows


def _peer(name: str, peer: Any, bed: Bed, seed: int, n_positions: int) -> list[Row]:
    lengths, chosen = (
        (1, 3, 10),
        ("clean", "mu-law + noise 10 dB", "mixed at 0 dB", "pitch +2", "tape +1", "tempo x1.05"),
    )
    rng = np.random.default_rng([seed, 3])
    threshold = {}
    for length in lengths:
        scores = []
        for _ in range(max(n_positions * 2, 10)):
            track, start = cut(bed.negatives, length, rng)
            scores.append(peer.best(bed.negatives[track][start : start + length * RATE])[1])
        threshold[length] = max(scores)
    hits: dict[tuple[str, int], list[bool]] = {}
    for snippet in snippets(bed, seed, n_positions, (1, 2, 3, 5, 10)):
        if snippet.condition.name in chosen and snippet.length_s in lengths:
            track, score = peer.best(snippet.sound)
            right = track == snippet.track and score > threshold[snippet.length_s]
            hits.setdefault((snippet.condition.name, snippet.length_s), []).append(right)
    return [
        Row(f"peer {name}: {condition}, {length} s", round(100 * float(np.mean(some)), 1), "%", "", None, "right track")
        for (condition, length), some in sorted(hits.items(), key=lambda item: (chosen.index(item[0][0]), item[0][1]))
    ]


class Chromaprint:
    """fpcalc's raw words, slid over every track; the score is the share of equal bits."""

    @staticmethod
    def there() -> bool:
        return shutil.which("fpcalc") is not None

    def __init__(self, bed: Bed, folder: Path) -> None:
        self.folder = folder
        self.words = {name: self._words(sound) for name, sound in bed.indexed.items()}

    def _words(self, sound: Float) -> npt.NDArray[np.uint32]:
        path = self.folder / "query.wav"
        import soundfile

        soundfile.write(path, np.clip(sound, -1, 1), RATE)
        done = subprocess.run(["fpcalc", "-raw", "-length", "0", path], capture_output=True, text=True)
        text = next((line[12:] for line in done.stdout.splitlines() if line.startswith("FINGERPRINT=")), "")
        return np.array([int(w) & 0xFFFFFFFF for w in text.split(",") if w], np.uint32)

    def best(self, sound: Float) -> tuple[str, float]:
        query = self._words(sound)
        best = ("", 0.0)
        for name, words in self.words.items():
            if not 0 < query.size <= words.size:
                continue
            view = np.lib.stride_tricks.sliding_window_view(words, query.size)
            equal = 1 - float(np.bitwise_count(view ^ query).sum(axis=1).min()) / (32 * query.size)
            best = max(best, (name, equal), key=lambda pair: pair[1])
        return best


class Audfprint:
    """audfprint2 as installed, at its own defaults; the score is the number of aligned hashes."""

    @staticmethod
    def there() -> bool:
        return shutil.which("audfprint2") is not None or shutil.which("audfprint") is not None

    def __init__(self, bed: Bed, folder: Path) -> None:
        import soundfile

        self.folder, self.command = folder, shutil.which("audfprint2") or shutil.which("audfprint")
        files = []
        for number, sound in enumerate(bed.indexed.values()):
            files.append(folder / f"{number}.wav")
            soundfile.write(files[-1], np.clip(sound, -1, 1), RATE)
        self.names = list(bed.indexed)
        subprocess.run([self.command, "new", *files, "--dbase", folder / "db.pklz"], capture_output=True, check=True)

    def best(self, sound: Float) -> tuple[str, float]:
        import soundfile

        soundfile.write(self.folder / "query.wav", np.clip(sound, -1, 1), RATE)
        query = self.folder / "query.wav"
        words = [self.command, "match", query, "--dbase", self.folder / "db.pklz", "--min-count", "1"]
        text = subprocess.run(words, capture_output=True, text=True).stdout
        line = next((one for one in text.splitlines() if one.startswith("Matched")), "")
        if " as " not in line or " with " not in line:
            return "", 0.0
        file = line.split(" as ")[1].split(" at ")[0].strip()
        return self.names[int(Path(file).stem)], float(line.split(" with ")[1].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a smaller run that still measures every row it can")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--peers", action="store_true", help="measure installed peers on the same snippets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--positions", type=int, default=0, help="positions a condition (default 16, --quick 3)")
    parser.add_argument("--negatives", type=int, default=0, help="negatives a length (default 115, --quick 8)")
    parser.add_argument("--parts", default="cost,grid,planted,covers", help="which parts to measure")
    asked = parser.parse_args()
    n_positions = asked.positions or (3 if asked.quick else 16)
    n_negatives = asked.negatives or (8 if asked.quick else 115)
    parts = asked.parts.split(",")
    began = time.process_time()
    rows: list[Row] = []
    if {"cost", "grid", "planted"} & set(parts) or asked.peers:
        bed = make_bed(asked.seed, quick=asked.quick)
        print(f"bed built after {time.process_time() - began:.0f} CPU s", file=sys.stderr)
        searcher, clock = Searcher(bed.index), Clock()
        if "cost" in parts:
            rows += cost_rows(bed, asked.seed, quick=asked.quick)
        if "grid" in parts:
            rows += grid_rows(bed, searcher, asked.seed, n_positions, n_negatives, clock)
        if "planted" in parts:
            rows += planted_rows(bed, searcher, asked.seed, 4 if asked.quick else 20, clock)
        if asked.peers:
            rows += peer_rows(bed, asked.seed, n_positions)
    if "covers" in parts:
        rows += cover_rows(asked.seed, quick=asked.quick)
    rows.append(Row("this benchmark", round(time.process_time() - began), "CPU s"))
    print_report(rows, as_json=asked.json, more={"seed": asked.seed, "positions": n_positions, "max_p": MAX_P})


if __name__ == "__main__":
    try:
        main()
    except NeuralbumError as error:
        raise SystemExit(str(error)) from error
