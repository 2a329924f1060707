"""What comes next, and what was: live takes from the spool, else kept songs; the play-out log.

One thread works ahead (``prepare``), so that ``next`` never waits: it holds the next live take and the next song of
the archive as samples at the stream's rate. Live comes first. Where there is no archive, what was on air within the
last minutes is played again, rather than nothing.
"""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio
from ..audio.loudness import measure
from ..errors import AudioError, NeuralbumError
from ..project import Project, atomic
from ..records import Event, Take, digest
from .maker import Ticket
from .mixer import ARCHIVE, LIVE, SHORTEST_FADES, Item
from .params import RATE, Params

MOST_GAIN = 4.0  #: 12 dB: what is quieter stays a little quieter
LONGEST_S = 300.0  #: of a song on air; it is faded out there
ARCHIVE_EVERY_S = 60.0  #: how often the catalogue is asked what was kept
TAG = "radio"


class PlayoutLog:
    """The play-out log: one JSON line an event, a file a day, so many days."""

    def __init__(self, folder: Path, days: int, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._days, self._clock = folder, days, clock
        self.latest: deque[dict[str, Any]] = deque(maxlen=50)
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, event: str, **words: Any) -> None:
        """Append a line; a full disk loses it, and nothing else."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        row = {"at": now.isoformat(timespec="milliseconds"), "event": event, **words}
        path = self.folder / f"{now.date()}.jsonl"
        with self._lock, suppress(OSError):
            self.latest.append(row)
            if not path.exists():
                for old in sorted(self.folder.glob("????-??-??.jsonl"))[: -self._days + 1 or None]:
                    old.unlink()
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Aired:
    """An entry of what was on air."""

    at: float  #: Unix seconds at which it begins in the stream
    item: dict[str, Any]  #: what the page is told
    ticket: Ticket | None  #: of a live take, whose file still lies in the spool


class Programme:
    """Thread-safe: the clock takes items, the maker's messages and the page's buttons come from elsewhere."""

    def __init__(self, project: Project, params: Params, folder: Path, log: PlayoutLog) -> None:
        self.project, self.params, self._log = project, params, log
        self.spool = folder
        self.aired: deque[Aired] = deque()
        self.wish = 0
        self.seconds = {LIVE: 0.0, ARCHIVE: 0.0}  #: put on air since the start
        self._ready: dict[str, tuple[Item, Ticket | None]] = {}
        self._lock = threading.Lock()
        self._rng = random.Random()
        self._songs: list[tuple[Take, str]] = []
        self._songs_at = float("-inf")
        self._lately: deque[str] = deque(maxlen=20)
        self._source = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._waiting = self._read_spool()

    def _read_spool(self) -> list[Ticket]:
        """What waits from an earlier run; what was on air then, or is half written, goes."""
        tickets = []
        for path in sorted(self.spool.glob("*.json")):
            try:
                tickets.append(Ticket.read(path))
            except (ValueError, OSError):
                path.unlink(missing_ok=True)
        known = {f"{ticket.take.id}{end}" for ticket in tickets for end in (".flac", ".json")}
        for path in self.spool.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)
        self.wish = max((ticket.wish for ticket in tickets), default=0)
        return sorted(tickets, key=lambda ticket: ticket.take.recipe.number)

    # ---- what is ready ----------------------------------------------------------

    @property
    def queue_s(self) -> float:
        """Seconds of live takes that wait."""
        with self._lock:
            ready = [one[1] for one in self._ready.values() if one[1]]
            return sum(ticket.take.duration_s for ticket in [*self._waiting, *ready])

    @property
    def next_number(self) -> int:
        """One more than the highest number in the spool."""
        with self._lock:
            ready = [one[1] for one in self._ready.values() if one[1]]
            return 1 + max((t.take.recipe.number for t in [*self._waiting, *ready]), default=-1)

    def arrived(self, name: str) -> None:
        """A take came into the spool; those that were made for an older wish go."""
        with suppress(ValueError, OSError):
            ticket = Ticket.read(self._ticket(name))
            with self._lock:
                old = [t for t in self._waiting if t.wish < ticket.wish]
                ready = self._ready.get(LIVE)
                if ready and ready[1] and ready[1].wish < ticket.wish:
                    old.append(self._ready.pop(LIVE)[1])  # type: ignore[arg-type]
                self._waiting = [t for t in self._waiting if t.wish >= ticket.wish] + [ticket]
            for one in old:
                self._remove(one.take.id)

    def _ticket(self, name: str) -> Path:
        return self.spool / f"{name}.json"

    def _remove(self, name: str) -> None:
        for end in (".json", ".flac"):
            with suppress(OSError):
                (self.spool / f"{name}{end}").unlink(missing_ok=True)

    def is_ready(self, source: str = "") -> bool:
        """Whether anything can come on air now, or anything of ``source``."""
        with self._lock:
            return source in self._ready if source else bool(self._ready)

    def next(self) -> Item | None:
        """What comes on air now: live if there is any, else from the archive; None if there is nothing at all."""
        with self._lock:
            source = next((s for s in (LIVE, ARCHIVE) if s in self._ready), None)
            if source is None:
                return None
            item, ticket = self._ready.pop(source)
            if source != self._source:
                self._log("switch", to=source, why="" if self._source in ("", ARCHIVE) else "no live take waits")
            self._source = source
        if ticket is not None:
            with suppress(OSError):
                self._ticket(item.take).unlink(missing_ok=True)
        return item

    def on_air(self, item: Item, at: float) -> None:
        """``item`` begins at ``at`` in the stream."""
        ticket = item.about.get("ticket")
        seconds = item.sound.shape[1] / RATE - self.params.fade_s
        self.seconds[item.source] += seconds
        plain = {k: v for k, v in item.about.items() if k != "ticket"}
        shown = {"take": item.take, "title": item.title, "source": item.source, "seconds": round(seconds, 1), **plain}
        gone = []
        with self._lock:
            self.aired.append(Aired(at, shown, ticket))
            # Listeners are half a minute behind at most, and hear the last one for its whole length.
            while len(self.aired) > 2 and self.aired[1].at < at - self.params.keep_s - 60.0:
                gone.append(self.aired.popleft().ticket)
            held = [one.ticket for one in self.aired]
        for one in gone:
            if one is not None and one not in held:
                self._remove(one.take.id)
        self._log("play", begins=round(at, 3), **shown)

    def lately(self) -> list[Aired]:
        """What was on air within the last minutes, newest last."""
        with self._lock:
            return list(self.aired)

    def keep(self, now: float, actor: str) -> list[str]:
        """Store the live takes that sounded within ``keep_s`` as takes of the project, tagged ``radio``; their ids."""
        aired = [one for one in self.lately() if one.at <= now]
        recent = [
            one for i, one in enumerate(aired) if i == len(aired) - 1 or aired[i + 1].at > now - self.params.keep_s
        ]
        kept = []
        for one in recent:
            if one.ticket is None:
                continue
            take, path = one.ticket.take, self.project.root / one.ticket.take.path
            with atomic(path) as part:
                shutil.copyfile(self.spool / f"{take.id}.flac", part)
            self.project.catalogue.add_take(take)
            name = f"radio-{digest('radio', take.id, actor)}"
            event = Event(client_id=name, at=now, actor=actor, kind="tag", take_id=take.id, payload={"tag": TAG})
            self.project.catalogue.say([event])
            kept.append(take.id)
        self._log("keep", takes=kept, by=actor)
        return kept

    # ---- working ahead ------------------------------------------------------------

    def prepare(self) -> bool:
        """Load what is missing of the next live take and the next song; False if there was nothing to do."""
        with self._lock:
            ticket = self._waiting[0] if self._waiting and LIVE not in self._ready else None
            song = ticket is None and ARCHIVE not in self._ready
        if ticket is not None:
            item = self._load_live(ticket)
            with self._lock:
                if ticket in self._waiting:  # not withdrawn meanwhile
                    self._waiting.remove(ticket)
                    if item is not None:
                        self._ready[LIVE] = item, ticket
            return True
        if song and (item := self._load_song()) is not None:
            with self._lock:
                self._ready[ARCHIVE] = item, None
            return True
        return False

    def _load_live(self, ticket: Ticket) -> Item | None:
        take = ticket.take
        path = self.spool / f"{take.id}.flac"
        about = {
            "like": take.recipe.prime.get("song"), "temperature": take.recipe.mean_temperature,
            "model": f"{take.recipe.model_id}@{take.recipe.step}", "number": take.recipe.number, "p": ticket.p,
            "ticket": ticket,
        }  # fmt: skip
        return self._load(path, take.id, f"Take {take.id[:6]}", LIVE, about, ticket.loudness_lufs)

    def _load_song(self) -> Item | None:
        """A kept song, else any take, else what was on air lately; not what came last."""
        if time.monotonic() - self._songs_at > ARCHIVE_EVERY_S:
            self._songs, self._songs_at = self._archive(), time.monotonic()
        fresh = [one for one in self._songs if one[0].id not in list(self._lately)[-len(self._songs) // 2 :]]
        if self._songs:
            take, title = self._rng.choice(fresh or self._songs)
            self._lately.append(take.id)
            recipe = take.recipe
            about = {"like": recipe.prime.get("song"), "temperature": recipe.mean_temperature, "model": recipe.model_id}
            return self._load(self.project.audio_of(take), take.id, title, ARCHIVE, about)
        again = [one.ticket for one in self.lately()[:-1] if one.ticket is not None]
        if not again:
            return None
        ticket = self._rng.choice(again)
        take = ticket.take
        path = self.spool / f"{take.id}.flac"
        return self._load(
            path, take.id, f"Take {take.id[:6]}, again", ARCHIVE, {"ticket": ticket}, ticket.loudness_lufs
        )

    def _archive(self) -> list[tuple[Take, str]]:
        try:
            catalogue = self.project.catalogue
            titles = {song.take_id: song.title for song in catalogue.songs()}
            takes = catalogue.takes(catalogue.kept()) or catalogue.takes()
        except NeuralbumError as why:
            self._log("archive", error=str(why))
            return self._songs
        least = SHORTEST_FADES * self.params.fade_s
        there = [t for t in takes if t.duration_s > least and self.project.audio_of(t).exists()]
        return [(take, titles.get(take.id, f"Take {take.id[:6]}")) for take in there]

    def _load(
        self, path: Path, name: str, title: str, source: str, about: Mapping[str, Any], loudness: float | None = None
    ) -> Item | None:
        try:
            sound, rate = read_start(path, LONGEST_S)
            sound = audio.resample(sound, rate, RATE)
            if loudness is None:
                loudness = measure(sound, RATE).integrated_lufs
        except (NeuralbumError, OSError) as why:
            self._log("unreadable", take=name, why=str(why))
            return None
        if loudness is None or sound.shape[1] < SHORTEST_FADES * self.params.fade_s * RATE:
            return None
        gain = min(10 ** ((self.params.loudness_lufs - loudness) / 20), MOST_GAIN)
        samples = np.rint(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)
        return Item(name, title, source, samples, gain, about)


def read_start(path: Path, most_s: float) -> tuple[audio.Audio, int]:
    """The beginning of a file, float32 (2, n), and its rate; one channel becomes two."""
    parts: list[audio.Audio] = []
    rate, n = 0, 0
    for block, rate in audio.blocks(path):  # the last rate is returned
        parts.append(block[:2])
        n += block.shape[1]
        if n >= most_s * rate:
            break
    if not parts:
        raise AudioError(f"{path}: 0 samples; the file is empty or was cut short")
    sound = np.concatenate(parts, axis=1)[:, : int(most_s * rate)]
    return np.ascontiguousarray(np.broadcast_to(sound, (2, sound.shape[1]))), rate
