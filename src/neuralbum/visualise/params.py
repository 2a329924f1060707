"""The ``[visualise]`` table of neuralbum.toml."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting

LAYOUTS = ("waterfall", "plaid")
PALETTES = ("painter", "colour-blind", "ember", "silver")
ENCODERS = ("h264", "av1", "vp9")
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "medium")


@dataclass(frozen=True)
class Params:
    """How songs are drawn. The first settings shape what is measured, the others how it looks."""

    margin: float = setting(3.0, "how clearly harmony must outweigh percussion and the reverse", minimum=1, maximum=20)
    half_life_s: float = setting(0.25, "time in which a hit's light falls by half", unit="s", minimum=0.01, maximum=10)
    linger_s: float = setting(
        0.15, "time in which a pitch's colour falls by half; 0: not at all sticky", unit="s", minimum=0, maximum=10
    )
    range_db: float = setting(60.0, "levels this far under the song's maximum are black", unit="dB", minimum=10)
    fps: int = setting(30, "pictures per second", unit="1/s", minimum=5, maximum=120)
    layout: str = setting(
        "waterfall",
        "waterfall: time runs down, pitch across; plaid: columns are pitches, rows are bands",
        choices=LAYOUTS,
    )
    width: int = setting(1280, "width of the video, even", unit="px", minimum=64, maximum=7680)
    height: int = setting(720, "height of the video, even", unit="px", minimum=64, maximum=4320)
    palette: str = setting("painter", "colours of the twelve pitches", choices=PALETTES)
    note_names: bool = setting(False, "write the notes' names under the picture")
    limiter: bool = setting(True, "hold flashing under the limits of WCAG 2.3.1; off: pictures may harm some people")
    encoder: str = setting("h264", "h264: MP4 with AAC; av1 or vp9: WebM with Opus", choices=ENCODERS)
    preset: str = setting("superfast", "x264's preset: slower ones make smaller files", choices=PRESETS)
    quality: int = setting(23, "constant quality of the encoder, lower is better", minimum=0, maximum=63)
    gif: bool = setting(True, "make the timelapse GIF")
    hover: bool = setting(True, "make the short silent clip shown while a card is pointed at")
    poster: str = setting("webp", "format of the still picture", choices=("webp", "avif"))
