"""Make an index of music and learn from it what chance looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import NeuralbumError, ParameterError
from ..progress import SILENT, Reporter
from . import cover, null
from .index import Index, gather
from .params import LANES
from .search import FINER, GRID, Searcher
from .spectra import CHROMA_RATE, SAMPLE_RATE, Float, Picture, draw

DECOYS = ((3.0, 24), (12.0, 24))
"""(length in s, number) of the decoys: enough to place Gumbel's law, few enough to be cheap."""
DECOY_SHIFTS = 11
"""Shifts tried with each decoy, drawn at random from the 44 of a search: as the law's location grows
with the logarithm of what was compared, a quarter of the work tells it as well."""
COVER_DECOYS = ((15.0, 16), (45.0, 16))  #: of chroma, which is played backwards as it lies in the index
NULL_LANES = ("exact", "shifted")


@dataclass(frozen=True)
class Source:
    """One track to index: its name, what it is (a digest), and how to hear it."""

    name: str
    digest: str
    hear: Callable[[], Float]


def build(
    sources: Iterable[Source],
    *,
    seed: int = 0,
    decoys: Sequence[Source] = (),
    lanes: Sequence[str] = LANES,
    reporter: Reporter = SILENT,
) -> tuple[Index, list[tuple[str, str]]]:
    """Index ``sources`` and fit the laws of chance; also what could not be heard: (name, why).

    Decoys are stretches of the tracks themselves, every other one played backwards, each searched
    in all tracks but its own, and stretches of ``decoys`` (held-out songs) as they are.

    Raises
    ------
    ParameterError
        Nothing usable among the sources.
    """
    sources = list(sources)
    named: list[tuple[str, str, Picture]] = []
    failures: list[tuple[str, str]] = []
    cuts = Cuts(np.random.default_rng(seed), sum(n for _, n in DECOYS), len(sources))
    reporter.begin("index", len(sources), "tracks")
    for source in sources:
        try:
            sound = source.hear()
        except NeuralbumError as error:
            failures.append((source.name, str(error)))
            reporter.line(str(error))
            continue
        finally:
            reporter.advance(1)
        picture = draw(sound)
        if len(picture.bands):
            cuts.take(len(named), sound)
            named.append((source.name, source.digest, picture))
        else:
            failures.append((source.name, "shorter than a blink; left out"))
    reporter.end()
    if not named:
        raise ParameterError(
            f"none of {len(sources)} tracks could be used: {failures[0][1] if failures else 'no tracks'}"
        )
    index = gather(named)
    decoys = list(decoys)
    foreign = Cuts(np.random.default_rng([seed, 1]), sum(n for _, n in DECOYS) // 2, len(decoys))
    for source in decoys:
        foreign.take(-1, source.hear())
    return replace(
        index, nulls=null.to_plain(learn_chance(index, cuts.both_ways(), foreign.forward(), lanes))
    ), failures


class Cuts:
    """Keeps short cuts of sounds heard in passing, so that no sound has to be heard twice.

    From every sound some cuts are kept; a fair share of them is used when all are known.
    """

    LONGEST_S = max(length for length, _ in DECOYS)

    def __init__(self, rng: np.random.Generator, n: int, n_sounds: int) -> None:
        self._rng, self._n = rng, n
        self._each = max(2, -(-2 * n // max(n_sounds, 1)))
        self._kept: list[tuple[int, Float]] = []

    def take(self, track: int, sound: Float) -> None:
        length = round(self.LONGEST_S * SAMPLE_RATE)
        for _ in range(self._each):
            start = int(self._rng.integers(0, max(sound.size - length, 0) + 1))
            self._kept.append((track, sound[start : start + length].copy()))

    def forward(self) -> list[tuple[int, Float]]:
        """As they are: no copies where they come from other songs, or are kept from their own."""
        order = self._rng.permutation(len(self._kept))[: self._n]
        return [self._kept[i] for i in order]

    def both_ways(self) -> list[tuple[int, Float]]:
        """Every other one backwards.

        Backwards nothing is a copy, but attacks become swells, so that songs which share
        their tempo look less alike than they do; forwards a band may quote itself.
        """
        return [(t, sound if n % 2 else sound[::-1]) for n, (t, sound) in enumerate(self.forward())]


def learn_chance(
    index: Index,
    own: Sequence[tuple[int, Float]],
    foreign: Sequence[tuple[int, Float]] = (),
    lanes: Sequence[str] = LANES,
) -> dict[str, list[null.Gumbel]]:
    """Search decoys and fit Gumbel's law per lane and length; empty where there are too few."""
    searcher = Searcher(index)
    own = own if len(index.tracks) > 1 else []
    mixed = [pair for group in zip(own, foreign, strict=False) for pair in group]
    mixed += list(own[len(foreign) :]) + list(foreign[len(own) :])
    diagonal = [lane for lane in NULL_LANES if lane in lanes]
    laws: dict[str, list[null.Gumbel]] = {lane: [] for lane in diagonal}
    rest = list(mixed)
    rng = np.random.default_rng(len(mixed))
    for length_s, number in DECOYS:
        some, rest = rest[:number], rest[number:]
        some = some or mixed[:number]
        best: dict[str, list[float]] = {lane: [] for lane in diagonal}
        compared = []
        for track, sound in some:
            sound = sound[: round(length_s * SAMPLE_RATE)]
            if not np.any(sound):
                continue
            grid = [GRID[i] for i in rng.choice(len(GRID), DECOY_SHIFTS, replace=False)]
            found = searcher.align(draw(sound, finer=FINER), diagonal, skip_track=track, grid=grid)
            for lane in diagonal:
                best[lane].append(found[lane][0].evidence if found[lane] else 0.0)
            skipped = index.tracks[track].duration_s if track >= 0 else 0.0
            compared.append(index.duration_s - skipped)
        for lane, values in best.items():
            if len(values) >= 8:
                laws[lane].append(
                    null.fit(values, window_s=length_s, index_s=float(np.mean(compared)), usual=null.USUAL[lane])
                )
    if "cover" in lanes:
        laws["cover"] = learn_cover(index)
    return {lane: some for lane, some in laws.items() if some}


def learn_cover(index: Index) -> list[null.Gumbel]:
    """Gumbel's law of Qmax: stretches of every track's chroma backwards, in all tracks but its own."""
    laws = []
    for length_s, number in COVER_DECOYS:
        rng = np.random.default_rng(round(length_s))
        length = round(length_s * CHROMA_RATE)
        long_enough = [n for n, track in enumerate(index.tracks) if track.n_chroma >= length]
        if len(long_enough) < 2:
            continue
        best, compared = [], []
        for track in rng.permutation(np.resize(long_enough, number)):
            chroma = index.chroma(int(track))
            start = int(rng.integers(0, len(chroma) - length + 1))
            found = cover.align(index, chroma[start : start + length][::-1], skip_track=int(track))
            best.append(found[0].evidence if found else 0.0)
            compared.append(index.duration_s - index.tracks[track].duration_s)
        laws.append(null.fit(best, window_s=length_s, index_s=float(np.mean(compared)), usual=null.USUAL["cover"]))
    return laws
