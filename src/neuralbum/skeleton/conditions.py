"""What a net may be told besides the sound: position in the song, loudness, tempo, tags.

A number becomes a few weights between the knots of a grid (hat functions, linear in
between), a tag one place of its own. All zeros mean "nobody said": so one net goes with
and without each condition, if in training some stretches were told nothing.

    position   0 at a song's first sample, 1 at its last
    loudness   RMS of the second around a moment, dB re full scale, corpus gain applied
    tempo      beats per minute, from labels.toml
    tag        any number of words, from labels.toml

Pure: no files, no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dsp import mulaw
from ..errors import ParameterError
from ..labels import LOWEST_BPM, Labels
from ..settings import nearest

NAMES = ("position", "loudness", "tempo", "tag")
KNOTS: Mapping[str, npt.NDArray[np.float64]] = {
    "position": np.linspace(0.0, 1.0, 9),
    "loudness": np.linspace(-60.0, 0.0, 11),
    "tempo": LOWEST_BPM * 2.0 ** (np.arange(7) / 2.0),
}
"""Where the grids have their knots; tempo's are half an octave apart, 40 to 320."""
UNITS = {"position": "", "loudness": " dB", "tempo": " bpm"}

AROUND_S = 1.0  #: what loudness is the mean over
GRID = 256  #: samples between two values of it

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Conditions:
    """Which conditions a net knows, and how they are written for it."""

    names: tuple[str, ...]
    tags: tuple[str, ...] = ()  #: the vocabulary, sorted

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in NAMES:
                raise ParameterError(f"condition {name!r} is unknown{nearest(name, NAMES)}")
        if len(set(self.names)) != len(self.names):
            raise ParameterError(f"conditions={self.names}: each only once")

    def _size(self, name: str) -> int:
        return len(self.tags) if name == "tag" else len(KNOTS[name])

    @property
    def n_inputs(self) -> int:
        """Numbers that say all of them."""
        return sum(self._size(name) for name in self.names)

    def places(self) -> dict[str, slice]:
        """Where each condition's numbers lie."""
        found, start = {}, 0
        for name in self.names:
            found[name] = slice(start, start + self._size(name))
            start += self._size(name)
        return found

    def write(self, said: Mapping[str, Any], n_moments: int) -> Float32:
        """Numbers of ``n_moments``, (n_moments, n_inputs); what is not in ``said`` stays zero.

        said : ``{"loudness": one value per moment (or one for all), "tag": words}``
        """
        out = np.zeros((n_moments, self.n_inputs), dtype=np.float32)
        for name, place in self.places().items():
            if name not in said:
                continue
            if name == "tag":
                out[:, place] = [float(tag in said[name]) for tag in self.tags]
            else:
                out[:, place] = hats(name, np.broadcast_to(np.asarray(said[name], dtype=float), (n_moments,)))
        return out


def conditions_of(net: Any) -> Conditions | None:
    """The conditions a net was built for; None for most."""
    names = getattr(net.config, "conditions", ())
    return Conditions(tuple(names), tuple(net.config.tags)) if names else None


def hats(name: str, values: npt.NDArray[np.floating]) -> Float32:
    """Values (n,) -> weights of the knots (n, K): they sum to 1 and lie on the two knots around each value."""
    knots = KNOTS[name]
    axis, at = (np.log2(knots), np.log2(np.maximum(values, 1e-3))) if name == "tempo" else (knots, values)
    place = np.interp(at, axis, np.arange(len(knots)))
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(len(knots)))).astype(np.float32)


def loudness_db(levels: npt.NDArray[np.integer], n_levels: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """RMS of the second around each GRID-th sample of a song, dB re full scale, at least the lowest knot."""
    power = (mulaw.table(n_levels).astype(np.float64) ** 2)[levels[: len(levels) // GRID * GRID]]
    blocks = power.reshape(-1, GRID).mean(1) if len(power) else np.zeros(1)
    total = np.concatenate([[0.0], np.cumsum(blocks)])
    reach = max(1, round(AROUND_S / 2 * sample_rate / GRID))
    at = np.arange(len(blocks))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(blocks))
    mean = (total[last] - total[first]) / (last - first)
    low, high = KNOTS["loudness"][[0, -1]]
    return np.clip(10.0 * np.log10(mean + 1e-10), low, high)


@dataclass
class Told:
    """What the training songs' moments are like, written for a net."""

    conditions: Conditions
    lengths: Sequence[int]  #: samples of each song
    loudness: Sequence[npt.NDArray[np.float64]]  #: of each song, every GRID samples; empty if not wanted
    labels: Sequence[Labels]
    hop: int  #: samples between two moments
    dropout: float = 0.2  #: share of stretches that are told nothing, and of the rest of each condition

    def at(self, song: int, start: int, n_samples: int) -> Float32:
        """Numbers of each hop of a window, (n_samples / hop, n_inputs)."""
        moments = start + np.arange(0, n_samples, self.hop)
        said: dict[str, Any] = {"position": np.clip(moments / max(1, self.lengths[song]), 0.0, 1.0)}
        if "loudness" in self.conditions.names:
            curve = self.loudness[song]
            said["loudness"] = np.interp(moments, (np.arange(len(curve)) + 0.5) * GRID, curve)
        if self.labels[song].tempo is not None:
            said["tempo"] = self.labels[song].tempo
        if self.labels[song].tags:
            said["tag"] = self.labels[song].tags
        return self.conditions.write(said, len(moments))

    @property
    def silent(self) -> bool:
        """Whether nothing at all can be told of these songs."""
        return not {"position", "loudness"} & set(self.conditions.names) and not any(
            ("tempo" in self.conditions.names and label.tempo is not None)
            or ("tag" in self.conditions.names and set(label.tags) & set(self.conditions.tags))
            for label in self.labels
        )

    def drawn(self, rng: np.random.Generator) -> Float32:
        """Which numbers a stretch may know: (n_inputs,) of 0 and 1."""
        mask = np.zeros(self.conditions.n_inputs, dtype=np.float32)
        everything = rng.random() >= self.dropout
        for place in self.conditions.places().values():
            mask[place] = float(rng.random() >= self.dropout) if everything else 0.0
        return mask

    def ranges(self) -> dict[str, dict[str, float]]:
        """The 5th and 95th percentile of what was heard, for whoever wishes later."""
        found = {}
        if "loudness" in self.conditions.names and len(self.loudness):
            heard = np.concatenate(list(self.loudness))
            found["loudness"] = {"low": round(float(np.percentile(heard, 5)), 1),
                                 "high": round(float(np.percentile(heard, 95)), 1)}  # fmt: skip
        tempi = [label.tempo for label in self.labels if label.tempo is not None]
        if "tempo" in self.conditions.names and tempi:
            found["tempo"] = {"low": min(tempi), "high": max(tempi)}
        return found


def tell(
    conditions: Conditions,
    songs: Sequence[npt.NDArray[np.integer]],
    labels: Sequence[Labels],
    *,
    hop: int,
    n_levels: int,
    sample_rate: int,
    dropout: float,
) -> Told:
    """Gather what training needs to know of its songs (levels of each, and what a person said of it)."""
    wanted = "loudness" in conditions.names
    curves = [loudness_db(levels, n_levels, sample_rate) for levels in songs] if wanted else []
    return Told(conditions, [len(levels) for levels in songs], curves, list(labels), hop, dropout)
