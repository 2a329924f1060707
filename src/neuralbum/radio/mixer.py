"""Join takes without gap or click: one voice fades out while the next fades in, at equal power.

sin² + cos² = 1: two sounds that have nothing to do with each other keep their common power throughout the fade
(two equal ones would rise by 3 dB). Counted in samples, never in time: ``read(n)`` gives exactly n of them.

Pure: items in, samples out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int16]

LIVE, ARCHIVE = "live", "archive"
SHORTEST_FADES = 3  #: an item shorter than so many fades would begin to go before it has come


@dataclass(frozen=True)
class Item:
    """What is on air for a while."""

    take: str  #: id
    title: str
    source: str  #: LIVE or ARCHIVE
    sound: Samples = field(repr=False)  #: (2, n) at RATE
    gain: float = 1.0
    about: Mapping[str, Any] = field(default_factory=dict)  #: what the page and the log say besides


class _Voice:
    """An item that is heard."""

    def __init__(self, item: Item, fade_in: int, fade_out: int) -> None:
        self.item, self.at, self.fade_in, self.fade_out = item, 0, fade_in, fade_out
        self.out_at = item.sound.shape[1] - fade_out  #: where it begins to go

    @property
    def ended(self) -> bool:
        return self.at >= self.out_at + self.fade_out

    def take(self, n: int) -> Audio:
        """The next samples, float32 (2, n or fewer at the end)."""
        end = min(self.at + n, self.out_at + self.fade_out)
        place = np.arange(self.at, end, dtype=np.float32)
        sound = self.item.sound[:, self.at : end] * np.float32(self.item.gain / 32768.0)
        if self.at < self.fade_in:
            sound *= np.sin(np.pi / 2 * np.minimum(place / self.fade_in, 1.0))
        if end > self.out_at:
            sound *= np.cos(np.pi / 2 * np.clip((place - self.out_at) / self.fade_out, 0.0, 1.0))
        self.at = end
        return sound.astype(np.float32, copy=False)


class Mixer:
    """Plays items one after the other, for ever; silence while there is none.

    ``next_item`` is asked when the current item begins to go; ``on_air`` is told of each item that begins, and at
    which sample of the stream.
    """

    def __init__(
        self, next_item: Callable[[], Item | None], fade: int, on_air: Callable[[Item, int], None] = lambda *_: None
    ) -> None:
        self.fade, self.n_mixed = fade, 0
        self._next_item, self._on_air = next_item, on_air
        self._voices: list[_Voice] = []

    @property
    def current(self) -> Item | None:
        return self._voices[-1].item if self._voices else None

    def skip(self, fade: int | None = None) -> None:
        """Let the current item go now, within ``fade`` samples."""
        if self._voices and (voice := self._voices[-1]).at < voice.out_at:
            voice.fade_out = self.fade if fade is None else fade
            voice.out_at = voice.at

    def read(self, n: int) -> Audio:
        """The next n samples, float32 (2, n)."""
        out, done = np.zeros((2, n), dtype=np.float32), 0
        while done < n:
            now = self._voices[-1] if self._voices else None
            if now is None or now.at >= now.out_at:
                now = self._begin(self.n_mixed + done) or now
            whole = now is not None and now.at < now.out_at
            length = min(n - done, now.out_at - now.at) if now is not None and whole else n - done
            for voice in self._voices:
                part = voice.take(length)
                out[:, done : done + part.shape[1]] += part
            self._voices = [voice for voice in self._voices if not voice.ended]
            done += length
        self.n_mixed += n
        return out

    def _begin(self, at: int) -> _Voice | None:
        item = self._next_item()
        if item is None:
            return None
        fade_in = self._voices[-1].fade_out if self._voices else self.fade
        self._voices.append(_Voice(item, fade_in, self.fade))
        self._on_air(item, at)
        return self._voices[-1]
