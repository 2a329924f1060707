"""The command line: one file per command; parse, one library call, print.

``main`` looks at the first word and imports only that command's file, so that
``neuralbum --help`` answers at once.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

COMMANDS: dict[str, tuple[str, str]] = {
    "new": ("new", "Make a project folder for one band."),
    "add": ("add", "Bring the band's recordings in: prepare, split by song, index."),
    "label": ("label", "Say of the band's songs which tags and tempo they have."),
    "train": ("train", "Train on the band's music: the skeleton, which plays, and the flesh, which makes it sound."),
    "runs": ("runs", "List, compare, hear, name and delete trainings."),
    "sweep": ("sweep", "Try many trainings, and find those that are like the band and copy nothing."),
    "generate": ("generate", "Make takes from a trained model."),
    "import": ("import_", "Take in sound that another generator made, as takes."),
    "screen": ("screen", "Flag silence, collapse, loops, lo-fi; draw thumbnails; rank."),
    "tempo": ("tempo", "Show the tempo of files as a spectrum with octave families."),
    "originality": ("originality", "Search takes for copies of the training music."),
    "resemblance": ("resemblance", "Compare the album's spread of styles with the band's."),
    "curate": ("curate", "Open the curation tool, or keep by ranking with --auto."),
    "title": ("title", "Title songs with alliterative synonyms of a phrase."),
    "visualise": ("visualise", "Draw songs as moving pictures."),
    "release": ("release", "Build the album: tagged audio, gallery, index."),
    "radio": ("radio", "Play new, checked music for ever, in the browser."),
    "verify": ("verify", "Say whether sound carries the mark, and which album and song it is."),
    "footprint": ("footprint", "Report energy and carbon, with their uncertainty."),
    "merge": ("merge", "Bring another project's takes, findings and events into this one."),
    "status": ("status", "Show what is done, pending and failed in each stage."),
    "why": ("why", "Show a take's whole provenance."),
    "demo": ("demo", "Make a whole album: of the built-in band, or of your music."),
    "doctor": ("doctor", "Check this machine and this project."),
}
"""name -> (module in this package, short help). A module holds ``command`` (a function)
or ``app`` (a Typer with subcommands)."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line; exits with 0 fine, 1 something failed, 2 wrong use."""
    gc.set_threshold(50_000, 20, 20)  # what is imported is no garbage: looking through it costs a fifth of the start
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else every installed package is asked for one
    from .run import run

    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def _stop(_signal: int, _frame: object) -> None:
    """Asked to stop (`docker stop`, a queue's time limit): as with Ctrl-C, claims are given back."""
    raise KeyboardInterrupt
