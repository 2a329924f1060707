"""Who may talk to a server of ours, and what its page may do.

- Loopback by default. A Host header must name this server (against DNS
  rebinding), an Origin header must be this server's own (against other pages
  in the same browser).
- Beyond loopback every curator has a token, in a link that is opened once; it
  becomes an HttpOnly, SameSite=Strict cookie, and the token decides who speaks.
- On loopback without tokens the page may say who sits before it.
- A strict Content-Security-Policy: nothing from elsewhere, nothing inline.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ParameterError, shortened

ACTOR = re.compile(r"[\w][\w .@+-]{0,39}")
COOKIE = "neuralbum_curator"
CURATOR_HEADER = "x-curator"
MAX_BODY = 4 * 1024 * 1024  # bytes: five hundred events are a tenth of it

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def clean_actor(name: str) -> str:
    """A curator's name, trimmed and bounded; ``auto`` is taken."""
    name = " ".join(name.split())
    if not ACTOR.fullmatch(name) or name.casefold() == "auto":
        raise ParameterError(f"curator {shortened(name)}: use 1 to 40 letters, digits, spaces or . @ + - (not 'auto')")
    return name


def is_loopback(host: str) -> bool:
    """Whether a bind address is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """The rules of one running server."""

    hosts: frozenset[str]  #: names the Host header may have, without a port
    port: int
    tokens: Mapping[str, str] = field(default_factory=dict)  #: token -> curator; empty: loopback without tokens
    default_actor: str = "curator"

    @classmethod
    def make(
        cls, host: str, port: int, curators: Sequence[str], *, default_actor: str, public_names: Sequence[str] = ()
    ) -> Access:
        """Rules for a bind address; beyond loopback each curator gets a fresh token."""
        hosts = {"localhost", "127.0.0.1", "[::1]", *public_names}
        if host not in ("0.0.0.0", "::"):
            hosts.add(f"[{host}]" if ":" in host else host)
        if not is_loopback(host):
            curators = curators or [default_actor]
        tokens = {secrets.token_urlsafe(24): clean_actor(name) for name in curators}
        return cls(frozenset(h.casefold() for h in hosts), port, tokens, clean_actor(default_actor))

    def links(self, host: str) -> list[tuple[str, str]]:
        """(Curator, address) to open: one a token, else the plain one for whoever sits here."""
        address = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"
        return [(name, f"{address}?token={token}") for token, name in self.tokens.items()] or [
            (self.default_actor, address)
        ]

    def host_is_ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        name = f"[{name}]" if ":" in name else name
        if port is not None and port != self.port:
            return False
        return name.casefold() in self.hosts or (bool(self.tokens) and _is_address(name))

    def origin_is_ours(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.casefold() == host.casefold()

    def actor_of(self, headers: Headers, cookies: Mapping[str, str]) -> str | None:
        """Who speaks; None if nobody who may."""
        if not self.tokens:
            name = unquote(headers.get(CURATOR_HEADER) or "")
            try:
                return clean_actor(name) if name else self.default_actor
            except ParameterError:
                return None
        given = cookies.get(COOKIE, "")
        bearer = headers.get("authorization", "")
        if bearer.startswith("Bearer "):
            given = bearer.removeprefix("Bearer ")
        return self.owner(given)

    def owner(self, token: str) -> str | None:
        found = None
        for known, name in self.tokens.items():  # all of them: the time taken tells nothing
            if hmac.compare_digest(known.encode(), token.encode()):
                found = name
        return found


def _is_address(name: str) -> bool:
    """An IP address cannot be rebound by DNS, so with tokens any address of ours will do."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_link(request: Request) -> bool:
    """Whether a person followed a link here, rather than another page loading something of ours."""
    fetch = {name: request.headers.get(f"sec-fetch-{name}") for name in ("mode", "dest")}
    return request.method == "GET" and fetch == {"mode": "navigate", "dest": "document"}


SEND_ON = '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>neuralbum</title>'


class AuthMiddleware:
    """ASGI middleware: Host, Origin, token, size; adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refuse(Request(scope))
        if refusal is not None:
            await refusal(scope, receive, send_secured)
            return
        await self.app(scope, receive, send_secured)

    def _refuse(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if not self.access.host_is_ours(host):
            return PlainTextResponse("this server does not answer to that Host", 421)
        origin = request.headers.get("origin")
        if origin is not None and not self.access.origin_is_ours(origin, host):
            return PlainTextResponse("requests from other pages are refused", 403)
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_link(request):
            return PlainTextResponse("requests from other pages are refused", 403)
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > MAX_BODY:
            return PlainTextResponse(f"at most {MAX_BODY} bytes at once", 413)
        token = request.query_params.get("token")
        if token is not None and request.url.path == "/" and self.access.owner(token):
            # Not a redirect: a strict cookie is not sent along a chain that began on another site.
            answer = HTMLResponse(SEND_ON)
            answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", max_age=30 * 24 * 3600)
            return answer
        actor = self.access.actor_of(request.headers, request.cookies)
        if actor is None:
            return PlainTextResponse("open the link that the program printed for you: it holds your token", 401)
        request.state.actor = actor
        return None
