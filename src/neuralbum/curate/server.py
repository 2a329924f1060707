"""The addresses of the curation page: typed JSON, sound, pictures, and the page itself.

Every answer is made by ``service``; this file only translates HTTP. A request
names takes, passes, formats and atlases, which are looked up in tables; no
path is ever taken from a request. The list ENDPOINTS is also the API page (/api).
"""

from __future__ import annotations

import gzip
import html
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..errors import ParameterError
from ..web.auth import Access, AuthMiddleware
from ..web.http import FOR_A_MONTH, FileWithRanges, NotFound, answer, packed, page_routes
from . import exporting, queues, responses, validation
from .service import CurationService

STATIC = Path(__file__).parent / "static"
NOT_BUILT = "the curation page is not built: run `python hatch_build.py` in the checkout (it needs pip and the network)"
SHORTLY = "private, max-age=60"


Handler = Callable[[CurationService, Request], Any]


@dataclass(frozen=True)
class Endpoint:
    """One address: how it is reached, what it takes and gives; what it is for says its handler's docstring."""

    method: str
    path: str
    takes: str
    gives: str  #: a type in ``responses``, or what else comes back
    handle: Handler


ENDPOINTS: list[Endpoint] = []


def endpoint(method: str, path: str, *, takes: str = "", gives: str = "") -> Callable[[Handler], Handler]:
    """Register the function that answers at an address."""

    def register(handle: Handler) -> Handler:
        told = gives or str(get_type_hints(handle)["return"].__name__)
        ENDPOINTS.append(Endpoint(method, path, takes, told, handle))
        return handle

    return register


def make_app(service: CurationService, access: Access) -> AuthMiddleware:
    """The application, behind its rules of access."""
    routes = [Route(one.path, _endpoint(service, one), methods=[one.method]) for one in ENDPOINTS]
    routes += page_routes(STATIC) or [Route("/", lambda request: PlainTextResponse(NOT_BUILT + "\n", 503))]
    app = Starlette(routes=routes)
    app.state.access = access
    return AuthMiddleware(app, access)


def page_is_built() -> bool:
    return (STATIC / "index.html").exists()


# ---- what each address does ---------------------------------------------------


@endpoint("GET", "/api/session")
def _session(service: CurationService, request: Request) -> responses.SessionResponse:
    """Who sits here, and what the page offers."""
    return service.session(request.state.actor, not request.app.state.access.tokens)


@endpoint("GET", "/api/passes/{pass_name}")
def _open_pass(service: CurationService, request: Request) -> responses.PassResponse:
    """Everything a pass needs to begin; no takes while its queue is not frozen."""
    return service.open_pass(request.state.actor, _pass(request))


@endpoint("POST", "/api/passes/{pass_name}", takes="an empty JSON object")
def _freeze_and_open(service: CurationService, request: Request) -> responses.PassResponse:
    """The same, after freezing a queue where there is none yet."""
    if not service.queues.get(request.state.actor, _pass(request)).queue_id:
        service.queues.freeze(request.state.actor, _pass(request))
    return service.open_pass(request.state.actor, _pass(request))


@endpoint("POST", "/api/queue/{pass_name}", takes="an empty JSON object")
def _new_queue(service: CurationService, request: Request) -> responses.PassResponse:
    """Freeze a new queue: ?order=ranked, shuffled or made; the second pass: ?of=sample or kept. The old one stays."""
    order = request.query_params.get("order")
    if order is not None and order not in queues.ORDERS:
        raise ParameterError(f"order must be one of {', '.join(queues.ORDERS)}")
    of = request.query_params.get("of", "sample")
    if of not in ("sample", "kept"):
        raise ParameterError("of must be one of sample, kept")
    service.queues.freeze(request.state.actor, _pass(request), order, all_kept=of == "kept")
    return service.open_pass(request.state.actor, _pass(request))


@endpoint(
    "POST",
    "/api/events",
    takes='{"events": [{"client_id", "kind", "take_id", "payload", "pass", "session", "at", "undoes"}]}',
)
def _events(service: CurationService, request: Request) -> responses.EventsResponse:
    """Say things. Every event has a client_id; sending it again changes nothing."""
    words = request.state.words
    if not isinstance(words, dict) or not isinstance(words.get("events"), list):
        raise ParameterError('the body must be {"events": [...]}')
    return service.say(request.state.actor, words["events"])


@endpoint("GET", "/api/news")
def _news(service: CurationService, request: Request) -> responses.NewsResponse:
    """What changed since an earlier answer's 'now': ?since=N."""
    since = request.query_params.get("since", "0")
    if not (since.isascii() and since.isdigit()) or len(since) > 12:
        raise ParameterError("since must be a number that an earlier answer gave as 'now'")
    return service.news(request.state.actor, int(since))


@endpoint("GET", "/api/takes/{take_id}")
def _take(service: CurationService, request: Request) -> responses.TakeResponse:
    """A take while it is listened to."""
    return service.take(_take_id(service, request), request.state.actor)


@endpoint("GET", "/api/agreement")
def _agreement(service: CurationService, request: Request) -> responses.AgreementResponse:
    """How far people agree."""
    return service.agreement(request.state.actor)


@endpoint("GET", "/api/progress")
def _progress(service: CurationService, request: Request) -> responses.ProgressResponse:
    """What is done, heard, and probably missed."""
    return service.progress(request.state.actor)


@endpoint("GET", "/api/ranker")
def _ranker(service: CurationService, request: Request) -> responses.RankerResponse:
    """How far the ranking's scores can be trusted."""
    return service.ranker(request.state.actor)


@endpoint("GET", "/api/titles")
def _titles(service: CurationService, request: Request) -> responses.TitlesResponse:
    """What was kept, its titles, and candidates."""
    return service.titles(request.state.actor)


@endpoint(
    "POST",
    "/api/titles",
    takes='{"verb": "keep", "take_id", "title"}, {"verb": "reject", "title"} or {"verb": "undo", "mark"}',
)
def _say_title(service: CurationService, request: Request) -> responses.TitlesResponse:
    """Keep, reject or take back a title."""
    if not isinstance(request.state.words, dict):
        raise ParameterError("the body must be a JSON object")
    return service.say_title(request.state.actor, request.state.words)


@endpoint("GET", "/media/{take_id}.opus", gives="Ogg Opus")
def _opus(service: CurationService, request: Request) -> Response:
    """The listening copy; ?queue= prepares the next."""
    take_id = _take_id(service, request)
    path = service.media.opus(service.takes.one(take_id))
    service.prepare_next(request.query_params.get("queue", ""), take_id)
    return _sound(path)


def _sound(path: Path) -> Response:
    return FileWithRanges(path, media_type="audio/ogg", headers={"cache-control": FOR_A_MONTH})


@endpoint("GET", "/api/band")
def _band(service: CurationService, request: Request) -> responses.BandResponse:
    """The band's own songs, to hear beside a take."""
    return service.band()


@endpoint("GET", "/media/band/{track_id}.opus", gives="Ogg Opus")
def _band_song(service: CurationService, request: Request) -> Response:
    """One of them."""
    named = [t for t in service.project.catalogue.tracks() if t.id == request.path_params["track_id"]]
    if not named:
        raise NotFound("no such song of the band")
    return FileWithRanges(
        service.media.band_song(named[0]), media_type="audio/ogg", headers={"cache-control": FOR_A_MONTH}
    )


@endpoint("GET", "/media/{take_id}.mel", gives="bytes")
def _mel(service: CurationService, request: Request) -> Response:
    """Levels of the picture: uint32 rows, frames, then bytes."""
    data = service.picture(_take_id(service, request)).read_bytes()
    return packed(gzip.decompress(data), data, request, media_type="application/octet-stream", caching=FOR_A_MONTH)


@endpoint("GET", "/media/{take_id}.wav", gives="WAV")
def _wav(service: CurationService, request: Request) -> Response:
    """A stretch for looping: ?start_s=&end_s=, at most 60 s."""
    try:
        start_s = float(request.query_params["start_s"])
        end_s = float(request.query_params["end_s"])
    except (KeyError, ValueError) as cause:
        raise ParameterError("start_s and end_s must be given in seconds") from cause
    data = service.media.wav(service.takes.one(_take_id(service, request)), start_s, end_s)
    return Response(data, media_type="audio/wav", headers={"cache-control": SHORTLY})


@endpoint("GET", "/atlas/{key}.webp", gives="WebP")
def _atlas(service: CurationService, request: Request) -> Response:
    """Thumbnails of a stretch of a queue."""
    try:
        path = service.media.atlas(request.path_params["key"])
    except ParameterError as cause:
        raise NotFound(str(cause)) from cause
    return Response(path.read_bytes(), media_type="image/webp", headers={"cache-control": FOR_A_MONTH})


@endpoint("GET", "/api/export/{form}", gives="a file")
def _export(service: CurationService, request: Request) -> Response:
    """Download: csv, jsonl, audacity, jams."""
    form = request.path_params["form"]
    if form not in exporting.FORMS:
        raise NotFound(f"the forms are {', '.join(exporting.FORMS)}")
    hidden = service.queues.blind(request.state.actor)
    events = [e for e in service.project.catalogue.events() if e.take_id and e.take_id not in hidden]
    takes = [t for t in service.takes.all().values() if t.id not in hidden]
    files = exporting.write(form, takes, events, title=service.project.name)
    ending = exporting.FORMS[form]
    if form in exporting.A_FILE_A_TAKE:
        return _download(f"curation.{form}.zip", _zip({f"{t}.{ending}": text for t, text in files.items()}))
    return _download(f"curation.{ending}", files[""].encode())


def _download(name: str, data: bytes) -> Response:
    kind = "application/zip" if name.endswith(".zip") else "text/plain; charset=utf-8"
    return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


def _zip(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


@endpoint("GET", "/api", gives="HTML")
def _api_page(service: CurationService, request: Request) -> Response:
    """This page."""
    return HTMLResponse(api_page())


# ---- translating ----------------------------------------------------------------


def _pass(request: Request) -> responses.PassName:
    name = request.path_params["pass_name"]
    found = next((known for known in validation.PASSES if known == name), None)
    if found is None:
        raise NotFound(f"the passes are {', '.join(validation.PASSES)}")
    return found


def _take_id(service: CurationService, request: Request) -> str:
    name = str(request.path_params["take_id"])
    if name not in service.takes.all():
        raise NotFound("no such take")
    return name


def _endpoint(service: CurationService, one: Endpoint) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        def answered(words: Any) -> Any:
            request.state.words = words
            return one.handle(service, request)

        return await answer(request, answered)

    return endpoint


def api_page() -> str:
    """One page that lists every address and every type, made from the code."""
    cell = html.escape
    rows = "".join(
        f"<tr><td><code>{d.method} {cell(d.path)}</code><td>{cell(d.handle.__doc__ or '')}<td>{cell(d.takes)}"
        f"<td>{_linked(d.gives)}</tr>"
        for d in ENDPOINTS
    )
    types = [t for t in vars(responses).values() if isinstance(t, type) and hasattr(t, "__required_keys__")]
    blocks = "".join(
        f'<h3 id="{t.__name__}">{t.__name__}</h3><p>{cell((t.__doc__ or "").strip())}</p><dl>'
        + "".join(f"<dt><code>{cell(k)}</code><dd><code>{cell(_spell(v))}</code>" for k, v in get_type_hints(t).items())
        + "</dl>"
        for t in types
    )
    kinds = ", ".join(f"<code>{kind}</code>" for kind in validation.PAYLOADS)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>neuralbum curate: API</title>'
        f"<h1>The curation server's API</h1><table><tr><th>Address<th>What it does<th>Takes<th>Answers</tr>{rows}"
        f"</table><h2>Kinds of events</h2><p>{kinds}</p><h2>Types</h2>{blocks}</html>"
    )


def _linked(gives: str) -> str:
    return f'<a href="#{gives}">{gives}</a>' if hasattr(responses, gives) else html.escape(gives)


def _spell(kind: Any) -> str:
    return (
        kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind).replace("typing.", "")
    )
