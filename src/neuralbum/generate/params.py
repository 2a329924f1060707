"""``[generate]``: how many takes, how long, how hot, from which net."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class GenerateParams:
    """Settings of ``neuralbum generate``."""

    model: str = setting("", "which skeleton: (the start of) its id, or ID@step; empty: the newest")
    count: int = setting(12, "takes to make", minimum=1)
    hours: float = setting(0.0, "make this many hours of takes instead of a count; 0: by count", unit="h", minimum=0)
    length_s: float = setting(20.0, "length of a take", unit="s", minimum=0.05)
    temperature: tuple[float, ...] = setting(
        (0.98, 1.02), "one temperature, or the ends of a range the takes are spread over", minimum=0.05, maximum=5.0
    )
    drift: float = setting(0.0, "change of temperature from a take's first to its last sample", minimum=-2, maximum=2)
    prime_s: float = setting(2.0, "music the net hears before it starts; never written out", unit="s", minimum=0)
    prime_from: str = setting(
        "music",
        "what a take begins with: music of the band, or a healthy state stored at the checkpoint",
        choices=("music", "state"),
    )
    position: float | str = setting(
        "", "told to nets that know it: place in the song, 0 to 1; a schedule: 0%:0,100%:1; empty: nothing"
    )
    loudness: float | str = setting("", "told to nets that know it: RMS in dB, -60 to 0; a schedule: 0:-40,12:-15")
    tempo: float | str = setting("", "told to nets that know it: beats per minute, 40 to 320")
    tag: tuple[str, ...] = setting((), "told to nets that know them: tags of labels.toml")
    batch: int = setting(
        0, "takes made side by side in one process; 0: 16 on a CPU, 4096 on a GPU", minimum=0, maximum=65_536
    )
    watchdog: bool = setting(True, "rewind a take that falls silent, freezes, loops or turns to noise")
    reins: bool = setting(
        True,
        "hold a take to the entropy the net has while it hears the band and to lines no steadier than the band's, "
        "by a few percent of temperature",
    )
    rewinds: int = setting(8, "how often one take may be rewound", minimum=0)
    redraws: int = setting(
        3,
        "how often half a second that strays from the band is drawn again (with the watchdog); 0: never",
        minimum=0,
    )
    heat: float = setting(0.01, "temperature added after each rewind, until the take is healthy again", minimum=0)
    flesh: str = setting(
        "auto",
        "flesh takes as they are made: auto, if a flesh is trained",
        choices=("auto", "always", "never"),
    )
