"""Music as nets hear it: levels, what the forecast says of them, and streams that walk through songs.

A song is thought to begin after silence: PRELUDE samples of it are put in
front. A stream plays a stretch of a song window by window, so that a net's
state can be carried on, then jumps to another place. The forecast is made on
the way (under a microsecond a sample), so nothing needs to be stored beforehand and a
discography of any length trains in the same memory.

Some streams hear strange tones in their music, while the clean sound stays what is to be predicted.
A net that has only ever heard its music takes a whistle of its own for music and lets it ring for ever; one
that has heard tones that do not belong there lets them die away.

Where a stream jumps is drawn from a generator keyed by (seed, stream, jump):
an interrupted training goes on with the very same music.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..dsp import front_end, mulaw
from ..kernels import step_forecast

if TYPE_CHECKING:
    from .conditions import Told

PRELUDE = 512
"""Samples of silence before a song; at least every net's ``context``."""

WARM_UP = 8192
"""Samples the forecast hears before a stream starts in the middle of a song (half a second)."""

WINDOWS_CARRIED = 4
"""A stretch is at least so many windows, so that long windows carry their state on, too."""

MOST_TONES = 3
TONE_DB = (-40.0, -8.0)
"""Range of the loudest strange tone some streams hear, relative to the music's RMS: that of a whistle that begins.
The RMS is that of the moment: where music has faded a tone that goes on would be all there is to hear, and the silence
to predict, at 16 bits a sample. Quieter ones teach too little: with tones of -18 dB at most nets hold a whistle for
good."""
RMS_SAMPLES = 2048  #: the moment
TONE_HZ, TONE_OCTAVES = 20.0, 8.5  #: the lowest at 16 kHz, and how far up they reach
QUIETER = 2.0  #: nepers that the others may be quieter


@dataclass(frozen=True)
class Song:
    """One song as levels, int16 (n_samples,), without its prelude."""

    title: str
    levels: npt.NDArray[np.int16]

    def stretch(self, start: int, stop: int, n_levels: int) -> npt.NDArray[np.int16]:
        """Levels [start, stop); before 0 there is silence."""
        silence = np.full(max(0, min(0, stop) - start), front_end.silent_level(n_levels), dtype=np.int16)
        return np.concatenate([silence, self.levels[max(0, start) : max(0, stop)]])

    def at_least(self, n_samples: int, n_levels: int) -> Song:
        """The song, followed by silence if it is shorter than that."""
        missing = n_samples - len(self.levels)
        if missing <= 0:
            return self
        silence = np.full(missing, front_end.silent_level(n_levels), dtype=np.int16)
        return Song(self.title, np.concatenate([self.levels, silence]))


class Listener:
    """The forecast following one stream, by its net's anchor (order + 1,); nothing for nets that do without."""

    def __init__(self, anchor: npt.NDArray[np.float64] | None, n_levels: int) -> None:
        self.anchor = anchor
        self.amplitudes = mulaw.table(n_levels).astype(np.float64)
        self.memory = np.zeros(0)
        self.restart()

    def hear(self, levels: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Features known before each of these samples, (n, N_FEATURES)."""
        if self.anchor is None:
            return np.zeros((len(levels), 0), dtype=np.float32)
        return step_forecast.forecast(self.amplitudes[levels], self.anchor, self.memory)

    def restart(self) -> None:
        if self.anchor is not None:
            self.memory = step_forecast.new_memory(len(self.anchor) - 1)


@dataclass(frozen=True)
class Window:
    """What a training step sees: each row starts ``context`` samples before its W samples."""

    levels: npt.NDArray[np.int64]  #: (B, context + W) what is to be predicted
    heard: npt.NDArray[np.int64]  #: (B, context + W) what the net hears: the same, or with strange tones
    features: npt.NDArray[np.float32]  #: (B, context + W, N_FEATURES or 0)
    fresh: npt.NDArray[np.bool_]  #: (B,) rows that jumped: their state starts anew
    told: npt.NDArray[np.float32] | None = None  #: (B, W / hop, n_inputs) conditions, for nets that know some


class Feed:
    """B streams through the training songs, window by window, forever."""

    def __init__(
        self,
        songs: Sequence[Song],
        *,
        n_batch: int,
        window: int,
        context: int,
        stretch: int,
        n_levels: int,
        anchor: npt.NDArray[np.float64] | None,
        seed: int,
        tone_share: float = 0.0,
        told: Told | None = None,
    ) -> None:
        self.told = told
        n_inputs = told.conditions.n_inputs if told else 0
        self.may_know = np.zeros((n_batch, n_inputs), dtype=np.float32)  # what each stream is told; 0: not this time
        self.tone_share = tone_share
        self.amplitudes = mulaw.table(n_levels).astype(np.float64)
        self.songs = [song.at_least(window, n_levels) for song in songs]
        self.window, self.context, self.n_levels = window, context, n_levels
        self.stretch = max(stretch, WINDOWS_CARRIED * window)
        self.seed = seed
        self.listeners = [Listener(anchor, n_levels) for _ in range(n_batch)]
        n_features = step_forecast.N_FEATURES if anchor is not None else 0
        self.tail_levels = np.zeros((n_batch, context), dtype=np.int16)
        self.tail_features = np.zeros((n_batch, context, n_features), dtype=np.float32)
        self.place = np.zeros((n_batch, 4), dtype=np.int64)  # song, position, samples left, jumps made
        self.loudest = np.zeros(n_batch)  # amplitude of the strange tones a stream hears, relative to the music's RMS
        self.rms = [self._rms(song) for song in self.songs] if tone_share > 0 else []
        self.lengths = np.array([len(song.levels) for song in self.songs], dtype=np.float64)

    @property
    def n_streams(self) -> int:
        return len(self.listeners)

    def next(self) -> Window:
        n_batch, total = self.n_streams, self.context + self.window
        levels, heard = (np.empty((n_batch, total), dtype=np.int64) for _ in range(2))
        features = np.empty((n_batch, total, self.tail_features.shape[2]), dtype=np.float32)
        fresh = np.zeros(n_batch, dtype=bool)
        told = []
        for b in range(n_batch):
            if self.place[b, 2] < self.window:
                self._jump(b)
                fresh[b] = True
            song, position = self.songs[self.place[b, 0]], int(self.place[b, 1])
            new = song.levels[position : position + self.window]
            if self.told is not None:
                said = self.told.at(int(self.place[b, 0]), position, self.window)
                told.append(said * self.may_know[b])
            strange = self._with_tones(b, new, position)
            levels[b] = np.concatenate([self.tail_levels[b], new])  # the context is only ever heard
            heard[b] = np.concatenate([self.tail_levels[b], strange])
            features[b] = np.concatenate([self.tail_features[b], self.listeners[b].hear(strange)])
            self.tail_levels[b] = heard[b, -self.context :]
            self.tail_features[b] = features[b, -self.context :]
            self.place[b, 1:3] += (self.window, -self.window)
        return Window(levels, heard, features, fresh, np.stack(told) if self.told is not None else None)

    def _jump(self, b: int) -> None:
        jumps = int(self.place[b, 3])
        rng = np.random.default_rng([self.seed, b, jumps])
        song = int(rng.choice(len(self.songs), p=self.lengths / self.lengths.sum()))
        room = len(self.songs[song].levels) - self.window
        # Starting points may fall before the song: then it is heard from its beginning.
        start = max(0, int(rng.integers(-self.stretch // 4, room + 1)))
        left = min(self.stretch, len(self.songs[song].levels) - start)
        if jumps == 0:  # not all streams should jump at the same steps
            left = max(self.window, int(left * (b + 1) / len(self.listeners)))
        before = self.songs[song].stretch(max(-PRELUDE, start - WARM_UP), start, self.n_levels)
        self.loudest[b] = 0.0
        if rng.random() < self.tone_share:
            self.loudest[b] = np.sqrt(2.0) * 10 ** (rng.uniform(*TONE_DB) / 20)
        self.place[b] = song, start, left, jumps + 1  # the tones are keyed by it
        if self.told is not None:
            self.may_know[b] = self.told.drawn(np.random.default_rng([self.seed, b, jumps, 0, 5]))
        before = self._with_tones(b, before, start - len(before))
        self.listeners[b].restart()
        heard = self.listeners[b].hear(before)
        self.tail_levels[b] = before[-self.context :]
        self.tail_features[b] = heard[-self.context :]

    def _rms(self, song: Song) -> npt.NDArray[np.float64]:
        """Of each whole RMS_SAMPLES samples of a song; nothing before and after."""
        n = len(song.levels) // RMS_SAMPLES
        power = (self.amplitudes**2)[song.levels[: n * RMS_SAMPLES]].reshape(n, RMS_SAMPLES).mean(1)
        return np.sqrt(np.concatenate([[0.0], power, [0.0]]))

    def _with_tones(self, b: int, levels: npt.NDArray[np.int16], position: int) -> npt.NDArray[np.int16]:
        """Levels from a position in the song on, with this stretch's strange tones."""
        if not self.loudest[b] > 0:
            return levels
        rng = np.random.default_rng([self.seed, b, int(self.place[b, 3]), 9])
        sound, t = self.amplitudes[levels], np.arange(position, position + len(levels))
        rms = self.rms[self.place[b, 0]]
        loudest = self.loudest[b] * np.interp(t, RMS_SAMPLES * (np.arange(len(rms)) - 0.5), rms)
        for _ in range(int(rng.integers(1, MOST_TONES + 1))):
            turns = TONE_HZ / 16_000 * 2.0 ** rng.uniform(0.0, TONE_OCTAVES)  # a sample
            loud = loudest * np.exp(-rng.uniform(0.0, QUIETER))
            sound = sound + loud * np.sin(2.0 * np.pi * (turns * t + rng.random()))
        return mulaw.encode(sound, self.n_levels).astype(np.int16)

    # ---- for checkpoints ---------------------------------------------------

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        told: dict[str, npt.NDArray[np.generic]] = {} if self.told is None else {"may_know": self.may_know}
        return told | {
            "place": self.place,
            "loudest": self.loudest,
            "tail_levels": self.tail_levels,
            "tail_features": self.tail_features,
            "memory": np.stack([listener.memory for listener in self.listeners]),
        }

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        for name in ("place", "loudest", "tail_levels", "tail_features", *(("may_know",) if self.told else ())):
            getattr(self, name)[...] = state[name]
        for listener, memory in zip(self.listeners, state["memory"], strict=True):
            listener.memory[...] = memory


def windows_of(
    song: Song,
    *,
    window: int,
    context: int,
    n_levels: int,
    anchor: npt.NDArray[np.float64] | None,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Window]:
    """One song in order, for evaluation: rows of one, whole windows only."""
    stop = len(song.levels) if stop is None else min(stop, len(song.levels))
    listener = Listener(anchor, n_levels)
    before = song.stretch(max(-PRELUDE, start - WARM_UP), start, n_levels)
    tail_features = listener.hear(before)[-context:]
    tail = before[-context:]
    for position in range(start, stop - window + 1, window):
        new = song.levels[position : position + window]
        levels = np.concatenate([tail, new]).astype(np.int64)
        features = np.concatenate([tail_features, listener.hear(new)])
        tail, tail_features = levels[-context:].astype(np.int16), features[-context:]
        yield Window(levels[None], levels[None], features[None], np.array([position == start]))
