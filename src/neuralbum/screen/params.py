"""Where the screen draws its lines: every threshold with its unit and range."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class Params:
    """``[screen]``: when a number becomes a flag. Flags sort; they never delete."""

    silence_db: float = setting(
        -55.0, "a tenth of a second counts as silent below this RMS level", unit="dBFS", minimum=-120, maximum=-20
    )
    silent_s: float = setting(2.0, "flag silences at least this long", unit="s", minimum=0.1, maximum=60)
    silent_share: float = setting(0.2, "flag when more than this share of the take is silent", minimum=0, maximum=1)
    collapse_s: float = setting(
        10.0,
        "flag a collapse when the take is silent, still or stuck from some moment on, for at least this long "
        "or for a fifth of its length",
        unit="s",
        minimum=0.5,
        maximum=600,
    )
    flatline_s: float = setting(
        0.2, "flag when the waveform stands still (a constant, not zero) this long", unit="s", minimum=0.1, maximum=60
    )
    hang_s: float = setting(
        4.0, "flag when the sound goes on without any change this long", unit="s", minimum=1, maximum=60
    )
    loop_s: float = setting(8.0, "flag a stuck loop that lasts at least this long", unit="s", minimum=2, maximum=120)
    loop_repeats: float = setting(10.0, "and comes round at least this often", minimum=2, maximum=100)
    loop_repeats_at_end: float = setting(
        9.0, "or this often, if it never leaves the loop again", minimum=2, maximum=100
    )
    loop_period_s: float = setting(4.0, "longest period of a stuck loop", unit="s", minimum=0.2, maximum=8)
    loop_sameness: float = setting(
        0.9,
        "how alike the rounds must be: 1 is exact, 0 is no more than the sound changes anyway",
        minimum=0.3,
        maximum=1,
    )
    clip_share: float = setting(0.002, "flag when more than this share of samples is clipped", minimum=0, maximum=1)
    dc: float = setting(0.05, "flag a mean amplitude (DC) beyond this", minimum=0, maximum=1)
    bandwidth_hz: float = setting(
        3500.0, "flag as lo-fi when nothing sounds above this frequency", unit="Hz", minimum=0, maximum=24000
    )
    noise_floor_db: float = setting(
        -14.0,
        "flag as lo-fi when a steady noise floor lies closer to the music than this",
        unit="dB",
        minimum=-80,
        maximum=0,
    )
    side_db: float = setting(
        -45.0, "flag a stereo take as mono when its sides are quieter than this", unit="dB re middle", maximum=0
    )
    noise_s: float = setting(0.3, "flag bursts of noise at least this long", unit="s", minimum=0.1, maximum=60)
    noise_flatness: float = setting(
        0.8, "a burst counts as noise if its flatness (white noise 1, a tone 0) rises above this", minimum=0, maximum=1
    )
    quiet_lufs: float = setting(-36.0, "flag a take quieter than this", unit="LUFS", minimum=-70, maximum=0)
    true_peak_db: float = setting(3.0, "flag a true peak above this", unit="dBTP", minimum=-20, maximum=20)
    clarity: float = setting(0.2, "below this clarity a take has no tempo", minimum=0, maximum=1)
