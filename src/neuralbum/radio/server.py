"""The addresses of the radio: the page, the stream, what plays, the operator's buttons, /health.

No path is taken from a request: a segment is a number. Whoever is called LISTENER may listen and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..errors import NeuralbumError, ParameterError
from ..web.auth import Access, AuthMiddleware
from ..web.http import json_body, json_response, page_routes
from .playlist import FILE
from .station import Station

STATIC = Path(__file__).parent / "static"
LISTENER, PROBE = "listener", "probe"
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.5, 2.0
LOGGED = 12  #: lines of the log that the page shows


def make_app(
    station: Station, access: Access, stream: Path, *, name: str, checked: bool, marked: bool
) -> AuthMiddleware:
    """The application, behind its rules of access."""

    async def playlist(request: Request) -> Response:
        try:
            text = (stream / FILE).read_text(encoding="utf-8")
        except OSError:
            return PlainTextResponse("the first takes are being made\n", 503, {"retry-after": "2"})
        return Response(text, media_type="application/vnd.apple.mpegurl")

    async def segment(request: Request) -> Response:
        try:  # in one go: it may be removed at any moment
            data = (stream / f"{request.path_params['number']}.aac").read_bytes()
        except OSError:
            return PlainTextResponse("that segment is gone, or to come\n", 404)
        return Response(data, media_type="audio/aac", headers={"cache-control": "private, max-age=60"})

    async def now(request: Request) -> Response:
        programme = station.programme
        actor = request.state.actor
        return json_response(
            {
                "name": name, "now": time.time(), "checked": checked, "marked": marked,
                "operator": actor not in (LISTENER, PROBE), "temperature": station.temperature,
                "queue_s": round(programme.queue_s, 1),
                "played": [{"at": one.at, **one.item} for one in programme.lately()[-8:]],
                "log": [row for row in station.log.latest if row["event"] != "play"][-LOGGED:],
            },
            request,
        )  # fmt: skip

    async def health(request: Request) -> Response:
        said = {**station.health(), "checked": checked}
        return json_response(said, request, 200 if said["ok"] else 503)

    def button(act: Callable[[Any, str], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if request.state.actor in (LISTENER, PROBE):
                return json_response({"error": "this is the operator's"}, request, 403)
            try:
                words = await json_body(request)
                return json_response(await run_in_threadpool(act, words, request.state.actor), request)
            except ParameterError as why:
                return json_response({"error": str(why)}, request, 400)
            except (NeuralbumError, OSError) as why:
                return json_response({"error": str(why)}, request, 500)

        return endpoint

    def set_temperature(words: Any, actor: str) -> dict[str, Any]:
        value = words.get("value") if isinstance(words, dict) else None
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not LOWEST_TEMPERATURE <= value <= HIGHEST_TEMPERATURE  # nor NaN
        ):
            raise ParameterError(f"value must be a temperature from {LOWEST_TEMPERATURE} to {HIGHEST_TEMPERATURE}")
        station.set_temperature(float(value), actor)
        return {"temperature": float(value)}

    def skip(_: Any, actor: str) -> dict[str, Any]:
        return {"next": station.skip(actor)}

    def keep(_: Any, actor: str) -> dict[str, Any]:
        return {"kept": station.programme.keep(time.time(), actor)}

    routes = [
        Route(f"/{FILE}", playlist), Route("/{number:int}.aac", segment), Route("/api/now", now),
        Route("/health", health), Route("/api/temperature", button(set_temperature), methods=["POST"]),
        Route("/api/next", button(skip), methods=["POST"]), Route("/api/keep", button(keep), methods=["POST"]),
        *page_routes(STATIC),
    ]  # fmt: skip
    return AuthMiddleware(Starlette(routes=routes), access)
