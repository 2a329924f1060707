"""Files in ranges, JSON that cannot hurt, a built page: what our servers share."""

from __future__ import annotations

import math

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette
from starlette.routing import Route

from neuralbum.errors import ParameterError
from neuralbum.web.http import FileWithRanges, json_body, json_response, page_routes, parse_json


@pytest.fixture
def ask(tmp_path):
    """A server with a file of ten bytes, an echo, and a page of two files."""
    sound = tmp_path / "sound.opus"
    sound.write_bytes(b"0123456789")
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>" + " " * 2000)
    (page / "assets" / "app.js").write_text("1")
    (page / "secret.key").write_text("not of the page")

    async def echo(request):
        return json_response(await json_body(request), request)

    routes = [
        Route("/sound", lambda request: FileWithRanges(sound, media_type="audio/ogg")),
        Route("/echo", echo, methods=["POST"]),
        *page_routes(page),
    ]
    app = Starlette(routes=routes)

    def ask(path, method="GET", **more):
        async def once():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
                return await client.request(method, path, **more)

        with start_blocking_portal() as portal:  # not this thread: a browser may hold its loop
            return portal.call(once)

    return ask


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        (None, 200, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=20-", 416, None),
    ],
)
def test_a_file_is_sent_whole_or_in_the_range_that_was_asked_for(ask, asked, status, body):
    """RFC 9110, 14.2."""
    answer = ask("/sound", headers={"range": asked} if asked else {})
    assert answer.status_code == status
    assert body is None or answer.content == body
    assert status == 416 or answer.headers["accept-ranges"] == "bytes"


def test_json_comes_back_as_it_went_and_large_answers_are_gzipped(ask):
    small, large = {"a": "ä"}, {"a": "x" * 5000}
    assert ask("/echo", "POST", json=small).json() == small
    answer = ask("/echo", "POST", json=large)
    assert answer.json() == large
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in ask("/echo", "POST", json=large, headers={"accept-encoding": ""}).headers


def test_a_page_is_its_own_files_and_nothing_else(ask):
    assert ask("/").headers["cache-control"] == "no-cache"
    assert "immutable" in ask("/assets/app.js").headers["cache-control"]
    assert ask("/secret.key").status_code == 404
    assert ask("/index.html").status_code == 404


def test_numbers_of_hundreds_of_digits_are_floats_and_no_json_is_refused():
    assert parse_json("[1, 123456789012345678]") == [1, 123456789012345678]
    assert parse_json("1" * 400) == math.inf
    for text in ("{", "[" * 100_000, b"\xff"):
        with pytest.raises(ParameterError, match="not JSON"):
            parse_json(text)


def test_a_browser_that_goes_at_once_leaves_no_task_behind(tmp_path):
    path = tmp_path / "sound.opus"
    path.write_bytes(b"sound")
    sent = []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"version": "3.0", "spec_version": "2.3"}}
    with start_blocking_portal() as portal:  # not this thread: a browser may hold its loop
        portal.call(FileWithRanges(path, media_type="audio/ogg"), scope, gone, send)
    assert b"".join(m.get("body", b"") for m in sent) == b"sound"
