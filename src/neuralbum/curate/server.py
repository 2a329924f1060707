"""The addresses of the curation page: typed JSON, sound, pictures, and the page itself.

Every answer is made by ``desk``; this file only translates HTTP. A request
names takes, passes, formats and atlases, which are looked up in tables; no
path is ever taken from a request. The list ROUTES is also the API page (/api).
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
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..errors import NeuralbumError, ParameterError
from ..web.auth import Access, AuthMiddleware
from ..web.http import FOR_A_MONTH, FileWithRanges, json_body, json_response, packed, page_routes
from . import answers, exchange, queues, speech
from .desk import Desk

STATIC = Path(__file__).parent / "static"
NOT_BUILT = "the curation page is not built: run `python hatch_build.py` in the checkout (it needs pip and the network)"
SHORTLY = "private, max-age=60"


class NotFound(NeuralbumError):
    """What a request names does not exist."""


@dataclass(frozen=True)
class Door:
    """One address: how it is reached, what it is for, what it takes and answers."""

    method: str
    path: str
    summary: str
    handle: Callable[[Desk, Request], Any]
    answer: str = ""  #: a type in ``answers``, or what else comes back
    takes: str = ""


def make_app(desk: Desk, access: Access) -> AuthMiddleware:
    """The server for a desk, guarded."""
    routes = [Route(door.path, _endpoint(desk, door), methods=[door.method]) for door in DOORS]
    routes += page_routes(STATIC) or [Route("/", lambda request: PlainTextResponse(NOT_BUILT + "\n", 503))]
    app = Starlette(routes=routes)
    app.state.access = access
    return AuthMiddleware(app, access)


def page_is_built() -> bool:
    return (STATIC / "index.html").exists()


# ---- what each address does ---------------------------------------------------


def _session(desk: Desk, request: Request) -> answers.SessionAnswer:
    return desk.session(request.state.actor, not request.app.state.access.tokens)


def _desk(desk: Desk, request: Request) -> answers.DeskAnswer:
    return desk.desk(request.state.actor, _pass(request))


def _opened(desk: Desk, request: Request) -> answers.DeskAnswer:
    if not desk.lineup.of(request.state.actor, _pass(request)).queue_id:
        desk.lineup.new(request.state.actor, _pass(request))
    return desk.desk(request.state.actor, _pass(request))


def _new_queue(desk: Desk, request: Request) -> answers.DeskAnswer:
    order = request.query_params.get("order")
    if order is not None and order not in queues.ORDERS:
        raise ParameterError(f"order must be one of {', '.join(queues.ORDERS)}")
    of = request.query_params.get("of", "sample")
    if of not in ("sample", "kept"):
        raise ParameterError("of must be one of sample, kept")
    desk.lineup.new(request.state.actor, _pass(request), order, all_kept=of == "kept")
    return desk.desk(request.state.actor, _pass(request))


def _events(desk: Desk, request: Request) -> answers.EventsAnswer:
    words = request.state.words
    if not isinstance(words, dict) or not isinstance(words.get("events"), list):
        raise ParameterError('the body must be {"events": [...]}')
    return desk.say(request.state.actor, words["events"])


def _news(desk: Desk, request: Request) -> answers.NewsAnswer:
    since = request.query_params.get("since", "0")
    if not (since.isascii() and since.isdigit()) or len(since) > 12:
        raise ParameterError("since must be a number that an earlier answer gave as 'now'")
    return desk.news(request.state.actor, int(since))


def _take(desk: Desk, request: Request) -> answers.TakeAnswer:
    return desk.detail(_take_id(desk, request), request.state.actor)


def _agreement(desk: Desk, request: Request) -> answers.AgreementAnswer:
    return desk.agreement(request.state.actor)


def _progress(desk: Desk, request: Request) -> answers.ProgressAnswer:
    return desk.progress(request.state.actor)


def _ranker(desk: Desk, request: Request) -> answers.RankerAnswer:
    return desk.ranker(request.state.actor)


def _titles(desk: Desk, request: Request) -> answers.TitlesAnswer:
    return desk.titles(request.state.actor)


def _say_title(desk: Desk, request: Request) -> answers.TitlesAnswer:
    if not isinstance(request.state.words, dict):
        raise ParameterError("the body must be a JSON object")
    return desk.say_title(request.state.actor, request.state.words)


def _opus(desk: Desk, request: Request) -> Response:
    take_id = _take_id(desk, request)
    path = desk.shelf.opus(desk.stock.one(take_id))
    desk.prepare_next(request.query_params.get("queue", ""), take_id)
    return FileWithRanges(path, media_type="audio/ogg", headers={"cache-control": FOR_A_MONTH})


def _band(desk: Desk, request: Request) -> answers.BandAnswer:
    return desk.band()


def _band_song(desk: Desk, request: Request) -> Response:
    named = [t for t in desk.project.catalogue.tracks() if t.id == request.path_params["track_id"]]
    if not named:
        raise NotFound("no such song of the band")
    return FileWithRanges(desk.shelf.song(named[0]), media_type="audio/ogg", headers={"cache-control": FOR_A_MONTH})


def _mel(desk: Desk, request: Request) -> Response:
    data = desk.picture(_take_id(desk, request)).read_bytes()
    return packed(gzip.decompress(data), data, request, media_type="application/octet-stream", caching=FOR_A_MONTH)


def _wav(desk: Desk, request: Request) -> Response:
    try:
        start_s = float(request.query_params["start_s"])
        end_s = float(request.query_params["end_s"])
    except (KeyError, ValueError) as cause:
        raise ParameterError("start_s and end_s must be given in seconds") from cause
    data = desk.shelf.stretch(desk.stock.one(_take_id(desk, request)), start_s, end_s)
    return Response(data, media_type="audio/wav", headers={"cache-control": SHORTLY})


def _atlas(desk: Desk, request: Request) -> Response:
    try:
        path = desk.shelf.atlas(request.path_params["key"])
    except ParameterError as cause:
        raise NotFound(str(cause)) from cause
    return Response(path.read_bytes(), media_type="image/webp", headers={"cache-control": FOR_A_MONTH})


def _export(desk: Desk, request: Request) -> Response:
    form = request.path_params["form"]
    if form not in exchange.FORMS:
        raise NotFound(f"the forms are {', '.join(exchange.FORMS)}")
    hidden = desk.lineup.blind(request.state.actor)
    events = [e for e in desk.project.catalogue.events() if e.take_id not in hidden and e.kind != "queue"]
    takes = [t for t in desk.stock.all().values() if t.id not in hidden]
    files = exchange.write(form, takes, events, title=desk.project.name)
    ending = exchange.FORMS[form]
    if form in exchange.A_FILE_A_TAKE:
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


def _api_page(desk: Desk, request: Request) -> Response:
    return HTMLResponse(api_page())


DOORS = (
    Door("GET", "/api/session", "Who sits here, and what the page offers.", _session, "SessionAnswer"),
    Door(
        "GET",
        "/api/desk/{pass_name}",
        "Everything a pass needs to begin; no takes while its queue is not frozen.",
        _desk,
        "DeskAnswer",
    ),
    Door(
        "POST",
        "/api/desk/{pass_name}",
        "The same, after freezing a queue where there is none yet.",
        _opened,
        "DeskAnswer",
        "an empty JSON object",
    ),
    Door(
        "POST",
        "/api/queue/{pass_name}",
        "Freeze a new queue: ?order=ranked, shuffled or made; the second pass: ?of=sample or kept. The old one stays.",
        _new_queue,
        "DeskAnswer",
        "an empty JSON object",
    ),
    Door(
        "POST",
        "/api/events",
        "Say things. Every event has a client_id; sending it again changes nothing.",
        _events,
        "EventsAnswer",
        '{"events": [{"client_id", "kind", "take_id", "payload", "pass", "session", "at", "undoes"}]}',
    ),
    Door("GET", "/api/news", "What changed since an earlier answer's 'now': ?since=N.", _news, "NewsAnswer"),
    Door("GET", "/api/takes/{take_id}", "A take while it is listened to.", _take, "TakeAnswer"),
    Door("GET", "/api/agreement", "How far people agree.", _agreement, "AgreementAnswer"),
    Door("GET", "/api/progress", "What is done, heard, and probably missed.", _progress, "ProgressAnswer"),
    Door("GET", "/api/ranker", "How far the ranking's scores can be trusted.", _ranker, "RankerAnswer"),
    Door("GET", "/api/titles", "What was kept, its titles, and candidates.", _titles, "TitlesAnswer"),
    Door(
        "POST",
        "/api/titles",
        "Keep, reject or take back a title.",
        _say_title,
        "TitlesAnswer",
        '{"verb": "keep", "take_id", "title"}, {"verb": "reject", "title"} or {"verb": "undo", "mark"}',
    ),
    Door("GET", "/api/export/{form}", "Download: csv, jsonl, audacity, jams.", _export, "a file"),
    Door("GET", "/media/{take_id}.opus", "The listening copy; ?queue= prepares the next.", _opus, "Ogg Opus"),
    Door("GET", "/api/band", "The band's own songs, to hear beside a take.", _band, "BandAnswer"),
    Door("GET", "/media/band/{track_id}.opus", "One of them.", _band_song, "Ogg Opus"),
    Door("GET", "/media/{take_id}.mel", "Levels of the picture: uint32 rows, frames, then bytes.", _mel, "bytes"),
    Door("GET", "/media/{take_id}.wav", "A stretch for looping: ?start_s=&end_s=, at most 60 s.", _wav, "WAV"),
    Door("GET", "/atlas/{key}.webp", "Thumbnails of a stretch of a queue.", _atlas, "WebP"),
    Door("GET", "/api", "This page.", _api_page, "HTML"),
)


# ---- translating ----------------------------------------------------------------


def _pass(request: Request) -> str:
    name = str(request.path_params["pass_name"])
    if name not in speech.PASSES:
        raise NotFound(f"the passes are {', '.join(speech.PASSES)}")
    return name


def _take_id(desk: Desk, request: Request) -> str:
    name = str(request.path_params["take_id"])
    if name not in desk.stock.all():
        raise NotFound("no such take")
    return name


def _endpoint(desk: Desk, door: Door) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            if door.method == "POST":
                request.state.words = await json_body(request)
            found = await run_in_threadpool(door.handle, desk, request)
        except NotFound as why:
            return json_response({"error": str(why)}, request, 404)
        except ParameterError as why:
            return json_response({"error": str(why)}, request, 400)
        except NeuralbumError as why:
            return json_response({"error": str(why)}, request, 500)
        return found if isinstance(found, Response) else json_response(found, request)

    return endpoint


def api_page() -> str:
    """One page that lists every address and every type, made from the code."""
    cell = html.escape
    rows = "".join(
        f"<tr><td><code>{d.method} {cell(d.path)}</code><td>{cell(d.summary)}<td>{cell(d.takes)}"
        f"<td>{_linked(d.answer)}</tr>"
        for d in DOORS
    )
    types = [t for t in vars(answers).values() if isinstance(t, type) and hasattr(t, "__required_keys__")]
    blocks = "".join(
        f'<h3 id="{t.__name__}">{t.__name__}</h3><p>{cell((t.__doc__ or "").strip())}</p><dl>'
        + "".join(f"<dt><code>{cell(k)}</code><dd><code>{cell(_spell(v))}</code>" for k, v in get_type_hints(t).items())
        + "</dl>"
        for t in types
    )
    kinds = ", ".join(f"<code>{kind}</code>" for kind in speech._PAYLOADS)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>neuralbum curate: API</title>'
        f"<h1>The curation server's API</h1><table><tr><th>Address<th>What it does<th>Takes<th>Answers</tr>{rows}"
        f"</table><h2>Kinds of events</h2><p>{kinds}</p><h2>Types</h2>{blocks}</html>"
    )


def _linked(answer: str) -> str:
    return f'<a href="#{answer}">{answer}</a>' if hasattr(answers, answer or "?") else html.escape(answer)


def _spell(kind: Any) -> str:
    return (
        kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind).replace("typing.", "")
    )
