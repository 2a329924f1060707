"""One clock: so many samples are due, mixed, finished and handed to the encoders; and who is restarted when.

``tick`` does what is due at a moment and never waits; a thread calls it twenty times a second. The sound's clock is
the monotonic one: it cannot drift. Where a machine slept, the clock is set anew behind a discontinuity.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..project import atomic
from .children import Child, Output
from .encoding import FRAME_BYTES
from .finish import Finish
from .mixer import ARCHIVE, LIVE, Item, Mixer
from .params import RATE, Params
from .probe import Findings
from .programme import PlayoutLog, Programme

TICK_S = 0.05
BLOCK = RATE // 10
SKIP = RATE  #: samples of the fade at "next"
SLEPT_S = 10.0  #: a clock that is so late was stopped: the machine slept
STALLED_S = 120.0  #: a maker that says nothing for so long hangs; opening the models takes ten seconds
MOST_AT_ONCE = 16  #: takes in one batch
SOON, SOON_S = 4, 25.0  #: takes in a batch that is wanted soon, and their length: playing costs by the length alone
BACK_S = 40.0  #: so much has to wait before a song of the archive is left: not for one take, and back again
SILENT_DB = -60.0  #: re full scale
DEAD_AIR_S = 3.0
GRACE_S = 12.0  #: after something was restarted, before it is looked at again
STATE = "station.json"


class Station:
    """The running radio; ``start`` begins, ``stop`` ends it."""

    def __init__(
        self,
        params: Params,
        programme: Programme,
        finish: Finish,
        maker: Child,
        hls: Output,
        pushes: list[Output],
        log: PlayoutLog,
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.params, self.programme, self.maker, self.hls, self.pushes = params, programme, maker, hls, pushes
        self.mixer = Mixer(programme.next, round(params.fade_s * RATE), self._on_air)
        self.temperature = params.temperature
        self.findings = Findings()  #: the probe's last ones
        self.quiet_s = 0.0  #: how long what is mixed has been silent
        self.refused = 0
        self._finish, self.log, self._folder, self._clock, self._wall = finish, log, folder, clock, wall
        self._next_number = programme.next_number
        self._ordered_wish = programme.wish
        self._busy_since: float | None = None  #: when the maker last said something, while it has an order
        self._t0: float | None = None  #: on the clock, of the stream's sample 0
        self._epoch = 0.0  #: the same in Unix seconds
        self._n_due = 0
        self._rest = b""
        self._commands: list[Callable[[], None]] = []
        self._healed_at = clock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="radio clock"),
            threading.Thread(target=self._work_ahead, name="radio ahead"),
        ]
        with suppress(OSError, ValueError, KeyError, TypeError):
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
            self.temperature = float(state["temperature"])
            self._next_number = max(self._next_number, int(state["next_number"]))

    # ---- threads ------------------------------------------------------------------

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End cleanly: what was mixed is encoded, and the playlist can be continued."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self.maker.stop()
        for output in [self.hls, *self.pushes]:
            output.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.tick()
            self._stop.wait(TICK_S)

    def _work_ahead(self) -> None:
        while not self._stop.is_set():
            if not self.programme.prepare():
                self._stop.wait(4 * TICK_S)

    # ---- the clock ------------------------------------------------------------------

    def tick(self) -> None:
        """Do what is due now."""
        now = self._clock()
        commands, self._commands = self._commands, []
        for command in commands:
            command()
        self._look_after_maker(now)
        if self._t0 is None:
            if not self.programme.is_ready():
                return
            self._set_clock(now)
        assert self._t0 is not None
        late = round((now - self._t0) * RATE) + BLOCK - self._n_due
        if late > SLEPT_S * RATE:
            self.log("clock", why=f"{late / RATE:.1f} s late: set anew")
            for output in [self.hls, *self.pushes]:
                if output.child.alive:
                    output.child.lost("the clock was set anew", now)
            self._set_clock(now)
            late = BLOCK
        current = self.mixer.current
        if current and current.source == ARCHIVE and self.programme.is_ready(LIVE) and self.programme.queue_s >= BACK_S:
            self.mixer.skip()  # back to what is new
        while late >= BLOCK:
            self._feed(self.mixer.read(BLOCK))
            self._n_due += BLOCK
            late -= BLOCK
        for output in [self.hls, *self.pushes]:
            output.tick(now)
        self._heal(now)

    def _set_clock(self, now: float) -> None:
        self._t0, self._epoch = now, self._wall() - self.mixer.n_mixed / RATE
        self._n_due, self._rest = 0, b""
        for output in [self.hls, *self.pushes]:
            output.set_clock(self._wall())

    def _feed(self, mix: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        loud = float(np.abs(mix).max()) > 10 ** (SILENT_DB / 20)
        self.quiet_s = 0.0 if loud else self.quiet_s + mix.shape[1] / RATE
        data = self._rest + np.ascontiguousarray(self._finish(mix).T).tobytes()
        whole = len(data) - len(data) % FRAME_BYTES
        frames = [data[i : i + FRAME_BYTES] for i in range(0, whole, FRAME_BYTES)]
        self._rest = data[whole:]
        for output in [self.hls, *self.pushes]:
            output.feed(frames)

    def _on_air(self, item: Item, at: int) -> None:
        self.programme.on_air(item, self._epoch + at / RATE)

    # ---- whoever makes takes ---------------------------------------------------------

    def _look_after_maker(self, now: float) -> None:
        for words in self.maker.messages(now):
            self._busy_since = now
            if "take" in words:
                self.programme.arrived(words["take"])
            elif "refused" in words:
                self.refused += 1
                self.log("refused", take=words["refused"], why=words["why"])
            elif "done" in words:
                self._busy_since = None
        if self._busy_since is not None and self.maker.alive and now - self._busy_since > STALLED_S:
            self.maker.lost("it says nothing", now)
        if self.maker.ensure(now) or not self.maker.alive:
            self._busy_since = None
        if self.maker.alive and self._busy_since is None:
            self._order(now)

    def _order(self, now: float) -> None:
        waiting = self.programme.queue_s
        wished = self.programme.wish > self._ordered_wish
        if waiting >= self.params.low_s and not wished:
            return
        if wished or waiting < self.params.length_s:
            count, length_s = SOON, min(SOON_S, self.params.length_s)
        else:
            length_s = self.params.length_s
            count = min(max(round((self.params.high_s - waiting) / length_s), 1), MOST_AT_ONCE)
        order = {
            "first": self._next_number, "count": count, "length_s": length_s, "temperature": self.temperature,
            "wish": self.programme.wish,
        }  # fmt: skip
        if self.maker.tell(order, now):
            self._next_number += count
            self._ordered_wish, self._busy_since = self.programme.wish, now
            self._remember()

    def _remember(self) -> None:
        with suppress(OSError), atomic(self._folder / STATE) as part:
            part.write_text(json.dumps({"next_number": self._next_number, "temperature": self.temperature}))

    # ---- what the operator can do -------------------------------------------------------

    def set_temperature(self, temperature: float, actor: str) -> None:
        """Takes that were made for another temperature give way to new ones."""

        def command() -> None:
            self.temperature = temperature
            self.programme.wish += 1
            self._remember()
            self.log("temperature", value=temperature, by=actor)

        self._commands.append(command)

    def skip(self, actor: str) -> bool:
        """On to the next one; False if nothing is ready yet."""
        if not self.programme.is_ready():
            return False
        self._commands.append(lambda: self.mixer.skip(SKIP))
        self.log("next", by=actor)
        return True

    # ---- what the probe hears ---------------------------------------------------------

    def _heal(self, now: float) -> None:
        """Restart what is dead, and give it time to come back."""
        found = self.findings
        if now - self._healed_at < GRACE_S:
            return
        if found.silence_s >= DEAD_AIR_S and self.quiet_s >= DEAD_AIR_S / 2:
            self.log("silence", silence_s=found.silence_s, why="what is on air is silent")
            self.mixer.skip(SKIP)
        elif (
            (why := found.dead(self.params.segment_s))
            and (ready_at := self.hls.child.ready_at) is not None
            and now - ready_at > GRACE_S  # not while it starts
        ):
            self.hls.child.lost(why, now)
        else:
            return
        self._healed_at = now

    def health(self) -> dict[str, Any]:
        """Everything a monitor wants to know."""
        programme, found, now = self.programme, self.findings, self._clock()
        played = sum(programme.seconds.values())
        up_s = 0.0 if self._t0 is None else now - self._t0
        why = "warming up" if self._t0 is None else found.dead(self.params.segment_s)
        return {
            "ok": not why, "why": why, "up_s": round(up_s, 1), **found.plain(),
            "queue_s": round(programme.queue_s, 1), "refused": self.refused,
            "live_share": round(programme.seconds[LIVE] / played, 4) if played else None,
            "processes": {
                c.name: {"alive": c.alive, "pid": c.pid, "deaths": c.deaths, "error": c.error}
                for c in [self.maker, self.hls.child, *(p.child for p in self.pushes)]
            },
        }  # fmt: skip
