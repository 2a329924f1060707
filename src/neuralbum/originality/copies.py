"""How much of some clips is copied from known songs, in memory: for a training that wants to know while it goes on.

    index = index_songs({"Stairs": stereo, "Thunder": mono}, 44_100)
    for clip in find_copies(index, clips, 24_000):
        print(clip.copied_s, clip.p, [(s.reference, s.r_start_s) for s in clip.segments])
    plant_copies(index, clips, 24_000)  # what share of known copies would have been found

The search is that of ``search``. With an hour of songs a second of clip takes 9 CPU-ms, 3 without copies that are
transposed or played at another speed (``lanes=("exact",)``); the index takes 2 CPU-ms per second of song.

Pure: arrays in, plain numbers out; no project, no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .building import Source, build_index
from .fingerprints import SAMPLE_RATE, Float, mono_16k
from .search import Searcher, Segment

PLANTED_S = (1.0, 2.0, 3.0, 5.0)  #: lengths of planted copies
LONGEST_S = max(PLANTED_S)
SURROUNDINGS_S = 30.0  #: of a clip that a copy is planted in
N_SNIPPETS = 40  #: kept with an index, to be planted
PLACE_S = 0.5  #: a planted copy counts as found when its place in the song is right within this
AUDIBLE = 0.1  #: of a song's level: quieter places are not planted
BLOCK_S = 10

Sound = npt.NDArray[Any]
"""(n_samples,) or (channels, n_samples), float in [−1, 1] or integers of full range."""


@dataclass(frozen=True)
class Snippet:
    """A stretch of a song, to be planted in a clip."""

    song: str
    start_s: float
    sound: Float  #: mono at SAMPLE_RATE, LONGEST_S long


@dataclass(frozen=True)
class SongIndex:
    """Songs made ready to be searched in."""

    searcher: Searcher
    snippets: tuple[Snippet, ...]
    lanes: tuple[str, ...]


@dataclass(frozen=True)
class ClipCopies:
    """What one clip shares with the songs."""

    duration_s: float
    copied_s: float  #: seconds of the clip that lie in at least one segment
    p: float  #: chance that an unrelated clip of this length has anything as good
    segments: tuple[Segment, ...]  #: best first: which song, from where to where on both sides, p of each


@dataclass(frozen=True)
class PlantedCopies:
    """How many known copies were planted and found again."""

    planted: int
    found: int
    by_length: Mapping[float, float]  #: length in s -> share found

    @property
    def sensitivity(self) -> float | None:
        return self.found / self.planted if self.planted else None


def index_songs(
    songs: Mapping[str, Sound],
    sample_rate: int,
    *,
    heldout: Sequence[Sound] = (),
    lanes: Sequence[str] = ("exact", "shifted"),
    seed: int = 0,
) -> SongIndex:
    """Index the songs of a training, once.

    Parameters
    ----------
    songs : name -> sound at ``sample_rate``; memory-mapped arrays are read block by block
    heldout : songs of the same band that are not trained on, at the same rate: they make p more exact
    lanes : of "exact" and "shifted": the same sound as it is, or transposed and played faster or slower
    seed : which stretches tell what chance looks like, and which are planted

    Raises
    ------
    ParameterError
        No song longer than a second, or one of them holds NaN or next to nothing.
    """
    rng = np.random.default_rng([seed, 2])
    snippets: list[Snippet] = []
    each = -(-N_SNIPPETS // max(len(songs), 1))

    def source(name: str, sound: Sound) -> Source:
        def read() -> Float:
            mono = to_mono(sound, sample_rate, name=name)
            snippets.extend(cut_snippets(name, mono, each, rng))
            return mono

        return Source(name, name, read)

    decoys = [Source("held-out", "", lambda s=sound: to_mono(s, sample_rate)) for sound in heldout]  # type: ignore[misc]
    index, failures = build_index([source(*song) for song in songs.items()], seed=seed, decoys=decoys, lanes=lanes)
    if failures:
        raise ParameterError("; ".join(f"{name}: {why}" for name, why in failures))
    return SongIndex(Searcher(index), tuple(snippets), tuple(lanes))


def find_copies(
    index: SongIndex, clips: Sequence[Sound], sample_rate: int, *, max_p: float = 3e-4, shortest_s: float = 0.5
) -> list[ClipCopies]:
    """What each clip shares with the songs of the index.

    Parameters
    ----------
    clips : sounds at ``sample_rate``, which need not be the songs'
    max_p : a segment counts as copied when an unrelated clip has anything as good with at most this probability
    shortest_s : shorter segments do not count

    Raises
    ------
    AudioError
        A clip holds NaN.
    """
    return [
        _find_in(index, to_mono(clip, sample_rate, name=f"clip {number}"), max_p, shortest_s)
        for number, clip in enumerate(clips)
    ]


def _find_in(index: SongIndex, mono: Float, max_p: float, shortest_s: float) -> ClipCopies:
    every = index.searcher.search(mono, lanes=index.lanes, max_p=1.0, shortest_s=shortest_s)
    copied = tuple(segment for segment in every if segment.p <= max_p)
    return ClipCopies(
        duration_s=mono.size / SAMPLE_RATE,
        copied_s=covered_s(copied),
        p=min((segment.p for segment in every), default=1.0),
        segments=copied,
    )


def plant_copies(
    index: SongIndex, clips: Sequence[Sound], sample_rate: int, *, number: int = 20, seed: int = 0, max_p: float = 3e-4
) -> PlantedCopies:
    """Plant snippets of the songs in the clips, as loud as these, and search them: what share is found?

    "Nothing copied" is worth what this says. Clips shorter than 10 s are passed over.
    """
    hosts = [to_mono(clip, sample_rate) for clip in clips]
    rng = np.random.default_rng([seed, 3])
    return plant(index.searcher, hosts, index.snippets, rng, number=number, lanes=index.lanes, max_p=max_p)


def plant(
    searcher: Searcher,
    hosts: Sequence[Float],
    snippets: Sequence[Snippet],
    rng: np.random.Generator,
    *,
    number: int,
    lanes: Sequence[str],
    max_p: float,
) -> PlantedCopies:
    """The same for mono hosts at SAMPLE_RATE and a prepared searcher."""
    hosts = [host for host in hosts if host.size > 2 * LONGEST_S * SAMPLE_RATE]
    trials: list[tuple[float, bool]] = []
    order = rng.permutation(len(snippets))
    for n in range(number if snippets and hosts else 0):
        length_s, snippet = PLANTED_S[n % len(PLANTED_S)], snippets[order[n % len(order)]]
        host, start_s = _planted(hosts[n % len(hosts)], snippet, length_s, rng)
        found = searcher.search(host, lanes=lanes, max_p=max_p)
        expected_s = snippet.start_s - start_s
        right = [s.reference == snippet.song and abs(s.r_start_s - s.q_start_s - expected_s) <= PLACE_S for s in found]
        trials.append((length_s, any(right)))
    by_length = {
        length_s: float(np.mean([ok for length, ok in trials if length == length_s]))
        for length_s in PLANTED_S
        if any(length == length_s for length, _ in trials)
    }
    return PlantedCopies(len(trials), sum(ok for _, ok in trials), by_length)


def _planted(host: Float, snippet: Snippet, length_s: float, rng: np.random.Generator) -> tuple[Float, float]:
    """A stretch of the host with the snippet in it, and where that starts, in s."""
    size, wide = round(length_s * SAMPLE_RATE), min(round(SURROUNDINGS_S * SAMPLE_RATE), host.size)
    first = int(rng.integers(0, host.size - wide + 1))
    host = host[first : first + wide].copy()
    start = int(rng.integers(0, wide - size + 1))
    sound = snippet.sound[:size]
    host[start : start + size] = sound * np.float32(max(_level(host), 1e-4) / max(_level(sound), 1e-6))
    return host, start / SAMPLE_RATE


def cut_snippets(song: str, mono: Float, number: int, rng: np.random.Generator) -> Iterator[Snippet]:
    """Random audible stretches of a song; none of one that is shorter than two of them."""
    size = round(LONGEST_S * SAMPLE_RATE)
    level = _level(mono)
    for _ in range(number if mono.size > 2 * size else 0):
        for _ in range(20):
            start = int(rng.integers(0, mono.size - size))
            # Copies of every length begin where the snippet does, so its first second must be audible.
            if _level(mono[start : start + SAMPLE_RATE]) > AUDIBLE * level:
                break
        yield Snippet(song, start / SAMPLE_RATE, mono[start : start + size].copy())


def covered_s(segments: Sequence[Segment]) -> float:
    """Seconds of a clip that lie in at least one segment."""
    total, end = 0.0, -np.inf
    for start_s, end_s in sorted((s.q_start_s, s.q_end_s) for s in segments):
        total += max(0.0, end_s - max(start_s, end))
        end = max(end, end_s)
    return float(total)


def to_mono(sound: Sound, sample_rate: int, *, name: str = "sound") -> Float:
    """Any array of sound as mono float32 at SAMPLE_RATE."""
    channels = np.atleast_2d(sound)
    if channels.ndim != 2 or channels.shape[0] > max(channels.shape[1], 8):
        raise ParameterError(f"{name} has shape {np.shape(sound)}; it must be (n_samples,) or (channels, n_samples)")
    scale = 1 / np.iinfo(channels.dtype).max if np.issubdtype(channels.dtype, np.integer) else 1.0
    step = BLOCK_S * sample_rate
    starts = range(0, channels.shape[1], step)
    blocks = (channels[:, s : s + step].astype(np.float32) * np.float32(scale) for s in starts)
    return mono_16k(((block, sample_rate) for block in blocks), name=name)


def _level(sound: Float) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
