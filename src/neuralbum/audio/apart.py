"""Decode what strangers made in a process of its own: a decoder that crashes takes only its own file with it.

Decoders are a hundred thousand lines of C. One that dies of a segmentation fault, or
is killed for the memory it asks for, would end a night's run at the same file again
and again. So a child process decodes; when it dies, the file it was at is named, and
another child goes on with the next. ``probe``, ``blocks`` and ``read`` mean what they
mean in ``reading``; they are for every file a person brings. Takes are written here,
and decoded in place.

The child is this module, run by the same interpreter. It is asked by a line of JSON
and answers with lines of JSON; behind one with a shape follow samples as float32.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AudioError, ToolError
from . import reading
from .decoding import DecodeLog
from .reading import DECODE_BLOCK_S, Audio, AudioInfo

PACKAGE = __package__.partition(".")[0]
READY = "ready"


class DecoderCrashed(AudioError):
    """The process that decoded a file died over it."""


def probe(path: Path | str) -> AudioInfo:
    """As ``reading.probe``; a DecoderCrashed, too, where that would end the process."""
    child = _Child.get()
    child.ask(path, probe=True)
    about = AudioInfo(**child.answer(path)["info"])
    child.put_back()
    return about


def blocks(
    path: Path | str, *, block_s: float = DECODE_BLOCK_S, log: DecodeLog | None = None
) -> Iterator[tuple[Audio, int]]:
    """As ``reading.blocks``; a DecoderCrashed, too, where that would end the process."""
    child = _Child.get()
    try:
        child.ask(path, block_s=block_s)
        while "shape" in (told := child.answer(path, log)):
            yield child.samples(path, told["shape"]), told["sample_rate"]
    except GeneratorExit:  # nobody wants the rest
        child.bury()
        raise
    child.put_back()


def read(path: Path | str, *, sample_rate: int | None = None, mono: bool = False) -> tuple[Audio, int]:
    """As ``reading.read``; a DecoderCrashed, too, where that would end the process."""
    return reading.join(path, blocks(path), sample_rate=sample_rate, mono=mono)


def cpu_s() -> float:
    """Processor time that children of this process have decoded for."""
    return _Child.cpu_s


def close() -> None:
    """End the children that wait for work."""
    for child in _Child.idle:
        child.bury()
    _Child.idle.clear()


class _Child:
    """A process that decodes, one file at a time; kept for the next file when it is done."""

    idle: list[_Child] = []  # noqa: RUF012  # of this process
    owner = 0  #: whose they are: a fork has its own
    cpu_s = 0.0

    @classmethod
    def get(cls) -> _Child:
        """A child without work: one that waits, or a new one.

        Raises
        ------
        ToolError
            No process can be started.
        """
        if cls.owner != os.getpid():
            cls.idle, cls.owner = [], os.getpid()
        return cls.idle.pop() if cls.idle else cls()

    def __init__(self) -> None:
        home = str(Path(sys.modules[PACKAGE].__path__[0]).parent)  # also where the package was only put on sys.path
        known = os.environ.get("PYTHONPATH")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": f"{home}{os.pathsep}{known}" if known else home},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        if self._answers.readline().strip() != READY.encode():
            raise ToolError(f"{sys.executable}: a second Python process could not be started ({self.bury()})")

    def ask(self, path: Path | str, **words: Any) -> None:
        try:
            self._questions.write(json.dumps({"path": os.path.abspath(path), **words}).encode() + b"\n")
            self._questions.flush()
        except BrokenPipeError:
            raise self._crashed(path) from None

    def answer(self, path: Path | str, log: DecodeLog | None = None) -> dict[str, Any]:
        """The next line, with what the child noted in ``log``; raises what went wrong there."""
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._crashed(path)
        told: dict[str, Any] = json.loads(line)
        if log is not None:
            vars(log).update(told.get("log", {}))
        if "shape" not in told:
            _Child.cpu_s += told["cpu_s"]
            if told["error"]:
                self.put_back()
                raise AudioError(told["error"].replace(os.path.abspath(path), str(path)))
        return told

    def samples(self, path: Path | str, shape: tuple[int, int]) -> Audio:
        audio = np.empty(shape, np.float32)
        if self._answers.readinto(audio.data.cast("B")) != audio.nbytes:  # type: ignore[attr-defined]
            raise self._crashed(path)
        return audio

    def put_back(self) -> None:
        self.idle.append(self)

    def bury(self) -> str:
        """End the child, and say what it died of."""
        self._process.kill()  # also where it only stopped answering; a code it ended with before stays
        self._process.communicate()
        code = self._process.returncode
        if code == -signal.SIGKILL:
            return "it was killed; out of memory?"
        return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit {code}"

    def _crashed(self, path: Path | str) -> DecoderCrashed:
        return DecoderCrashed(
            f"{path}: the decoder crashed over it ({self.bury()}); convert it to FLAC, or leave it out"
        )


@atexit.register
def _close() -> None:
    if _Child.owner == os.getpid():
        close()


def serve() -> None:
    """The child: answer each question until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    import av  # noqa: F401  # before the first file, so that its time is not the file's

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer

    def say(words: dict[str, Any]) -> None:
        answers.write(json.dumps(words).encode() + b"\n")

    answers.write(READY.encode() + b"\n")
    answers.flush()
    for line in sys.stdin:
        asked, started = json.loads(line), time.process_time()
        log, end = DecodeLog(), {"error": None}
        try:
            if "probe" in asked:
                end["info"] = asdict(reading.probe(asked["path"]))  # type: ignore[assignment]
            else:
                for audio, sample_rate in reading.blocks(asked["path"], block_s=asked["block_s"], log=log):
                    say({"shape": audio.shape, "sample_rate": sample_rate})
                    answers.write(audio.data.cast("B"))
        except AudioError as cause:
            end["error"] = str(cause)  # type: ignore[assignment]
        except Exception as cause:  # one strange file must not stop a night's work
            end["error"] = f"{asked['path']}: could not be decoded ({type(cause).__name__}); please report this file"  # type: ignore[assignment]
        say({**end, "log": asdict(log), "cpu_s": time.process_time() - started})
        answers.flush()


if __name__ == "__main__":
    serve()
