"""Listen and serve; a connection on which no whole request arrives is closed.

uvicorn times connections between two requests, but waits for ever for the rest
of one that has begun: fifty connections that send a byte now and then would
keep everybody else out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import ToolError

REQUEST_S = 30.0
"""From the first byte, or from connecting, to the last of a request; a page's largest takes a second on a phone."""
ARRIVED = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR, h11.SWITCHED_PROTOCOL)


def listen(host: str, port: int) -> socket.socket:
    """A socket that holds an address and does not accept yet; port 0 picks a free one.

    Raises
    ------
    ToolError
        The address cannot be had.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, ValueError, OverflowError) as cause:  # UnicodeError is a ValueError: a host no name can have
        listening.close()
        why = getattr(cause, "strerror", None) or cause
        raise ToolError(f"{host}:{port}: cannot listen there ({why}); try --port 0") from cause
    return listening


def configure(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """How our servers are run: HTTP alone, quiet, with a limit on the time a request takes to arrive."""
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False, "ws": "none"}
    return uvicorn.Config(app, http=PunctualProtocol, lifespan="off", **{**quiet, **more})


def run_until_stopped(app: ASGIApp, listening: socket.socket) -> None:
    """Serve on a socket of ``listen`` until Ctrl-C or SIGTERM: that is how one ends a server, and no error."""
    with contextlib.suppress(KeyboardInterrupt):  # raised again once uvicorn has stopped
        uvicorn.Server(configure(app)).run(sockets=[listening])


class PunctualProtocol(H11Protocol):
    """uvicorn's HTTP with a limit on how long a request may take to arrive."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_S, self._too_late)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S, self._too_late)
        super().data_received(data)
        if self.conn.their_state in ARRIVED:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self.transport.abort()
