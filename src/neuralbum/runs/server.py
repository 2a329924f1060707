"""The addresses of the listening page; every answer is made by ``listening``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import ParameterError
from ..web.auth import Access, AuthMiddleware
from ..web.http import FOR_A_MONTH, FileWithRanges, answer, page_routes
from .listening import ListeningService

PAGE = Path(__file__).parent / "page_files"

Handler = Callable[[ListeningService, Request, Any], Any]


def make_app(service: ListeningService, access: Access) -> AuthMiddleware:
    """The application, behind its rules of access."""
    routes = [Route(path, _endpoint(service, handle), methods=[method]) for method, path, handle in _addresses()]
    return AuthMiddleware(Starlette(routes=[*routes, *page_routes(PAGE)]), access)


def _addresses() -> list[tuple[str, str, Handler]]:
    return [
        ("GET", "/api/state", lambda s, r, _: s.state(r.state.actor)),
        ("POST", "/api/say", lambda s, r, words: s.say(r.state.actor, words)),
        ("GET", "/api/blind", lambda s, r, _: s.test(r.state.actor)),
        ("POST", "/api/blind", lambda s, r, words: s.begin_test(r.state.actor, words)),
        ("POST", "/api/blind/answer", lambda s, r, words: s.answer(r.state.actor, words)),
        ("GET", "/clips/{name}.opus", lambda s, r, _: _file(s.clip(r.path_params["name"]).sound, "audio/ogg")),
        ("GET", "/clips/{name}.webp", lambda s, r, _: _file(s.clip(r.path_params["name"]).picture, "image/webp")),
        ("GET", "/blind/{token}.wav", _blind_sound),
    ]


def _file(path: Path, kind: str) -> Response:
    return FileWithRanges(path, media_type=kind, headers={"cache-control": FOR_A_MONTH})


def _blind_sound(service: ListeningService, request: Request, _: Any) -> Response:
    """From memory, and the same headers for both: a file's time or name could tell which one it is."""
    return Response(service.blind_sound(request.path_params["token"]), media_type="audio/wav")


def _endpoint(service: ListeningService, handle: Handler) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        def answered(words: Any) -> Any:
            if request.method == "POST" and not isinstance(words, Mapping):
                raise ParameterError("the body must be a JSON object")
            return handle(service, request, words)

        return await answer(request, answered)

    return endpoint
