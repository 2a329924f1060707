"""Make an index of music and learn from it what chance looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import AudioError, NeuralbumError
from ..progress import SILENT, Reporter
from . import covers, null_distribution
from .fingerprints import CHROMA_RATE, SAMPLE_RATE, Fingerprint, Float, analyse
from .index import Index, gather
from .null_distribution import PRIOR_SCALE, Gumbel
from .params import LANES
from .search import FINER, GRID, Searcher

DECOYS = ((3.0, 24), (12.0, 24))
"""(length in s, number) of the decoys: enough to place a Gumbel distribution, few enough to be cheap."""
DECOY_SHIFTS = 11
"""Shifts tried with each decoy, drawn at random from the 44 of a search: as the location grows
with the logarithm of what was compared, a quarter of the work tells it as well."""
COVER_DECOYS = ((15.0, 16), (45.0, 16))  #: of chroma, which is played backwards as it lies in the index
FEWEST_DECOYS = 8  #: for a fit

Cut = tuple[int, Float]
"""A stretch of sound, and the number of the track it comes from (−1: none of the index)."""


@dataclass(frozen=True)
class Source:
    """One track to index: its name, what it is (a digest), and how to read it as mono at SAMPLE_RATE."""

    name: str
    digest: str
    read: Callable[[], Float]


def build_index(
    sources: Iterable[Source],
    *,
    seed: int = 0,
    decoys: Sequence[Source] = (),
    lanes: Sequence[str] = LANES,
    reporter: Reporter = SILENT,
) -> tuple[Index, list[tuple[str, str]]]:
    """Index ``sources`` and fit the null distributions; also what could not be read: (name, why).

    Decoys are stretches of the tracks themselves, every other one played backwards, each searched
    in all tracks but its own, and stretches of ``decoys`` (held-out songs) as they are.

    Raises
    ------
    AudioError
        Nothing usable among the sources.
    """
    sources = list(sources)
    named: list[tuple[str, str, Fingerprint]] = []
    failures: list[tuple[str, str]] = []
    number = sum(n for _, n in DECOYS)
    own = DecoyCuts(np.random.default_rng(seed), number, len(sources))
    foreign = DecoyCuts(np.random.default_rng([seed, 1]), number // 2, len(decoys))
    reporter.begin("index", len(sources), "tracks")
    for source in sources:
        try:
            sound = source.read()
        except NeuralbumError as error:
            failures.append((source.name, str(error)))
            reporter.line(str(error))
            continue
        finally:
            reporter.advance(1)
        fingerprint = analyse(sound)
        if len(fingerprint.bands):
            own.take(len(named), sound)
            named.append((source.name, source.digest, fingerprint))
        else:
            failures.append((source.name, "shorter than a blink; left out"))
    reporter.end()
    if not named:
        raise AudioError(f"none of {len(sources)} tracks could be used: {failures[0][1] if failures else 'no tracks'}")
    for source in decoys:
        foreign.take(-1, source.read())
    index = gather(named)
    # Backwards nothing is a copy, but attacks become swells, so that songs which share their tempo look
    # less alike than they do; forwards a band may repeat itself. So half and half.
    both = [(track, sound if n % 2 else sound[::-1]) for n, (track, sound) in enumerate(own.chosen())]
    nulls = fit_nulls(index, both if len(index.tracks) > 1 else [], foreign.chosen(), lanes)
    return replace(index, nulls=null_distribution.to_plain(nulls)), failures


class DecoyCuts:
    """Keeps short cuts of sounds in passing, so that none has to be read twice.

    From every sound some cuts are kept; a fair share of them is used when all are known.
    """

    LONGEST_S = max(length for length, _ in DECOYS)

    def __init__(self, rng: np.random.Generator, n: int, n_sounds: int) -> None:
        self._rng, self._n = rng, n
        self._each = max(2, -(-2 * n // max(n_sounds, 1)))
        self._kept: list[Cut] = []

    def take(self, track: int, sound: Float) -> None:
        length = round(self.LONGEST_S * SAMPLE_RATE)
        for _ in range(self._each):
            start = int(self._rng.integers(0, max(sound.size - length, 0) + 1))
            self._kept.append((track, sound[start : start + length].copy()))

    def chosen(self) -> list[Cut]:
        return [self._kept[i] for i in self._rng.permutation(len(self._kept))[: self._n]]


def fit_nulls(
    index: Index, own: Sequence[Cut], foreign: Sequence[Cut] = (), lanes: Sequence[str] = LANES
) -> dict[str, list[Gumbel]]:
    """Search decoys and fit a Gumbel distribution per lane and length; lanes with too few decoys are left out."""
    searcher = Searcher(index)
    diagonal = [lane for lane in lanes if lane != "cover"]
    nulls: dict[str, list[Gumbel]] = {lane: [] for lane in diagonal}
    mixed = list(_alternating(own, foreign))
    rest, rng = mixed, np.random.default_rng(len(mixed))
    for length_s, number in DECOYS:
        some, rest = rest[:number] or mixed[:number], rest[number:]
        best: dict[str, list[float]] = {lane: [] for lane in diagonal}
        compared_s = []
        for track, sound in some:
            sound = sound[: round(length_s * SAMPLE_RATE)]
            if not np.any(sound):
                continue
            grid = [GRID[i] for i in rng.choice(len(GRID), DECOY_SHIFTS, replace=False)]
            found = searcher.align(analyse(sound, finer=FINER), diagonal, skip_track=track, grid=grid)
            for lane in diagonal:
                best[lane].append(found[lane][0].evidence if found[lane] else 0.0)
            compared_s.append(index.duration_s - (index.tracks[track].duration_s if track >= 0 else 0.0))
        for lane, values in best.items():
            if len(values) >= FEWEST_DECOYS:
                nulls[lane].append(_fit(lane, values, length_s, compared_s))
    if "cover" in lanes:
        nulls["cover"] = fit_cover_null(index)
    return {lane: some for lane, some in nulls.items() if some}


def _alternating(own: Sequence[Cut], foreign: Sequence[Cut]) -> Iterator[Cut]:
    for pair in zip(own, foreign, strict=False):
        yield from pair
    yield from own[len(foreign) :]
    yield from foreign[len(own) :]


def _fit(lane: str, best: Sequence[float], window_s: float, compared_s: Sequence[float]) -> Gumbel:
    index_s = float(np.mean(compared_s))
    return null_distribution.fit(best, window_s=window_s, index_s=index_s, prior_scale=PRIOR_SCALE[lane])


def fit_cover_null(index: Index) -> list[Gumbel]:
    """The distribution of Qmax: stretches of every track's chroma backwards, in all tracks but its own."""
    nulls = []
    for length_s, number in COVER_DECOYS:
        rng = np.random.default_rng(round(length_s))
        length = round(length_s * CHROMA_RATE)
        long_enough = [n for n, track in enumerate(index.tracks) if track.n_chroma >= length]
        if len(long_enough) < 2:
            continue
        best, compared_s = [], []
        for track in rng.permutation(np.resize(long_enough, number)):
            chroma = index.chroma(int(track))
            start = int(rng.integers(0, len(chroma) - length + 1))
            found = covers.align(index, chroma[start : start + length][::-1], skip_track=int(track))
            best.append(found[0].evidence if found else 0.0)
            compared_s.append(index.duration_s - index.tracks[track].duration_s)
        nulls.append(_fit("cover", best, length_s, compared_s))
    return nulls
