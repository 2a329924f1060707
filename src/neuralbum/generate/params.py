"""``[generate]``: how many takes, how long, how warm, from which model."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting

ENGINE, UNWATCHED = "steps 3", "steps 3 unwatched"
"""How takes are played: the name changes when the same recipe would give other bits."""


@dataclass(frozen=True)
class GenerateParams:
    """Settings of ``neuralbum generate``."""

    model: str = setting("", "which skeleton: (the start of) its id, or ID@step; empty: the newest")
    count: int = setting(12, "takes to make", minimum=1)
    hours: float = setting(0.0, "make this many hours of takes instead of a count; 0: by count", unit="h", minimum=0)
    length_s: float = setting(
        60.0, "length of a take, to the nearest whole bar", unit="s", minimum=1.0, maximum=86_400.0
    )
    temperature: tuple[float, ...] = setting(
        (0.98, 1.02), "one temperature, or the ends of a range the takes are spread over", minimum=0.05, maximum=5.0
    )
    drift: float = setting(0.0, "change of temperature from a take's first to its last sample", minimum=-2, maximum=2)
    tempo: float = setting(
        0.0, "tempo of the takes; 0: that of the song a take begins like", unit="beats per minute",
        minimum=0, maximum=400,
    )  # fmt: skip
    watchdog: bool = setting(
        True, "play on from the last good bar when a take falls silent, hangs, loops or grows loud"
    )
    flesh: str = setting(
        "auto",
        "what makes takes sound: auto, the flesh if one is trained, else the plain renderer; always the flesh; never",
        choices=("auto", "always", "never"),
    )
