"""Colours of the twelve pitches, and how levels become strengths.

The painter's wheel puts red, orange, yellow, green, blue and violet at equal
distances, so that the semitone over C (red) is red-orange. Pure hues differ
in brightness by a factor of ten; these are evened out a little, so that a
melody does not flicker by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .params import PALETTES

Float = npt.NDArray[np.float32]

NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")

COLOURS: dict[str, tuple[str, ...]] = {
    "painter": (
        "ff2626", "ff5a1f", "ff8a1e", "ffb01c", "ffe125", "a9e52f",
        "38d94f", "16d3c6", "3a79ff", "7a58ff", "b74bff", "ff4aa0",
    ),
    # Blue against yellow, dark against light: distances that protanopes, deuteranopes and tritanopes
    # keep (after Okabe and Ito, 2008: neither red against green, nor green against blue, alone).
    "colour-blind": (
        "0072e8", "2b8df0", "56a9f5", "86c4f7", "bddcf5", "efe9d8",
        "f5dc8e", "f3c84c", "e9a91a", "cf8410", "a8662a", "5a64a8",
    ),
    "ember": (
        "ff3b1d", "ff4f1c", "ff641d", "ff7a20", "ff8f27", "ffa332",
        "ffb643", "ffc759", "ffa83a", "ff8a2a", "ff6a20", "ff501d",
    ),
    "silver": ("d8dee9",) * 12,
}  # fmt: skip
assert tuple(COLOURS) == PALETTES

LIGHT = ("ffb46e", "ff9db0", "b3a4ff", "98dcff")
"""Light from the lowest to the highest band: a drum glows like embers, a cymbal like ice."""

SILVER_LIGHT = ("e8e8ee", "e8e8ee")

PITCH_FLOOR, PITCH_BEND = 0.25, 0.9
LIGHT_FLOOR, LIGHT_BEND = 0.40, 1.7
"""SongLevels under the floor are black; the bend darkens the middle, so that what stands out stands out."""

INHIBITION = 6.0


@dataclass(frozen=True)
class Colours:
    """A palette as a YUV picture wants it: brightness and two colour differences, BT.709."""

    pitch: Float  #: (12, 3) Y' in 0…1, Cb and Cr in −0.5…0.5
    light: Float  #: (n, 3) from the lowest to the highest band, Y' scaled to 1

    def tint(self, n: int) -> Float:
        """The light of ``n`` places from the lowest to the highest band: (n, 3)."""
        place = np.linspace(0, len(self.light) - 1, n)
        stops = np.arange(len(self.light))
        return np.stack([np.interp(place, stops, column) for column in self.light.T], axis=1).astype(np.float32)


def colours(palette: str) -> Colours:
    """The palette of that name."""
    if palette not in COLOURS:
        raise ParameterError(f"palette={palette!r} must be one of {', '.join(COLOURS)}")
    pitch = np.array([_rgb(text) for text in COLOURS[palette]])
    light = ycc(np.array([_rgb(text) for text in light_colours(palette)]))
    light = light / light[:, :1]
    return Colours(ycc(pitch).astype(np.float32), light.astype(np.float32))


def hex_colours(palette: str) -> tuple[str, ...]:
    """The twelve colours as six hexadecimal digits each, C first."""
    return COLOURS[palette]


def light_colours(palette: str) -> tuple[str, ...]:
    """The light's colours from the lowest to the highest band, six hexadecimal digits each."""
    return SILVER_LIGHT if palette == "silver" else LIGHT


def ycc(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """R'G'B' (n, 3) in 0…1 -> Y' in 0…1, Cb, Cr in −0.5…0.5 (ITU-R BT.709)."""
    y = rgb @ np.array([0.2126, 0.7152, 0.0722])
    return np.stack([y, (rgb[:, 2] - y) / 1.8556, (rgb[:, 0] - y) / 1.5748], axis=1)


def rgb(y: Float, cb: Float, cr: Float) -> tuple[Float, Float, Float]:
    """Back to R'G'B', not clipped."""
    red: Float = y + np.float32(1.5748) * cr
    blue: Float = y + np.float32(1.8556) * cb
    green: Float = (y - np.float32(0.2126) * red - np.float32(0.0722) * blue) / np.float32(0.7152)
    return red, green, blue


def pitch_strength(level: Float) -> Float:
    """SongLevels 0…1 of pitches (n, 84) -> how strong their colours are, 0…1.

    A note spills into its neighbours, in the lowest octave most. As in the eye, a
    stronger neighbour inhibits: a pitch that lies INHIBITION⁻¹ of the range (10 dB of
    60) under the one beside it goes dark. So a chord shows as separate colours.
    """
    beside = np.pad(level, ((0, 0), (1, 1)))
    stronger = np.maximum(np.maximum(beside[:, :-2], beside[:, 2:]) - level, np.float32(0))
    share = np.maximum(np.float32(1) - np.float32(INHIBITION) * stronger, np.float32(0))
    return _raised(level, PITCH_FLOOR, PITCH_BEND) * share


def light_strength(level: Float) -> Float:
    """Level 0…1 of a band -> how strong its light is, 0…1."""
    return _raised(level, LIGHT_FLOOR, LIGHT_BEND)


def _raised(level: Float, floor: float, bend: float) -> Float:
    above = np.maximum((level - np.float32(floor)) / np.float32(1 - floor), np.float32(0))
    return np.asarray(above ** np.float32(bend), dtype=np.float32)


def _rgb(text: str) -> tuple[float, float, float]:
    red, green, blue = (int(text[i : i + 2], 16) / 255.0 for i in (0, 2, 4))
    return red, green, blue
