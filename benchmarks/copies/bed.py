"""Music that is indexed, music that is not, and snippets of both at random places."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import music
from neuralbum import audio
from neuralbum.demo.band import make_band
from neuralbum.originality import building
from neuralbum.originality.fingerprints import read_mono
from neuralbum.originality.index import Index

from .degradations import CONDITIONS, RATE, Condition, Float, level

HELD_OUT_NEXUIZ = ("stairs", "northern-lights", "thunder")
VERSIONS = ("sixtyfour_revisited",)
"""A remix of an indexed track: neither a copy nor a negative."""


@dataclass(frozen=True)
class Bed:
    indexed: dict[str, Float]
    negatives: dict[str, Float]
    index: Index | None  #: ours; None: not built
    built_cpu_s: float  #: from float sound to index, null distributions included
    decode_cpu_s: float


def make_bed(seed: int, *, quick: bool, with_index: bool = True) -> Bed:
    began = time.process_time()
    nexuiz = {path.stem: path for path in sorted(music.nexuiz().rglob("*.ogg"))}
    asc = {path.stem: path for path in sorted(music.unpack_package("asc-music").rglob("*.ogg"))}
    singularity = sorted(music.unpack_package("singularity-music").rglob("*.ogg"))
    wanted = {**nexuiz, **asc}
    indexed = {n: read_mono(p) for n, p in wanted.items() if n not in HELD_OUT_NEXUIZ + VERSIONS}
    negatives = {n: read_mono(nexuiz[n]) for n in HELD_OUT_NEXUIZ}
    negatives |= {path.stem: read_mono(path) for path in singularity[: 6 if quick else 12]}
    decoded = time.process_time() - began
    band = make_band(seed=seed, n_songs=6, duration_s=30.0)
    for number, song in enumerate(band):
        sound = audio.resample(song.audio.mean(axis=0, keepdims=True), song.sample_rate, RATE)[0]
        (indexed if number < 4 else negatives)[f"demo: {song.title}"] = sound
    if not with_index:
        return Bed(indexed, negatives, None, 0.0, decoded)
    began = time.process_time()
    index, _ = building.build_index(
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
