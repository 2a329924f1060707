"""Processes that come back: started when they are due, killed when they hang, after pauses that grow.

A child holds one end of a socket; it ends when the other end is closed, also when this process is killed.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from .encoding import FRAME_S, PREROLL

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
STEADY_S = 60.0  #: a child that lived so long starts again with the first pause
STUCK_S = 8.0  #: a child that takes nothing for so long hangs …
START_S = 60.0  #: … except while it starts: a second, or half a minute where others hold the processor
GOODBYE_S = 5.0
MOST_HELD_S = 90.0  #: of sound that an output has not taken yet

Log = Callable[..., None]
"""Called with the name of an event and what there is to say about it."""


class Child:
    """One process at a time, of one function. ``arguments`` is asked at each start."""

    def __init__(self, name: str, target: Callable[..., None], arguments: Callable[[], tuple[Any, ...]], log: Log):
        self.name, self.starts, self.deaths = name, 0, 0
        self.link: socket.socket | None = None
        self._target, self._arguments, self._log = target, arguments, log
        self._process: Any = None
        self._started = self._due = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._heard = b""
        self.error = ""  #: the last thing it said was wrong
        self.ready_at: float | None = None  #: when it said that it has started

    @property
    def alive(self) -> bool:
        return self.link is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.alive else None

    def ensure(self, now: float) -> bool:
        """Start it if it is due; True if it was started in this moment."""
        if self.alive and not self._process.is_alive():
            self.lost(self.error or "its process ended", now)
        if self.alive or now < self._due:
            return False
        ours, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=self._target, args=(theirs, *self._arguments()), name=f"radio {self.name}", daemon=True
        )
        try:
            self._process.start()
        except OSError as why:  # no memory, too many processes: later
            ours.close()
            self.lost(str(why), now)
            return False
        finally:
            theirs.close()
        ours.setblocking(False)
        self.link, self._started, self._heard, self.error, self.ready_at = ours, now, b"", "", None
        self.starts += 1
        return True

    def lost(self, why: str, now: float) -> None:
        """It is dead, or has to die; it comes back after a pause."""
        if self.alive:
            self._pause_s = FIRST_PAUSE_S if now - self._started > STEADY_S else self._pause_s
        self.deaths += 1
        self._log("restart", process=self.name, why=why, pause_s=self._pause_s)
        self._due = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._end(0.0)

    def messages(self, now: float) -> Iterator[dict[str, Any]]:
        """What it said since it was last asked."""
        with suppress(BlockingIOError, ConnectionError):
            while self.link is not None and (data := self.link.recv(65_536)):
                self._heard += data
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            words = json.loads(line)
            self.error = words.get("error", self.error)
            self.ready_at = now if self.ready_at is None else self.ready_at
            yield words

    def tell(self, words: dict[str, Any], now: float) -> bool:
        """Send it a line; it is lost if it does not listen."""
        data = json.dumps(words).encode() + b"\n"
        try:
            if self.link is not None and self.link.send(data) == len(data):
                return True
            self.lost("it does not listen", now)
        except OSError as why:
            self.lost(str(why), now)
        return False

    def close(self) -> None:
        """Let it finish what it has."""
        self._end(GOODBYE_S)

    def stop(self) -> None:
        """End it at once."""
        self._end(0.0)

    def _end(self, patience_s: float) -> None:
        if self.link is not None:
            with suppress(OSError):
                self.link.shutdown(socket.SHUT_WR)
        if self._process is not None:
            self._process.join(patience_s)
            self._process.kill()
            self._process.join()
            self._process.close()
        if self.link is not None:
            self.link.close()
        self.link = self._process = self.ready_at = None


class Output:
    """An encoding child that is fed by the clock, frame by frame.

    What the HLS encoder has not confirmed (``confirmed``) is kept, and given to its successor; what a push has missed
    is gone. Frames are numbered from where the clock was set.
    """

    def __init__(
        self, name: str, target: Callable[..., None], arguments: Callable[[float, int], tuple[Any, ...]], log: Log,
        *, confirmed: bool = False,
    ) -> None:  # fmt: skip
        self.child = Child(name, target, self._begin, log)
        self._arguments, self._confirmed = arguments, confirmed
        self._epoch = 0.0  #: Unix seconds of frame 0
        self._frames: deque[bytes] = deque()
        self._first = 0  #: number of the first frame held
        self._base = 0  #: number of the frame that the child calls 0
        self._safe = 0  #: number of the first frame that is not confirmed
        self._sent = 0  #: number of the next frame to send
        self._rest = b""  #: of a frame that went only partly
        self._moved_at = 0.0

    def set_clock(self, epoch: float) -> None:
        """Frame 0 is the next one that is fed, and sounds at ``epoch``; for a child that is not alive."""
        self._frames.clear()
        self._first = self._base = self._safe = self._sent = 0
        self._epoch = epoch

    def feed(self, frames: list[bytes]) -> None:
        self._frames.extend(frames)

    def tick(self, now: float) -> None:
        """Hear what is done, start what is due, send what fits; never waits."""
        for words in self.child.messages(now):
            if "frames" in words:
                self._safe = self._base + int(words["frames"])
                self._forget(self._safe - PREROLL)
        if self.child.ensure(now):
            self._moved_at = now
        self._send(now)
        if len(self._frames) * FRAME_S > MOST_HELD_S:
            if self.child.alive:
                self.child.lost("it is too slow", now)
            self._forget(self._first + len(self._frames) // 2)

    def _begin(self) -> tuple[Any, ...]:
        """Arguments of the child that starts now."""
        if not self._confirmed:
            self._forget(self._first + len(self._frames))
        self._base = self._safe = max(self._safe, self._first)
        self._sent, self._rest = self._first, b""
        return self._arguments(self._epoch + self._base * FRAME_S, self._base - self._first)

    def _send(self, now: float) -> None:
        if self.child.link is None:
            return
        try:
            while self._rest or self._sent < self._first + len(self._frames):
                if not self._rest:
                    self._rest = self._frames[self._sent - self._first]
                    self._sent += 1
                self._rest = self._rest[self.child.link.send(self._rest) :]
                self._moved_at = now
            self._moved_at = now
        except BlockingIOError:
            if now - self._moved_at > (START_S if self.child.ready_at is None else STUCK_S):
                self.child.lost("it hangs", now)
        except OSError as why:
            list(self.child.messages(now))  # its last words
            self.child.lost(self.child.error or str(why), now)
        if not self._confirmed:
            self._forget(self._sent)

    def _forget(self, number: int) -> None:
        """Let frames before ``number`` go."""
        while self._frames and self._first < number:
            self._frames.popleft()
            self._first += 1

    def close(self) -> None:
        """Send the rest, and let the child finish."""
        if self.child.link is not None:
            with suppress(OSError):
                self.child.link.settimeout(GOODBYE_S)
                waiting = list(self._frames)[self._sent - self._first :]
                self.child.link.sendall(self._rest + b"".join(waiting))
        self.child.close()
