"""Measure files in a process of its own: a decoder that crashes takes only its own file with it.

Decoders are a hundred thousand lines of C that read what strangers made. One
that dies of a segmentation fault, or is killed for the memory it asks for, would
end ``add`` at the same file on every run. So a child process decodes what is
new, file by file; when it dies, the file it was at is named, and another child
goes on with the next. What was decoded to its end once is prepared in the parent.

The child is this module, run by the same interpreter; both talk in lines of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import AudioError, ToolError

PACKAGE = __package__.partition(".")[0]
READY = "ready"


class DecodingProcess:
    """Measures files; starts its child when the first one comes.

    >>> with DecodingProcess() as decoding:
    ...     values = decoding.measure(path)
    """

    def __init__(self) -> None:
        self.cpu_s = 0.0  #: processor time of the children
        self._child: subprocess.Popen[str] | None = None

    def measure(self, path: Path) -> dict[str, Any]:
        """What ``listen.measure_file`` says of a file.

        Raises
        ------
        AudioError
            The decoder crashed over it.
        ToolError
            No child process can be started.
        """
        child = self._child or self._start()
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps(os.fspath(path.absolute())) + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer.endswith("\n"):
            raise AudioError(
                f"{path}: the decoder crashed over it ({self._obituary()}); convert it to FLAC, or leave it out"
            )
        told = json.loads(answer)
        self.cpu_s += told["cpu_s"]
        if told["error"]:
            raise AudioError(told["error"])
        values: dict[str, Any] = told["values"]
        return values

    def _start(self) -> subprocess.Popen[str]:
        home = str(Path(sys.modules[PACKAGE].__path__[0]).parent)  # also where the package was only put on sys.path
        known = os.environ.get("PYTHONPATH")
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="ascii",
            env={**os.environ, "PYTHONPATH": f"{home}{os.pathsep}{known}" if known else home},
        )
        assert child.stdout is not None
        self._child = child
        if child.stdout.readline().strip() != READY:
            raise ToolError(f"{sys.executable}: a second Python process could not be started ({self._obituary()})")
        return child

    def _obituary(self) -> str:
        """Bury the child and say what it died of."""
        assert self._child is not None
        child, self._child = self._child, None
        child.kill()  # also where it only stopped answering; a code it ended with before stays
        child.communicate()
        code = child.returncode
        if code == -signal.SIGKILL:
            return "it was killed; out of memory?"
        return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit {code}"

    def __enter__(self) -> DecodingProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._obituary()


def serve() -> None:
    """The child: answer a line with a path by a line with what was measured, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    from .listen import measure_file

    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no answer
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        started, error, values = time.process_time(), None, {}
        path = Path(json.loads(line))
        try:
            values = measure_file(path)
        except Exception as cause:  # one strange file must not stop a night's work
            error = f"{path}: could not be measured ({type(cause).__name__}); please report this file"
        told = {"values": values, "error": error, "cpu_s": time.process_time() - started}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    serve()
