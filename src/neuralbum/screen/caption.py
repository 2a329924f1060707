"""A take in words: "loud, dense, bright, about 140 BPM (or 70, 280); falls silent at 0:52"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .flags import Flag

LOUD_LUFS, SOFT_LUFS = -14.0, -24.0
DENSE_HZ, SPARSE_HZ = 5.0, 1.5  #: onsets per second
BRIGHT_HZ, DARK_HZ = 2500.0, 700.0  #: spectral centroid (power)
SAID_ALREADY = {"loop": "collapse", "hang": "collapse", "flatline": "collapse", "silence": "collapse"}


def caption(values: Mapping[str, Any], flags: Sequence[Flag]) -> str:
    """Say what a take is like, then what happens to it."""
    if values["silent_share"] >= 0.999:
        return "silent throughout"
    words = [_level(values), _busy(values), _colour(values), _tempo(values["tempo"])]
    return "; ".join([", ".join(w for w in words if w), *_events(flags)])


def _events(flags: Sequence[Flag]) -> list[str]:
    names = {flag.name for flag in flags}
    ends = {flag.ranges[0][0] for flag in flags if flag.name == "collapse"}
    return [
        flag.words
        for flag in flags
        if not (SAID_ALREADY.get(flag.name) in names and len(flag.ranges) == 1 and flag.ranges[0][0] in ends)
    ]


def _level(values: Mapping[str, Any]) -> str:
    lufs = values["loudness_lufs"]
    if lufs is None:
        return "very short" if values["duration_s"] < 1 else "very quiet"
    return "loud" if lufs > LOUD_LUFS else "soft" if lufs < SOFT_LUFS else "moderate"


def _busy(values: Mapping[str, Any]) -> str:
    return "dense" if values["density_hz"] > DENSE_HZ else "sparse" if values["density_hz"] < SPARSE_HZ else ""


def _colour(values: Mapping[str, Any]) -> str:
    return "bright" if values["centroid_hz"] > BRIGHT_HZ else "dark" if values["centroid_hz"] < DARK_HZ else ""


def _tempo(tempo: Mapping[str, Any]) -> str:
    base = tempo["base_bpm"]
    if not base:
        return "no tempo"
    octaves = [r["bpm"] for r in tempo["family"] if r["relation"] in ("x1/2", "x2") and r["strength"] >= 0.2]
    also = f" (or {', '.join(f'{bpm:.0f}' for bpm in octaves)})" if octaves else ""
    return f"about {base:.0f} BPM{also}"
