"""Settings of ``[corpus]``."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class CorpusParams:
    """How recordings are prepared and split."""

    sample_rate: int = setting(
        16_000, "rate of the mono audio the skeleton learns", unit="Hz", minimum=4_000, maximum=48_000
    )
    peak_db: float = setting(
        -1.0, "where the corpus's loudest peak comes to lie", unit="dB re full scale", minimum=-40.0, maximum=0.0
    )
    valid_share: float = setting(0.1, "share of the music that says when training is good", minimum=0.0, maximum=0.5)
    heldout_share: float = setting(
        0.1, "share of the music no net ever sees, for honest numbers", minimum=0.0, maximum=0.5
    )
    min_minutes: float = setting(
        1.0, "less music than this is an error; some 20 minutes and more are wanted", unit="min", minimum=0.0
    )
    min_song_s: float = setting(2.0, "a shorter file is no song", unit="s", minimum=0.1)
    silent_db: float = setting(
        -60.0, "a file whose peak stays below is silent", unit="dB re full scale", minimum=-120.0, maximum=-20.0
    )
    truncated: str = setting(
        "refuse", "what to do with a file that breaks off: refuse it, or use what is there", choices=("refuse", "use")
    )
    near_duplicates: bool = setting(True, "recognise other copies of the same recording and leave them out")
    labels: str = setting("labels.toml", "the file in the project folder that gives songs their tags and tempo")
