"""Search one sound in an index: candidates of every lane, verified, merged, given a p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ParameterError
from . import alignment, candidates, covers, null_distribution
from .alignment import Aligned, Query
from .candidates import Diagonal
from .fingerprints import Fingerprint, Float, analyse
from .index import Index
from .params import LANES

FINER = 2  #: a query's bands are drawn at twice the rate of the tracks'
SHORT_S = 15.0  #: queries up to this length are searched more finely
EXACT_STEP = (4, 8)  #: query frames between two blocks, in short and in long queries
SHIFTED_STEP = (8, 12)  #: the same where 44 shifts are tried
GRID = tuple((p, s) for p in candidates.PITCHES for s in candidates.SPEEDS if (p, s) != (0, 1.0))
FOLLOWED_EVERY_S = 4.0
FOLLOWED = 8  #: candidates followed in each stretch of that length, strongest first
PLACE_S = 0.4  #: two diagonals that are closer tell of the same place
SIMPLER = 1.3  #: evidence a shifted copy must have beyond an unshifted one to be preferred
SAME = 0.5  #: segments that share this part of the shorter one's query time are one find


@dataclass(frozen=True)
class Segment:
    """A stretch of a query that matches a stretch of a track."""

    query: str
    q_start_s: float
    q_end_s: float
    reference: str
    r_start_s: float
    r_end_s: float
    pitch_semitones: int  #: by how much the query sounds higher
    speed: float  #: reference seconds that pass per query second
    lane: str
    score: float  #: −log10 p: comparable across lanes, higher = surer
    p: float

    @property
    def duration_s(self) -> float:
        return self.q_end_s - self.q_start_s


FIELDS = tuple(Segment.__dataclass_fields__)


class Searcher:
    """An index prepared for searching; make one per process."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.nulls = {
            **null_distribution.from_plain(null_distribution.FALLBACK),
            **null_distribution.from_plain(index.nulls),
        }

    @cached_property
    def blocks(self) -> candidates.Blocks:
        return candidates.reference_blocks(self.index)

    def search(
        self,
        sound: Float,
        *,
        name: str = "",
        lanes: Sequence[str] = LANES,
        max_p: float = 3e-4,
        shortest_s: float = 0.5,
        most: int = 50,
    ) -> list[Segment]:
        """Find the stretches of mono sound at 16 kHz that are in the index, best first.

        Parameters
        ----------
        max_p : segments that chance explains better than this are left out. p is the chance
            that an unrelated sound of this length has any segment as good, in any lane searched.
        """
        check_lanes(lanes)
        fingerprint = analyse(sound, finer=FINER)
        found = []
        lanes_found = self.align(fingerprint, lanes)
        if "exact" in lanes_found and "shifted" in lanes_found:
            plain_copies = lanes_found["exact"]
            lanes_found["shifted"] = [
                one for one in lanes_found["shifted"] if not any(_explained(one, other) for other in plain_copies)
            ]
        for lane, aligned in lanes_found.items():
            null = null_distribution.null_for(self.nulls[lane], fingerprint.duration_s, self.index.duration_s)
            for one in aligned:
                # Bonferroni over the lanes searched.
                log_p = min(null.log10_p(one.evidence) + float(np.log10(len(lanes))), 0.0)
                if log_p <= np.log10(max(max_p, 1e-300)) and one.q_end_s - one.q_start_s >= shortest_s:
                    found.append(_segment(name, self.index, lane, one, log_p))
        return merge(found)[:most]

    def align(
        self,
        fingerprint: Fingerprint,
        lanes: Sequence[str] = LANES,
        *,
        skip_track: int | None = None,
        grid: Sequence[tuple[int, float]] = GRID,
    ) -> dict[str, list[Aligned]]:
        """Verified stretches of each lane, best first; not yet asked whether chance explains them."""
        query = Query(self.index, fingerprint)
        long = fingerprint.duration_s > SHORT_S
        out: dict[str, list[Aligned]] = {}
        if "exact" in lanes:
            some = candidates.by_hashes(self.index, fingerprint, skip_track=skip_track)
            some += candidates.by_blocks(
                self.index, self.blocks, fingerprint, [(0, 1.0)], step=EXACT_STEP[long], skip_track=skip_track
            )
            out["exact"] = verify(query, some)
        if "shifted" in lanes:
            some = candidates.by_blocks(
                self.index, self.blocks, fingerprint, grid, step=SHIFTED_STEP[long], skip_track=skip_track
            )
            out["shifted"] = verify(query, some)
        if "cover" in lanes:
            out["cover"] = covers.align(self.index, fingerprint.chroma, skip_track=skip_track)
        return out


def check_lanes(lanes: Sequence[str]) -> None:
    for lane in lanes:
        if lane not in LANES:
            raise ParameterError(f"lane {lane!r}: choose from {', '.join(LANES)}")
    if not lanes:
        raise ParameterError(f"no lane to search: choose from {', '.join(LANES)}")


def verify(query: Query, some: Sequence[Diagonal]) -> list[Aligned]:
    """Look at every candidate, follow the best of each stretch, keep what is not said already."""
    looked = sorted((alignment.first_look(query, c) for c in some), key=lambda pair: -pair[0])
    room: dict[int, int] = {}
    found: list[Aligned] = []
    for score, candidate in looked:
        stretch = int(candidate.q_s // FOLLOWED_EVERY_S)
        if score < alignment.GATE and room.get(stretch, 0) >= 2:
            continue
        if room.get(stretch, 0) >= FOLLOWED or any(_covers(one, candidate) for one in found):
            continue
        room[stretch] = room.get(stretch, 0) + 1
        followed = alignment.follow(query, candidate)
        if followed is not None and followed.evidence > 0:
            found.append(followed)
    return sorted(found, key=lambda one: -one.evidence)


def _covers(one: Aligned, candidate: Diagonal) -> bool:
    """Whether a candidate lies on a stretch that is known already."""
    if one.track != candidate.track or not one.q_start_s <= candidate.q_s <= one.q_end_s:
        return False
    expected = one.r_start_s + (candidate.q_s - one.q_start_s) * one.speed
    return abs(expected - candidate.r_s) < 0.25 + 0.05 * (one.q_end_s - one.q_start_s)


def _explained(shifted: Aligned, exact: Aligned) -> bool:
    """Whether an unshifted copy says about as much as a shifted one of the same place."""
    middle = (shifted.q_start_s + shifted.q_end_s) / 2
    if shifted.track != exact.track or not exact.q_start_s <= middle <= exact.q_end_s:
        return False
    there = shifted.r_start_s + (middle - shifted.q_start_s) * shifted.speed
    expected = exact.r_start_s + (middle - exact.q_start_s) * exact.speed
    return abs(there - expected) < PLACE_S and shifted.evidence < SIMPLER * exact.evidence


def merge(segments: Sequence[Segment]) -> list[Segment]:
    """Best first; a stretch of the query is told once per track, and not again when told much better."""
    kept: list[Segment] = []
    for segment in sorted(segments, key=lambda s: (-s.score, s.q_start_s)):
        if not any(_same(segment, other) for other in kept):
            kept.append(segment)
    return kept


def _same(weaker: Segment, better: Segment) -> bool:
    shared = min(weaker.q_end_s, better.q_end_s) - max(weaker.q_start_s, better.q_start_s)
    if shared < SAME * min(weaker.duration_s, better.duration_s):
        return False
    return weaker.reference == better.reference or weaker.score < 0.5 * better.score


def _segment(name: str, index: Index, lane: str, one: Aligned, log_p: float) -> Segment:
    return Segment(
        query=name,
        q_start_s=round(one.q_start_s, 3),
        q_end_s=round(one.q_end_s, 3),
        reference=index.tracks[one.track].name,
        r_start_s=round(one.r_start_s, 3),
        r_end_s=round(one.r_end_s, 3),
        pitch_semitones=one.pitch,
        speed=round(one.speed, 4),
        lane=lane,
        score=round(-log_p, 3),
        p=float(10.0**log_p),
    )


def plain(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    return [asdict(segment) for segment in segments]
