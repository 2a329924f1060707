"""Thousands of takes to an album: first the eye, then the ear, then one honest full listen.

Real time is what curating costs, so the tool never makes a person hear what
the eye or a flag can reject, jumps to the telling seconds of the rest, lets
notes and taps be made while a take plays, and never waits. One key is
decide + advance + play.

Nothing a person says is ever overwritten: every decision, tag, note, tap and
undo is an event appended to the catalogue, and where a take stands is a fold
over them. ``auto`` is the actor that stands in where no person has decided; it
follows the screen's ranking, and a person always wins over it.

    ranking       what ``auto`` would say (pure)
    validation    events from browsers and files, checked and bounded (pure)
    agreement     do two people hear the same? kappa, alpha, tempo octaves, regions
    calibration   how far the ranking's scores can be trusted, and how many keepers were probably missed
    highlights    where in a take to listen first (pure)
    pictures      thumbnails and atlases (pure)
    exporting     what was said as CSV, JSONL, Audacity labels, JAMS (pure); ``importing`` is the way back
    event_reader  the event log, folded as it grows
    take_cache    takes at hand, with their screen and scores
    media_cache   Opus copies, pictures and atlases on disk
    queues        in what order a pass serves its takes, frozen in the log; who is blind to what
    views         what one person may know of the takes now
    titles        titles for what was kept, kept or rejected with a key
    service       every answer of the page, and events into the log
    responses     the answers' types
    server        the addresses of the web page
    run           the verbs below; touches project and catalogue
    web/          the page itself: Svelte 5 and plain TypeScript, built into static/

The verbs: ``auto`` keeps by ranking, ``serve`` opens the page, ``prepare``
makes the listening copies ahead, ``export`` and ``bring_in`` exchange what was
said with other programs.
"""

from __future__ import annotations

from typing import Any

__all__ = ["auto", "bring_in", "export", "prepare", "serve"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
