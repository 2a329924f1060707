"""In which order the songs run.

``given`` is the order of the titles. ``flow`` walks from song to song by
likeness: loudness and brightness (energy) and tempo within an octave, so that
neighbours belong together, starting at the calmest song. Greedy: at each step
the nearest song that is left; O(n²), 1000 songs in some 50 ms.

Pure: numbers in, an order out. The walk does not depend on the order of its input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .sleeve import AlbumSong

TEMPO_WEIGHT = 0.7
"""How much an octave-folded tempo step counts beside one standard deviation of energy (taste)."""


def given(songs: Sequence[AlbumSong]) -> list[AlbumSong]:
    return sorted(songs, key=lambda song: (song.number, song.take_id))


def flow(songs: Sequence[AlbumSong]) -> list[AlbumSong]:
    """Walk from the calmest song to its nearest neighbour, and on."""
    if len(songs) < 3:
        return given(songs)
    songs = sorted(songs, key=lambda song: song.take_id)
    place = features(songs)  # (n_songs, n_features)
    left = np.ones(len(songs), dtype=bool)
    here = int(np.argmin(place[:, 0] + place[:, 1]))
    walk = [here]
    left[here] = False
    while left.any():
        distance = np.where(left, ((place - place[here]) ** 2).sum(axis=1), np.inf)
        here = int(np.argmin(distance))
        walk.append(here)
        left[here] = False
    return [songs[i] for i in walk]


def features(songs: Sequence[AlbumSong]) -> np.ndarray:
    """Loudness, brightness (each standardised) and the tempo's place on the octave circle.

    140 and 70 bpm are the same place; a song without a pulse sits in the centre.
    """
    loudness = _standard([song.loudness_lufs for song in songs])
    brightness = _standard([math.log2(song.brightness_hz) if song.brightness_hz else None for song in songs])
    angle = [2 * math.pi * math.log2(song.bpm) if song.bpm else None for song in songs]
    x = [0.0 if a is None else TEMPO_WEIGHT * math.cos(a) for a in angle]
    y = [0.0 if a is None else TEMPO_WEIGHT * math.sin(a) for a in angle]
    return np.stack([loudness, brightness, np.array(x), np.array(y)], axis=1)


def _standard(values: Sequence[float | None]) -> np.ndarray:
    """Zero mean, unit deviation; unknown values sit at the mean."""
    known = np.array([v for v in values if v is not None])
    if known.size == 0:
        return np.zeros(len(values))
    deviation = float(known.std()) or 1.0
    return np.array([0.0 if v is None else (v - known.mean()) / deviation for v in values])
