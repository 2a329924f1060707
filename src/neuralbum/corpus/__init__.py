"""Bring the band's recordings in: measured, levelled once, split by song.

``add`` reads whatever FFmpeg reads, block by block, and writes two arrays per
track: mono at the skeleton's rate and stereo at 44.1 kHz (``neuralbum.corpus.prepared``
says how they lie on disk). Three promises:

- **One gain for the whole corpus.** A quiet ballad stays quieter than a loud
  song; the loudest peak of all comes to a stated level. Nothing is trimmed.
- **Each recording once.** The same bytes, or another copy of the same recording
  (another format, a remaster), are recognised and named.
- **Split by song.** A song and its live, demo or remastered versions go to the
  same side, so that held-out numbers are honest; what has a side keeps it when
  more music is added.

    from neuralbum.corpus import add
    result = add(project, ["~/Music/TheBand"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .params import CorpusParams

if TYPE_CHECKING:
    from .run import AddResult, add

__all__ = ["add", "AddResult", "CorpusParams"]


def __getattr__(name: str) -> Any:
    if name in ("add", "AddResult"):
        from . import run

        return getattr(run, name)
    raise AttributeError(name)
