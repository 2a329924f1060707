"""The cover lane: the same song in another key, tempo and sound.

Pitch classes of query and track are compared after turning the query by the
few transpositions whose overall profiles agree best; short stretches are
stacked, the nearest cells of rows and columns recur, and Qmax walks the plot
(Serrà, Serra and Andrzejak 2009). Windows of a long query are searched apart.

What counts is how much further the walk goes than it usually goes for this
query with the other tracks: songs that anything fits into prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..kernels.qmax import qmax, recurrence
from .alignment import Aligned
from .fingerprints import CHROMA_RATE, Float
from .index import Index

STACK = 5  #: frames seen together, 1.9 s
KAPPA = 0.08  #: share of nearest cells in each row and column
TRANSPOSITIONS = 3  #: best transpositions tried for a pair
ONSET, EXTEND = 5.0, 0.5  #: cost of a disruption, as in the paper
WINDOW_S, STEP_S = 45.0, 30.0
SHORTEST_S = 6.0  #: of a query; chords of less than that are common property
FEWEST_OTHERS = 4  #: tracks needed to know what is usual for a query


def align(index: Index, chroma: Float, *, skip_track: int | None = None) -> list[Aligned]:
    """The best walk with every track, for every window; longest beyond the usual first."""
    window, step = round(WINDOW_S * CHROMA_RATE), round(STEP_S * CHROMA_RATE)
    references = [centred(index.chroma(number)) for number in range(len(index.tracks))]
    found: list[Aligned] = []
    for start in range(0, max(len(chroma) - (window - step), 1), step):
        piece = centred(chroma[start : start + window])
        if len(piece) < SHORTEST_S * CHROMA_RATE or not piece.any():
            continue
        walks = {
            number: walk(piece, reference)
            for number, reference in enumerate(references)
            if number != skip_track and len(reference) >= 2 * STACK
        }
        usual = float(np.median([score for score, *_ in walks.values()])) if len(walks) > FEWEST_OTHERS else 0.0
        for number, (score, turn, i0, j0, i1, j1) in walks.items():
            if score <= usual or i1 == i0:
                continue
            found.append(
                Aligned(
                    number,
                    (start + i0) / CHROMA_RATE,
                    (start + i1 + STACK) / CHROMA_RATE,
                    j0 / CHROMA_RATE,
                    (j1 + STACK) / CHROMA_RATE,
                    -turn if turn <= 6 else 12 - turn,
                    (j1 - j0 + STACK) / (i1 - i0 + STACK),
                    score - usual,
                )
            )
    return join(sorted(found, key=lambda one: -one.evidence))


def centred(chroma: Float) -> Float:
    """Frames without their mean, of length 1: what is played, not how loud or how noisy."""
    flat = chroma - chroma.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    return (flat * np.where(length > 1e-4, 1 / np.maximum(length, 1e-6), 0.0)[:, None]).astype(np.float32)


def walk(query: Float, reference: Float) -> tuple[float, int, int, int, int, int]:
    """(Qmax, semitones the query was turned up by, i0, j0, i1, j1) under the best transposition."""
    profile, theirs = query.mean(axis=0), reference.mean(axis=0)
    likely = np.argsort([-(np.roll(profile, turn) @ theirs) for turn in range(12)])[:TRANSPOSITIONS]
    right = _stack(reference)
    best = (0.0, 0, 0, 0, 0, 0)
    for turn in likely:
        left = _stack(np.roll(query, turn, axis=1))
        distance = np.float32(2.0) - np.float32(2.0 / STACK) * (left @ right.T)
        score, i0, j0, i1, j1 = qmax(recurrence(distance, KAPPA), ONSET, EXTEND)
        if score > best[0]:
            best = (float(score), int(turn), i0, j0, i1, j1)
    return best


def join(found: Sequence[Aligned]) -> list[Aligned]:
    """Walks of overlapping windows that go on from each other become one."""
    kept: list[Aligned] = []
    for one in found:
        for place, other in enumerate(kept):
            drift = (one.r_start_s - other.r_start_s) - (one.q_start_s - other.q_start_s) * other.speed
            touching = one.q_start_s <= other.q_end_s and other.q_start_s <= one.q_end_s
            if one.track == other.track and one.pitch == other.pitch and touching and abs(drift) < 4.0:
                first, last = min(one, other, key=lambda a: a.q_start_s), max(one, other, key=lambda a: a.q_end_s)
                kept[place] = Aligned(
                    one.track,
                    first.q_start_s,
                    last.q_end_s,
                    first.r_start_s,
                    last.r_end_s,
                    one.pitch,
                    (last.r_end_s - first.r_start_s) / max(last.q_end_s - first.q_start_s, 1e-6),
                    max(one.evidence, other.evidence),
                )
                break
        else:
            kept.append(one)
    return kept


def _stack(frames: Float) -> Float:
    view = np.lib.stride_tricks.sliding_window_view(frames, STACK, axis=0)
    return np.ascontiguousarray(view).reshape(len(view), -1)
