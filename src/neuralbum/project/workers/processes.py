"""Workers as processes of this machine."""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

from .pool import Task, work

POLL_S = 0.2
GOODBYE_S = 5.0  #: a worker that is told to stop has so long to give its claims back


class Processes:
    """Spawns workers; each tells what it does through one queue."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._queue: Any = self._context.Queue()
        self._living: dict[str, Any] = {}

    def start(self, task: Task, name: str) -> None:
        process = self._context.Process(target=_work, args=(task, name, self._queue), daemon=True)
        process.start()
        self._living[name] = process

    def ended(self) -> list[tuple[str, str]]:
        wait([process.sentinel for process in self._living.values()], timeout=POLL_S)
        codes = {name: p.exitcode for name, p in self._living.items() if p.exitcode is not None}
        for name in codes:
            del self._living[name]
        return [(name, "" if code == 0 else _how(code)) for name, code in codes.items()]

    def heard(self) -> Iterator[tuple[str, str, Any]]:
        while True:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return

    def stop(self) -> None:
        for process in self._living.values():
            process.terminate()
        for process in self._living.values():
            process.join(GOODBYE_S)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _work(task: Task, name: str, heard: Any) -> None:
    signal.signal(signal.SIGTERM, _stop)  # so that claims are given back
    work(task, name, lambda kind, value: heard.put((name, kind, value)))


def _stop(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt
