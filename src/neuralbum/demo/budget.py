"""How an album of so many songs is made in a given time: training, takes, seconds of a take, disk.

Pure: numbers in, a plan out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ParameterError

TRAIN_SHARE, MOST_TRAIN_S = 0.35, 3600.0
"""Of the time, the training's part; more than an hour of it teaches a small net nothing new."""
SKELETON_SHARE = 0.7  #: of the training; the rest is the flesh's
TAKES_PER_SONG = 1.5  #: a third of the takes is dropped
FIXED_S = 90.0  #: starting programs, preparing music, the gallery's pages
TAKE_COST, SONG_COST = 0.16, 0.30
"""CPU seconds for a second of a take (made, screened, compared, searched for copies) and of a song (drawn, encoded)."""
SHORTEST_S, LONGEST_S = 30.0, 240.0  #: of a take
BYTES_PER_S = 330_000.0
"""Of a take with its share of songs, pictures and videos."""


@dataclass(frozen=True)
class Budget:
    """What fits the time."""

    songs: int
    takes: int
    take_s: float
    train_s: float  #: the skeleton's
    flesh_s: float

    def sentence(self) -> str:
        hours = self.takes * self.take_s / 3600.0
        return (
            f"plan: {(self.train_s + self.flesh_s) / 60:.0f} min of training, "
            f"{self.takes} takes of {self.take_s:.0f} s ({hours:.1f} h), "
            f"{self.songs} songs, about {hours * 3600.0 * BYTES_PER_S / 1e9:.1f} GB"
        )


def plan(time_s: float, songs: int, cores: int) -> Budget:
    """Share out ``time_s`` seconds on ``cores`` cores for an album of ``songs`` songs.

    Raises
    ------
    ParameterError
        Not even takes of half a minute fit.
    """
    train = min(TRAIN_SHARE * time_s, MOST_TRAIN_S)
    takes = math.ceil(TAKES_PER_SONG * songs)
    cpu = (time_s - train - FIXED_S) * cores
    take_s = min(LONGEST_S, cpu / (takes * TAKE_COST + songs * SONG_COST))
    if take_s < SHORTEST_S:
        least = SHORTEST_S * (takes * TAKE_COST + songs * SONG_COST) / cores
        raise ParameterError(
            f"{songs} songs in {time_s / 60:.0f} min: too many for takes of {SHORTEST_S:.0f} s on {cores} cores; "
            f"give it {math.ceil((least + FIXED_S) / (1.0 - TRAIN_SHARE) / 60):.0f} min, or ask for fewer songs"
        )
    return Budget(songs, takes, round(take_s, 1), SKELETON_SHARE * train, (1.0 - SKELETON_SHARE) * train)
