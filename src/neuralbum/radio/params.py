"""``[radio]``: how the stream is made, levelled and served."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting

RATE = 44_100  #: Hz of the stream; other sound is resampled to it


@dataclass(frozen=True)
class Params:
    """Settings of ``neuralbum radio``."""

    model: str = setting("", "which skeleton plays: (the start of) its id, or ID@step; empty: the newest")
    length_s: float = setting(60.0, "length of a live take", unit="s", minimum=20, maximum=600)
    temperature: float = setting(
        1.0, "temperature of the takes to come; the page's knob moves it", minimum=0.5, maximum=2
    )
    low_s: float = setting(
        180.0, "more is made when less than this waits to be played", unit="s", minimum=30, maximum=3600
    )
    high_s: float = setting(
        480.0, "so much is made ahead; it lies in artefacts/radio, about 6 MB a minute", unit="s", minimum=60,
        maximum=7200,
    )  # fmt: skip
    fade_s: float = setting(3.0, "length of a cross-fade", unit="s", minimum=0.5, maximum=9)
    loudness_lufs: float = setting(-16.0, "loudness every take and song is brought to", minimum=-30, maximum=-10)
    kbps: int = setting(192, "bit rate of the stream (AAC)", unit="kbit/s", minimum=64, maximum=320)
    segment_s: float = setting(
        2.0, "length of a segment; listeners hear about four of them later", unit="s", minimum=1, maximum=10
    )
    keep_s: float = setting(
        120.0, "what sounded within this time becomes a take at 'keep that'", unit="s", minimum=10, maximum=900
    )
    log_days: int = setting(30, "days for which the play-out log is kept", minimum=1, maximum=3650)
