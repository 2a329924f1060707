"""Settings of the originality stage: ``[originality]`` in neuralbum.toml."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting

LANES = ("exact", "shifted", "cover")


@dataclass(frozen=True)
class Params:
    """How takes are compared with the band's music."""

    lanes: tuple[str, ...] = setting(LANES, "which searches to run: exact, shifted, cover", choices=None)
    max_p: float = setting(
        3e-4, "a segment is listed when chance gives one as good with at most this probability", minimum=0, maximum=1
    )
    false_discovery_rate: float = setting(
        0.01, "share of false alarms tolerated among the takes called copies (Benjamini–Hochberg)", minimum=0, maximum=1
    )
    shortest_s: float = setting(0.5, "segments shorter than this are not listed", unit="s", minimum=0)
    most_segments: int = setting(50, "at most so many segments are listed for a take", minimum=1)
