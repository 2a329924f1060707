"""Feelings you can see: harmony becomes colour, hits become light.

A song's spectrogram is split into what is held (harmony), what is struck
(percussion) and a residual of noise that is left away. The held part goes
through a constant-Q transform, one bin a semitone, and each of the twelve
pitches has its colour: C red, C♯ red-orange, and on round the painter's
wheel. The struck part goes through a mel spectrogram, weighted as the ear
hears, and becomes light that jumps up at once and fades from its recent
maximum. The rooms inside:

``analyse``  sound -> levels, span by span, in flat memory
``flash``    levels -> levels whose pictures flash no more than WCAG allows
``draw``     levels -> YUV pictures, as *waterfall* or *plaid*
``encode``   pictures and sound -> MP4 or WebM
``stills``   poster, timelapse GIF, hover clip
``live``     8-bit levels that ``live.js`` draws in a browser's canvas
``song``     all of it for one file;  ``run`` for a project's songs
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .run import run

__all__ = ["run", "draw_song", "LIVE_SCRIPT"]

LIVE_SCRIPT = Path(__file__).parent / "live.js"
"""The browser's player of live pictures, to be copied beside a gallery's pages."""


def __getattr__(name: str) -> Any:
    if name == "draw_song":  # brings numba along
        from .song import draw_song

        return draw_song
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
