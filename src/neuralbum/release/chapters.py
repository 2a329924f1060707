"""Distinctions as chapters, so that a player can jump to "breakdown in 6/8".

A chapter runs from its distinction to the next one. Where the first
distinction does not start the song, a chapter of the song's own title does,
because players show nothing before the first chapter.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..audio.tags import Chapter
from .sleeve import Distinction

OPENING_S = 1.0
"""A first distinction within the first second counts as the song's start."""


def chapters(distinctions: Sequence[Distinction], *, title: str, duration_s: float) -> tuple[Chapter, ...]:
    """Lay a song out in chapters; none where there is no distinction."""
    if not distinctions:
        return ()
    marks: dict[float, str] = {}
    for distinction in sorted(distinctions, key=lambda d: (d.start_s, d.text)):
        # Two notes on one moment share a chapter: players drop chapters without length.
        at = round(distinction.start_s, 3)
        marks[at] = f"{marks[at]} · {distinction.text}" if at in marks else distinction.text
    starts = sorted(marks)
    if starts[0] > OPENING_S:
        marks[0.0] = title
    else:
        marks[0.0] = marks.pop(starts[0])
    starts = sorted(marks)
    ends = [*starts[1:], max(duration_s, starts[-1])]
    return tuple(Chapter(start, end, marks[start]) for start, end in zip(starts, ends, strict=True))


def clock(seconds: float) -> str:
    """``72.5`` -> ``"1:12"``, as people write it."""
    whole = int(max(0.0, seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
