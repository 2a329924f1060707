"""The server: typed answers, blindness, ranges, idempotent words, and who may talk to it."""

from __future__ import annotations

import json
from itertools import pairwise

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from neuralbum import curate
from neuralbum.catalogue import fold
from neuralbum.curate import server
from neuralbum.curate.guard import Access, is_loopback
from neuralbum.records import Event

from .makers import screened

PORT = 8427
BASE = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def client(desk):
    return talk(desk)


class Client:
    """Asks the application itself, one request at a time."""

    def __init__(self, app, access):
        self.app, self.access, self.cookies = app, access, httpx.Cookies()

    def ask(self, method, path, **more):
        async def once():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=self.cookies) as client:
                answer = await client.request(method, path, **more)
                self.cookies.update(client.cookies)
                return answer

        with start_blocking_portal() as portal:  # not this thread: a browser may hold its loop
            return portal.call(once)

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, **more):
        return self.ask("POST", path, **more)


def talk(desk, curators=(), **more):
    access = Access.make("127.0.0.1", PORT, curators, default_actor="ana", **more)
    return Client(server.make_app(desk, access), access)


def words(number, take_id, kind="verdict", pass_name="eye", **payload):
    payload = payload or {"value": "keep"}
    return {"client_id": f"event-{number:04}", "kind": kind, "take_id": take_id, "payload": payload, "pass": pass_name}


def say(client, *events, actor="ana", expect=200):
    answer = client.post("/api/events", json={"events": list(events)}, headers={"x-curator": actor})
    assert answer.status_code == expect, answer.text
    return answer.json()


def desk_of(client, pass_name="eye", actor="ana"):
    answer = client.get(f"/api/desk/{pass_name}", headers={"x-curator": actor})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_desk_holds_every_take_best_first_but_for_the_audit(client, album):
    answer = desk_of(client)
    rows = answer["rows"]
    assert {row["id"] for row in rows} == {take.id for take in album.catalogue.takes()}
    scores = [row["score"] for row in rows if row["score"] is not None]
    ups = sum(b > a for a, b in pairwise(scores))
    assert ups <= 1, "one of twelve takes is the audit's"
    assert answer["atlases"][0]["end"] == 12
    picture = client.get(answer["atlases"][0]["url"])
    assert picture.headers["content-type"] == "image/webp"
    assert picture.content[8:12] == b"WEBP"


def test_the_queue_is_frozen_and_survives_a_restart(client, desk, album):
    first = [row["id"] for row in desk_of(client)["rows"]]
    say(client, words(1, first[-1], value="drop"), words(2, first[0], value="keep"))
    from neuralbum.curate.desk import Desk

    again = Desk(album, desk.params)
    assert [row["id"] for row in again.desk("ana", "eye")["rows"]] == first
    again.close()
    anew = client.post("/api/queue/eye?order=shuffled", json={}).json()
    assert anew["queue"]["order"] == "shuffled"
    assert sorted(row["id"] for row in anew["rows"]) == sorted(first)


def test_saying_it_twice_counts_once_and_the_state_is_the_fold(client, album):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    batch = [words(n, ids[n % 3], value=["keep", "drop"][n % 2]) for n in range(9)]
    batch.append({**words(9, ids[0]), "kind": "undo", "payload": {}, "undoes": "event-0006"})
    assert say(client, *batch)["new"] == 10
    assert say(client, *batch)["new"] == 0
    state = desk_of(client)["state"]
    truth = fold(album.catalogue.events())
    for take_id in ids[:3]:
        assert state[take_id]["mine"]["verdict"] == truth[take_id].verdict
        assert state[take_id]["album"] == truth[take_id].verdict


def test_what_makes_no_sense_is_refused_and_the_rest_counts(client):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    answer = say(client, words(1, "no-such-take"), words(2, ids[0]), {"kind": "verdict"}, "nonsense")
    assert answer["new"] == 1
    assert len(answer["refused"]) == 3
    assert "take_id" in answer["refused"][0]["reason"]
    say(client, *[words(n, ids[0]) for n in range(501)], expect=400)


def test_nobody_takes_back_another_persons_words_or_takes_a_name(client):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    say(client, words(1, ids[0]))
    undo = {**words(2, ids[0]), "kind": "undo", "payload": {}, "undoes": "event-0001"}
    assert "one's own" in say(client, undo, actor="ben")["refused"][0]["reason"]
    assert "one's own" in say(client, {**undo, "take_id": ids[1]})["refused"][0]["reason"]
    assert "taken" in say(client, words(1, ids[0]), actor="ben")["refused"][0]["reason"]


def test_undo_reaches_back_beyond_a_restart(client):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    say(client, words(1, ids[0], value="drop"), words(2, ids[0], "tag", tag="riff"), words(3, ids[0], value="keep"))
    undo = desk_of(client)["undo"]
    assert [u["client_id"] for u in undo] == ["event-0001", "event-0002", "event-0003"]
    assert undo[2]["before"]["verdict"] == "drop"
    assert undo[2]["before"]["tags"] == ["riff"]
    assert undo[1]["before"]["tags"] == []
    say(client, {**words(4, ids[0]), "kind": "undo", "payload": {}, "undoes": "event-0003"})
    assert [u["client_id"] for u in desk_of(client)["undo"]] == ["event-0001", "event-0002"]
    assert desk_of(client)["state"][ids[0]]["mine"]["verdict"] == "drop"


def draw_second(client, actor):
    answer = client.post("/api/queue/second", json={}, headers={"x-curator": actor})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_looking_at_the_second_pass_blinds_nobody_until_its_takes_are_drawn(client):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    say(client, words(1, ids[0]))
    assert desk_of(client, "second")["rows"] == []
    assert desk_of(client)["state"][ids[0]]["blind"] is False
    assert [row["id"] for row in draw_second(client, "ana")["rows"]] == [ids[0]]
    assert desk_of(client)["state"][ids[0]]["blind"] is True


SECRETS = ("riff-secret", "note-secret", "97.25")


def test_a_second_pass_is_blind_in_every_answer(client, desk):
    """Nothing that was said, and no score or flag, reaches the second listener by any address."""
    ids = [row["id"] for row in desk_of(client)["rows"]]
    for n, take_id in enumerate(ids):
        say(
            client,
            words(10 * n, take_id, value=["keep", "drop"][n % 2]),
            words(10 * n + 1, take_id, "tag", tag="riff-secret"),
            words(10 * n + 2, take_id, "note", note_id="note-0001", start_s=0, end_s=1, text="note-secret"),
            words(10 * n + 3, take_id, "tap", bpm=97.25, times_s=[]),
        )
    for listener in ("ana", "ben"):
        opened = draw_second(client, listener)
        assert len(opened["rows"]) == 12
        headers = {"x-curator": listener}
        seen = [json.dumps(opened)]
        paths = ["/api/news?since=0", "/api/progress", "/api/desk/eye", "/api/desk/full", "/api/desk/ear"]
        paths += [f"/api/takes/{i}" for i in ids] + [
            f"/api/export/{form}" for form in ("csv", "jsonl", "jams", "audacity")
        ]
        for path in paths:
            answer = client.get(path, headers=headers)
            assert answer.status_code == 200, path
            seen.append(answer.text)
        text = "\n".join(seen)
        assert not [s for s in SECRETS if s in text]
        assert all(row["score"] is None and row["flags"] == [] for row in opened["rows"])
        blind = [s for s in opened["state"].values() if s["blind"]]
        assert len(blind) == 12
        assert all(s["mine"]["verdict"] is None and s["album"] is None and s["others"] == [] for s in blind)
        verdicts = client.get("/api/progress", headers=headers).json()["verdicts"]
        assert verdicts == {"undecided": 12}


def test_the_second_pass_stays_blind_to_an_undo_and_opens_when_it_is_done(client):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    for n, take_id in enumerate(ids[:3]):
        say(client, words(n, take_id, value="drop"))
    queue = [row["id"] for row in draw_second(client, "ben")["rows"]]
    assert sorted(queue) == sorted(ids[:3])
    say(client, words(100, queue[0], pass_name="second", value="keep"), actor="ben")
    state = desk_of(client, "second", "ben")["state"][queue[0]]
    assert (state["blind"], state["mine"]["verdict"], state["album"]) == (True, "keep", None)
    for n, take_id in enumerate(queue[1:]):
        say(client, words(101 + n, take_id, pass_name="second", value="keep"), actor="ben")
    state = desk_of(client, "second", "ben")["state"][queue[0]]
    assert (state["blind"], state["others"][0]["verdict"]) == (False, "drop")
    agreed = client.get("/api/agreement").json()
    (pair,) = agreed["pairs"]
    assert (pair["first"], pair["second"], pair["n"], pair["kappa"]) == ("ana", "ben, second", 3, 0.0)
    assert agreed["n_disputed"] == 3
    assert len(desk_of(client, "disputes")["rows"]) == 3


def test_the_machines_tempo_is_withheld_until_a_person_has_tapped(client):
    take_id = desk_of(client)["rows"][0]["id"]
    assert client.get(f"/api/takes/{take_id}").json()["machine_tempo"] is None
    say(client, words(1, take_id, "tap", bpm=70.0, times_s=[1, 2]))
    assert client.get(f"/api/takes/{take_id}").json()["machine_tempo"]["base_bpm"] == 140.0


def test_a_take_has_telling_points_and_its_flags_places(client, album):
    flagged = next(t.id for t, f in zip(album.catalogue.takes(), range(12), strict=True) if f == 0)
    found = client.get(f"/api/takes/{flagged}").json()
    assert found["flags"][0]["ranges"] == [[2.0, 3.0]]
    assert found["points"]
    assert all(0 <= p["at_s"] < 4 for p in found["points"])


def test_sound_is_served_in_ranges_and_pictures_as_bytes(client):
    take_id = desk_of(client)["rows"][0]["id"]
    whole = client.get(f"/media/{take_id}.opus")
    assert whole.content[:4] == b"OggS"
    assert whole.headers["content-type"] == "audio/ogg"
    part = client.get(f"/media/{take_id}.opus", headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = client.get(f"/media/{take_id}.opus", headers={"range": "bytes=99999999-"})
    assert beyond.status_code == 416
    levels = client.get(f"/media/{take_id}.mel").content
    rows, frames = int.from_bytes(levels[:4], "little"), int.from_bytes(levels[4:8], "little")
    assert rows == 128
    assert len(levels) == 8 + rows * frames
    loop = client.get(f"/media/{take_id}.wav?start_s=1&end_s=2")
    assert loop.content[:4] == b"RIFF"
    assert len(loop.content) == pytest.approx(44 + 2 * 16_000, abs=64)
    assert client.get(f"/media/{take_id}.wav?start_s=1&end_s=99").status_code == 400
    assert client.get(f"/media/{take_id}.wav?start_s=nan&end_s=2").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/media/..%2f..%2fneuralbum.toml.opus",
        "/media/nothing.opus",
        "/atlas/../../etc/passwd.webp",
        "/atlas/abc.webp",
        "/api/desk/third",
        "/api/takes/nothing",
        "/api/export/xml",
        "/assets/../params.py",
        "/../neuralbum.toml",
    ],
)
def test_a_request_cannot_name_a_path(client, path):
    assert client.get(path).status_code == 404


def test_every_answer_carries_a_strict_policy(client):
    for path in ("/api/session", "/api", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_other_hosts_and_origins_are_refused(client):
    assert client.get("/api/session", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/api/session", headers={"host": "127.0.0.1:9999"}).status_code == 421
    assert client.get("/api/session", headers={"host": f"localhost:{PORT}"}).status_code == 200
    cross = client.post("/api/events", json={"events": []}, headers={"origin": "http://evil.example"})
    assert cross.status_code == 403
    same = client.post("/api/events", json={"events": []}, headers={"origin": BASE})
    assert same.status_code == 200
    plain = client.post("/api/events", content="{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 400
    huge = client.post("/api/events", content=b" " * 5_000_000, headers={"content-type": "application/json"})
    assert huge.status_code == 413
    assert (
        client.post("/api/events", content=b"[" * 9000, headers={"content-type": "application/json"}).status_code == 400
    )


def test_with_tokens_the_token_says_who_speaks(desk):
    client = talk(desk, ("ana", "ben"))
    tokens = {name: token for token, name in client.access.tokens.items()}
    assert client.get("/api/session").status_code == 401
    assert client.get("/media/x.opus").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/api/session", headers={"x-curator": "ana"}).status_code == 401
    opened = client.get(f"/?token={tokens['ben']}")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    session = client.get("/api/session", headers={"x-curator": "ana"}).json()
    assert (session["actor"], session["may_choose_actor"]) == ("ben", False)
    bearer = client.get("/api/session", headers={"authorization": f"Bearer {tokens['ana']}"}).json()
    assert bearer["actor"] == "ana"


def test_beyond_loopback_there_is_always_a_token():
    assert Access.make("0.0.0.0", PORT, [], default_actor="ana").tokens
    assert not Access.make("127.0.0.1", PORT, [], default_actor="ana").tokens
    assert is_loopback("::1")
    assert not is_loopback("192.168.1.4")
    assert not is_loopback("example.org")


def test_the_api_page_lists_every_address_and_type(client):
    page = client.get("/api").text
    assert all(door.path.replace("{", "{") in page for door in server.DOORS)
    assert "DeskAnswer" in page
    assert "by_pass" in page


def test_news_tell_what_others_said(client):
    ids = [row["id"] for row in desk_of(client)["rows"]]
    now = desk_of(client)["now"]
    say(client, words(1, ids[3], value="drop"), actor="ben")
    news = client.get(f"/api/news?since={now}").json()
    assert list(news["state"]) == [ids[3]]
    assert news["state"][ids[3]]["others"][0]["actor"] == "ben"
    assert client.get(f"/api/news?since={news['now']}").json()["state"] == {}
    assert ids[3] in client.get("/api/news?since=99999").json()["state"], "a page older than the server hears all"


def test_enough_decisions_refit_the_ranking_and_a_missing_sound_stops_nothing(album, desk, client):
    take = album.catalogue.takes()[0]
    (album.root / take.path).unlink()
    assert client.get(f"/media/{take.id}.opus").status_code == 500
    assert "missing" in client.get(f"/media/{take.id}.opus").json()["error"]
    assert client.get(f"/api/takes/{take.id}").status_code == 200
    ids = [row["id"] for row in desk_of(client)["rows"]]
    album.catalogue.say(
        Event(f"person-{n:04}", float(n), "ben", "verdict", ids[n % 12], {"value": ["keep", "drop"][n % 2]})
        for n in range(24)
    )
    assert desk_of(client)["rows"]


def test_plays_add_up_to_heard_in_full(client, album):
    take_id = desk_of(client)["rows"][0]["id"]
    say(client, words(1, take_id, "play", start_s=0, end_s=2), words(2, take_id, "play", start_s=1.5, end_s=4))
    progress = client.get("/api/progress").json()
    assert progress["heard_in_full"] == 1
    assert desk_of(client)["state"][take_id]["heard"] == 1.0
    assert album.catalogue.judgements()[take_id].heard == ((0.0, 4.0),)
    assert progress["missed"]["eye"]["n_unheard"] == 12


def test_takes_are_read_again_only_when_there_are_others(client, album, monkeypatch):
    reads = []
    catalogue = album.catalogue
    monkeypatch.setattr("neuralbum.curate.stock.LOOK_EVERY_S", 0)
    read = catalogue.takes
    monkeypatch.setattr(catalogue, "takes", lambda: reads.append(1) or read())
    rows = client.get("/api/desk/eye").json()["rows"]
    n_reads = len(reads)
    for _ in range(3):
        assert client.get("/api/desk/eye").json()["rows"] == rows
    assert len(reads) == n_reads
    [last] = [row for row in rows if row["score"] is None]
    album.catalogue.record(screened(read()[11], score=0.75, caption="heard since"))
    again = {row["id"]: row for row in client.get("/api/desk/eye").json()["rows"]}
    assert again[last["id"]]["score"] == 0.75
    assert again[last["id"]]["caption"] == "heard since"


def test_copies_are_made_ahead_once(album):
    done = curate.prepare(album)
    assert (done.done, done.failed) == (12, 0)
    made = sorted((album.artefacts_dir / "curate").iterdir())
    assert len(made) == 24
    curate.prepare(album)
    assert sorted((album.artefacts_dir / "curate").iterdir()) == made


def test_a_browser_that_goes_at_once_leaves_no_task_behind(tmp_path):
    path = tmp_path / "sound.opus"
    path.write_bytes(b"sound")
    sent = []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"version": "3.0", "spec_version": "2.3"}}
    anyio.run(server.SmallFile(path, media_type="audio/ogg"), scope, gone, send)
    assert b"".join(m.get("body", b"") for m in sent) == b"sound"
