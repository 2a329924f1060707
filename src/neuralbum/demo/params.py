"""``[demo]``: how much of everything the album of one command gets."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class DemoParams:
    """How much of everything ``neuralbum demo`` makes; the defaults fit 15 minutes on two cores without a GPU."""

    songs: int = setting(12, "songs of the built-in band", minimum=3, maximum=100)
    song_s: float = setting(150.0, "length of each of them", unit="s", minimum=4.0)
    preset: str = setting("tiny", "size of the skeleton")
    train_s: float = setting(150.0, "how long the skeleton is trained", unit="s", minimum=1.0)
    flesh_preset: str = setting("small", "size of the flesh; empty: takes sound by the plain renderer")
    flesh_s: float = setting(60.0, "how long the flesh is trained; 0: no flesh", unit="s", minimum=0.0)
    takes: int = setting(16, "takes made", minimum=1)
    take_s: float = setting(75.0, "length of each of them", unit="s", minimum=1.0)
    workers: int = setting(0, "processes that sample, fingerprint and draw; 0: one per core, at most 8", minimum=0)
    keep: int = setting(8, "takes that become songs, best ranked first", minimum=1)
