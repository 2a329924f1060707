"""HTTP beside the routes: JSON in and out, files in ranges, the files of a built page.

``FileWithRanges`` answers Range requests (206, 416), which browsers need to seek in sound.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..errors import NeuralbumError, ParameterError
from .auth import MAX_BODY

FOR_A_MONTH = "private, max-age=2592000, immutable"
"""Cache-Control of what has its content's digest in its address."""
GZIP_FROM = 1000  # bytes
LONGEST_INT = 18
"""Digits of an integer that is read as one; more of them say no more than their size."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


class FileWithRanges(FileResponse):
    """A file, whole or the range that was asked for, sent without a second task that watches the connection.

    Starlette needs none with servers that speak ASGI 2.4; for uvicorn, which calls itself 2.3 but
    drops what is written to a closed connection as well, it starts one, and a
    browser that goes at that moment (it does at every skip) leaves a coroutine
    that was never awaited: a warning on the terminal.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__({**scope, "asgi": {**scope["asgi"], "spec_version": "2.4"}}, receive, send)


def parse_json(text: str | bytes) -> Any:
    """JSON in which no number can hurt: integers of hundreds of digits become floats, in the end infinite.

    Raises
    ------
    ParameterError
        It is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= LONGEST_INT else float(digits))
    except (ValueError, RecursionError) as cause:
        raise ParameterError(f"not JSON ({str(cause)[:80]})") from cause


async def json_body(request: Request) -> Any:
    """What a request sends, at most MAX_BODY bytes of JSON; nothing is an empty object."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ParameterError("send application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ParameterError(f"at most {MAX_BODY} bytes at once")
    return parse_json(bytes(body) or b"{}")


class NotFound(NeuralbumError):
    """What a request names does not exist."""


async def answer(request: Request, handle: Callable[[Any], Any]) -> Response:
    """What ``handle`` makes, on a thread, of the JSON that a POST sends (else None): as JSON, unless it is a response.

    What neuralbum refuses is 400, what does not exist 404, what else goes wrong in it 500, each with its sentence.
    """
    try:
        words = await json_body(request) if request.method == "POST" else None
        found = await run_in_threadpool(handle, words)
    except NotFound as why:
        return json_response({"error": str(why)}, request, 404)
    except ParameterError as why:
        return json_response({"error": str(why)}, request, 400)
    except NeuralbumError as why:
        return json_response({"error": str(why)}, request, 500)
    return found if isinstance(found, Response) else json_response(found, request)


def json_response(value: Any, request: Request, status: int = 200) -> Response:
    """``value`` as JSON, gzipped where it is worth it and the browser can."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    data = text.encode("utf-8", "backslashreplace")  # half a character stays what JSON calls it: \\ud800
    if len(data) < GZIP_FROM:
        return Response(data, status, media_type="application/json")
    return packed(data, gzip.compress(data, 3), request, media_type="application/json", status=status)


def packed(
    data: bytes, gzipped: bytes, request: Request, *, media_type: str, status: int = 200, caching: str | None = None
) -> Response:
    """The same bytes, gzipped or not, whichever the browser can read."""
    headers = {"vary": "accept-encoding", **({"cache-control": caching} if caching else {})}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"], data = "gzip", gzipped
    return Response(data, status, headers=headers, media_type=media_type)


def page_routes(folder: Path) -> list[Route]:
    """Routes for the files of a built page, read once; ``index.html`` is ``/``. Empty where it is not built."""
    if not (folder / "index.html").exists():
        return []
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in TYPES]
    return [_file_route("/" + path.relative_to(folder).as_posix(), path) for path in files]


def _file_route(address: str, path: Path) -> Route:
    data = path.read_bytes()
    gzipped = gzip.compress(data, 9)
    caching = FOR_A_MONTH if address.startswith("/assets/") else "no-cache"

    def endpoint(request: Request) -> Response:
        return packed(data, gzipped, request, media_type=TYPES[path.suffix], caching=caching)

    return Route("/" if address == "/index.html" else address, endpoint, methods=["GET"])
