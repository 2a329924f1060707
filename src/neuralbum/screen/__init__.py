"""Screen: what the machine can hear before a person has to.

The article threw out two thirds of seventy hours by eye and ear: too much
silence, the sound of a bad bootleg, nets that collapse or get stuck. This room
listens once to each take and gives it its *flags* (a number, a threshold,
places on the timeline), its *tempo as a spectrum*, its *pictures*, a *caption*
in words, and a *score* that says where to begin. A *ranker* then learns from
the curator's verdicts which takes to hear first. Flags sort; they never delete.

    analysis.py   one pass over the sound: levels, onsets, mel picture
    flags.py      numbers -> flags;  loops.py  what is stuck
    tempo.py      the tempo spectrum and its octave family
    pictures.py   thumbnail, 8-bit spectrogram
    default_order.py  the stated order before anybody has judged;  ranker.py  the learned one
    measure.py    all of it for one sound;  run.py  the project's takes

    from neuralbum import screen
    screen.run(project)                              # all takes of a project
    screen.screen_file("demo.flac").values["caption"]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .run import run

if TYPE_CHECKING:
    from .measure import Screening
    from .params import Params

__all__ = ["run", "screen_file"]


def screen_file(path: Path | str, params: Params | None = None) -> Screening:
    """Screen a loose sound file.

    Raises
    ------
    AudioError
        Unreadable, or without a single sample.
    """
    from ..audio import apart
    from .measure import screen_sound

    return screen_sound(apart.blocks(path), params, name=str(path))
