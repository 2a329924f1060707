"""Who may listen and who may turn the knobs; nothing outside the stream's folder is served."""

from __future__ import annotations

import json

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from neuralbum.radio import server
from neuralbum.radio.mixer import ARCHIVE
from neuralbum.radio.playlist import FILE, Playlist
from neuralbum.radio.programme import PlayoutLog
from neuralbum.web.auth import Access

from .makers import item, spooled
from .test_station import Radio

PORT = 8428


@pytest.fixture
def radio(tmp_path, project):
    from neuralbum.radio.programme import Programme

    from .makers import PARAMS

    made = Radio(tmp_path / "state")
    made.real = Programme(project, PARAMS, project.artefacts_dir / "spool", PlayoutLog(tmp_path / "log", 3))
    return made


@pytest.fixture
def ask(radio, tmp_path):
    made = Playlist(tmp_path / "stream", 2.0)
    made.add(b"sound", 2.0, 1000.0)

    def client(curators=(), host="127.0.0.1"):
        access = Access.make(host, PORT, curators, default_actor="operator")
        radio.station.programme = radio.real
        app = server.make_app(
            radio.station, access, tmp_path / "stream", name="fake feelings", checked=True, marked=True
        )

        def asked(method, path, who=None, kind="", **more):
            token = next((t for t, name in access.tokens.items() if name == who), "")
            headers = {"authorization": f"Bearer {token}"} if token else {}
            headers |= {"content-type": kind} if kind else {}

            async def once():
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{PORT}") as made:
                    return await made.request(method, path, headers=headers, **more)

            with start_blocking_portal() as portal:
                return portal.call(once)

        return asked

    return client


def test_the_stream_is_served_as_hls(ask):
    asked = ask()
    playlist = asked("GET", f"/{FILE}")
    assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert playlist.headers["cache-control"] == "no-store"
    segment = asked("GET", "/0.aac")
    assert (segment.status_code, segment.headers["content-type"]) == (200, "audio/aac")
    assert segment.content.endswith(b"sound")
    assert segment.content.startswith(b"ID3")


@pytest.mark.parametrize(
    "path", ["/1.aac", "/../lock.aac", "/%2e%2e/station.json", "/-1.aac", "/x.aac", "/stream.m3u8.part"]
)
def test_nothing_else_is(ask, path):
    assert ask()("GET", path).status_code == 404


def test_before_the_first_segment_a_player_is_told_to_come_again(ask, tmp_path):
    (tmp_path / "stream" / FILE).unlink()
    answer = ask()("GET", f"/{FILE}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_listeners_listen_and_operators_turn_the_knobs(ask, radio):
    asked = ask(curators=("ana", "listener", "probe"))
    assert asked("GET", f"/{FILE}").status_code == 401
    assert asked("GET", f"/{FILE}", who="listener").status_code == 200
    for path, words in (("temperature", {"value": 1.1}), ("next", {}), ("keep", {})):
        assert asked("POST", f"/api/{path}", who="listener", json=words).status_code == 403
        assert asked("POST", f"/api/{path}", who="ana", json=words).status_code == 200
    assert asked("GET", "/api/now", who="listener").json()["operator"] is False
    assert asked("GET", "/api/now", who="ana").json()["operator"] is True
    radio.station.tick()
    assert radio.station.temperature == 1.1


@pytest.mark.parametrize("value", [None, "1", True, 0.1, 9, float("nan"), [1.0]])
def test_a_temperature_that_is_none_is_refused(ask, value):
    answer = ask()("POST", "/api/temperature", content=json.dumps({"value": value}), kind="application/json")
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_health_is_503_until_sound_leaves(ask, radio):
    asked = ask()
    before = asked("GET", "/health")
    assert (before.status_code, before.json()["why"]) == (503, "warming up")
    radio.station.programme = radio.programme
    radio.programme.items = [item(10.0, source=ARCHIVE)]
    radio.run(1)
    after = asked("GET", "/health")
    assert (after.status_code, after.json()["ok"]) == (200, True)
    assert set(after.json()["processes"]) == {"maker", "encoder"}


def test_what_plays_is_told_with_its_recipe(ask, radio):
    ticket = spooled(radio.real.spool, 0)
    radio.real.arrived(ticket.take.id)
    radio.real.prepare()
    radio.real.on_air(radio.real.next(), 1000.0)
    (played,) = ask()("GET", "/api/now").json()["played"]
    assert played["source"] == "live"
    assert played["like"] == "song 1"
    assert played["temperature"] == 1.0
    assert played["at"] == 1000.0
    assert "ticket" not in played
