"""Settings of ``neuralbum runs``: the table ``[runs]`` of neuralbum.toml."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class Params:
    """How the checkpoints of trainings are heard and compared."""

    clips: int = setting(2, "clips made of a checkpoint", minimum=1, maximum=16)
    clip_s: float = setting(8.0, "length of a clip, to the nearest whole bar", unit="s", minimum=1, maximum=120)
    clip_kbps: int = setting(128, "bit rate of the clips (Opus)", unit="kbit/s", minimum=32, maximum=320)
    trials: int = setting(16, "trials of a blind comparison of two checkpoints", minimum=1, maximum=200)
