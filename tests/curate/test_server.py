"""The server: typed answers, blindness, ranges, idempotent words, and who may talk to it."""

from __future__ import annotations

import json
from itertools import pairwise

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from neuralbum import curate
from neuralbum.audio import write_flac
from neuralbum.catalogue import fold
from neuralbum.curate import exporting, server, validation
from neuralbum.curate.params import Params
from neuralbum.curate.service import CurationService
from neuralbum.records import Event, Track
from neuralbum.screen.ranker import N_FEATURES
from neuralbum.web.auth import Access, is_loopback

from .makers import RATE, beat, make_project, make_take, screened

PORT = 8427
BASE = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def client(service):
    return talk(service)


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


def talk(service, curators=(), **more):
    access = Access.make("127.0.0.1", PORT, curators, default_actor="ana", **more)
    return Client(server.make_app(service, access), access)


def words(number, take_id, kind="verdict", pass_name="eye", **payload):
    payload = payload or {"value": "keep"}
    return {"client_id": f"event-{number:04}", "kind": kind, "take_id": take_id, "payload": payload, "pass": pass_name}


def say(client, *events, actor="ana", expect=200):
    answer = client.post("/api/events", json={"events": list(events)}, headers={"x-curator": actor})
    assert answer.status_code == expect, answer.text
    return answer.json()


def pass_of(client, pass_name="eye", actor="ana"):
    """What the page asks for: the service, with its queue frozen; the second pass's is drawn by hand."""
    headers = {"x-curator": actor}
    answer = client.get(f"/api/passes/{pass_name}", headers=headers)
    if pass_name != "second" and answer.json()["queue"]["id"] == "":
        answer = client.post(f"/api/passes/{pass_name}", json={}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def told_service(album):
    """A service that tells what the machine thinks before anybody has judged."""
    service = CurationService(album, Params(machine_first=True))
    yield service
    service.close()


def test_a_pass_holds_every_take_best_first_but_for_the_audit(told_service, album):
    client = talk(told_service)
    answer = pass_of(client)
    rows = answer["rows"]
    assert {row["id"] for row in rows} == {take.id for take in album.catalogue.takes()}
    scores = [row["score"] for row in rows if row["score"] is not None]
    ups = sum(b > a for a, b in pairwise(scores))
    assert ups <= 1, "one of twelve takes is the audit's"
    assert answer["atlases"][0]["end"] == 12
    picture = client.get(answer["atlases"][0]["url"])
    assert picture.headers["content-type"] == "image/webp"
    assert picture.content[8:12] == b"WEBP"


def test_the_queue_is_frozen_and_survives_a_restart(client, service, album):
    first = [row["id"] for row in pass_of(client)["rows"]]
    say(client, words(1, first[-1], value="drop"), words(2, first[0], value="keep"))
    again = CurationService(album, service.params)
    assert [row["id"] for row in again.open_pass("ana", "eye")["rows"]] == first
    again.close()
    anew = client.post("/api/queue/eye?order=shuffled", json={}).json()
    assert anew["queue"]["order"] == "shuffled"
    assert sorted(row["id"] for row in anew["rows"]) == sorted(first)


def test_saying_it_twice_counts_once_and_the_state_is_the_fold(client, album):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    batch = [words(n, ids[n % 3], value=["keep", "drop"][n % 2]) for n in range(9)]
    batch.append({**words(9, ids[0]), "kind": "undo", "payload": {}, "undoes": "event-0006"})
    assert say(client, *batch)["new"] == 10
    assert say(client, *batch)["new"] == 0
    state = pass_of(client)["state"]
    truth = fold(album.catalogue.events())
    for take_id in ids[:3]:
        assert state[take_id]["mine"]["verdict"] == truth[take_id].verdict
        assert state[take_id]["album"] == truth[take_id].verdict


def test_what_makes_no_sense_is_refused_and_the_rest_counts(client):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    answer = say(client, words(1, "no-such-take"), words(2, ids[0]), {"kind": "verdict"}, "nonsense")
    assert answer["new"] == 1
    assert len(answer["refused"]) == 3
    assert "take_id" in answer["refused"][0]["reason"]
    say(client, *[words(n, ids[0]) for n in range(501)], expect=400)


def test_nobody_takes_back_another_persons_words_or_takes_a_name(client):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    say(client, words(1, ids[0]))
    undo = {**words(2, ids[0]), "kind": "undo", "payload": {}, "undoes": "event-0001"}
    assert "one's own" in say(client, undo, actor="ben")["refused"][0]["reason"]
    assert "one's own" in say(client, {**undo, "take_id": ids[1]})["refused"][0]["reason"]
    assert "taken" in say(client, words(1, ids[0]), actor="ben")["refused"][0]["reason"]


def test_undo_reaches_back_beyond_a_restart(client):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    say(client, words(1, ids[0], value="drop"), words(2, ids[0], "tag", tag="riff"), words(3, ids[0], value="keep"))
    undo = pass_of(client)["undo"]
    assert [u["client_id"] for u in undo] == ["event-0001", "event-0002", "event-0003"]
    assert undo[2]["before"]["verdict"] == "drop"
    assert undo[2]["before"]["tags"] == ["riff"]
    assert undo[1]["before"]["tags"] == []
    say(client, {**words(4, ids[0]), "kind": "undo", "payload": {}, "undoes": "event-0003"})
    assert [u["client_id"] for u in pass_of(client)["undo"]] == ["event-0001", "event-0002"]
    assert pass_of(client)["state"][ids[0]]["mine"]["verdict"] == "drop"


def draw_second(client, actor):
    answer = client.post("/api/queue/second", json={}, headers={"x-curator": actor})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_looking_at_the_second_pass_blinds_nobody_until_its_takes_are_drawn(client):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    say(client, words(1, ids[0]))
    assert pass_of(client, "second")["rows"] == []
    assert pass_of(client)["state"][ids[0]]["blind"] is False
    assert [row["id"] for row in draw_second(client, "ana")["rows"]] == [ids[0]]
    assert pass_of(client)["state"][ids[0]]["blind"] is True


SECRETS = ("riff-secret", "note-secret", "97.25")


def test_a_second_pass_is_blind_in_every_answer(client, service):
    """Nothing that was said, and no score or flag, reaches the second listener by any address."""
    ids = [row["id"] for row in pass_of(client)["rows"]]
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
        paths = ["/api/news?since=0", "/api/progress", "/api/passes/eye", "/api/passes/full", "/api/passes/ear"]
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


N_TAKES = 26
"""Twenty of them are drawn for a second pass."""
CAPTION = "loud, dense, about 140 BPM (or 70, 280); two equal channels"


def world(root, otherwise=()):
    """A project in which ana and ben judged every take; about the takes numbered ``otherwise`` they said other things.

    In all worlds they said as much, in the same order and at the same time.
    """
    project = make_project(root / "album")
    takes = [make_take(project, n, audio=False) for n in range(N_TAKES)]
    flag = {"name": "mono", "value": 1.0, "threshold": 0.9, "ranges": [[1.0, 2.0]], "words": "two equal channels"}
    for n, take in enumerate(takes):
        features = [n % 7 / 7, *[0.5] * (N_FEATURES - 1)]
        project.catalogue.record(screened(take, score=n / 99, flags=[flag], caption=CAPTION, features=features))
    service = CurationService(project, Params(machine_first=True))
    client = talk(service)
    for who in ("ana", "ben"):
        pass_of(client, "eye", who)
        for n, take in enumerate(takes):
            other = n in otherwise
            told = {
                "verdict": {"value": "keep" if (n % 2 == 0) != other else "drop"},
                "tag": {"tag": "tag-secret" if other else "doom"},
                "note": {"note_id": f"note-{who}-{n}", "start_s": 0, "end_s": 2, "text": f"heard {other}"},
                "tap": {"bpm": 97.25 if other else 121.0, "times_s": []},
                "play": {"start_s": 0, "end_s": 3.0 if other else 1.0},
            }
            said = [
                {"client_id": f"{who}-{n}-{kind}-event", "kind": kind, "take_id": take.id, "payload": p, "pass": "eye"}
                for kind, p in told.items()
            ]
            say(client, *said, actor=who)
    return project, service, client, takes


def blind_pass(client, service, listener, takes):
    """All that a server answers while somebody judges a second pass: {(turn, address): answer}."""
    headers = {"x-curator": listener}
    queue = [row["id"] for row in draw_second(client, listener)["rows"]]
    told = {(0, f"new {p}"): client.post(f"/api/queue/{p}", json={}, headers=headers) for p in validation.PASSES[:3]}
    told[0, "new disputes"] = client.post("/api/queue/disputes", json={}, headers=headers)
    for turn, take_id in enumerate(queue[:-1]):
        if turn in (0, len(queue) - 2):
            for path in every_get(client, [take.id for take in takes if take.id in queue[:3]]):
                if not path.startswith("/media"):
                    told[turn, path] = client.get(path, headers=headers)
            told[turn, "news"] = client.get("/api/news?since=250", headers=headers)
        words_now = {**words(turn, take_id, pass_name="second", value="maybe"), "client_id": f"second-{turn:03}"}
        told[turn, "said"] = client.post("/api/events", json={"events": [words_now]}, headers=headers)
    assert all(a.status_code in (200, 400, 404) for a in told.values())
    project_id = service.session(listener, True)["project_id"].encode()  # names the folder
    return queue, {where: a.content.replace(project_id, b"") for where, a in told.items()}


@pytest.mark.parametrize("listener", ["ana", "ben", "zoe"])
def test_a_blind_listener_could_be_in_either_of_two_worlds(tmp_path, monkeypatch, listener):
    """Two projects in which all else was said about the blind takes give the same answers, byte for byte.

    Whoever listens blind cannot tell which of them this is: neither others' opinion nor one's own earlier one.
    """
    monkeypatch.setattr("time.time", lambda: 1.8e9)
    project, service, client, takes = world(tmp_path / "one")
    queue, one = blind_pass(client, service, listener, takes)
    service.close()
    project.catalogue.close()
    blind = {n for n, take in enumerate(takes) if take.id in queue}
    assert len(blind) == 20
    project, service, client, takes = world(tmp_path / "other", otherwise=blind)
    same_queue, other = blind_pass(client, service, listener, takes)
    service.close()
    project.catalogue.close()
    assert queue == same_queue
    assert one.keys() == other.keys()
    assert [where for where in one if one[where] != other[where]] == []
    rows = {row["id"]: row for row in json.loads(one[0, "/api/passes/second"])["rows"]}
    assert {rows[t]["caption"] for t in queue} == {"loud, dense"}, "no flag, and no tempo that was not tapped"
    assert b"two equal channels" not in one[0, f"/api/takes/{queue[0]}"]


def test_what_the_machine_thinks_shows_once_a_person_has_judged(client, album):
    curate.auto(album, share=0.5)
    rows = pass_of(client)["rows"]
    assert all(row["flags"] == [] and row["score"] is None and row["withheld"] for row in rows)
    assert all(s["album"] is None and s["who"] is None for s in pass_of(client)["state"].values())
    flagged = next(t.id for t, n in zip(album.catalogue.takes(), range(12), strict=True) if n == 4)
    untold = client.get(f"/api/takes/{flagged}").json()
    assert (untold["flags"], untold["reasons"], untold["withheld"]) == ([], [], True)
    assert not [p for p in untold["points"] if "flag" in p["why"]]
    now = pass_of(client)["now"]
    said = say(client, words(1, flagged, value="drop"))
    (row,) = said["rows"]
    assert (row["id"], row["flags"], row["withheld"]) == (flagged, ["silence"], False)
    assert row["score"] is not None
    assert client.get(f"/api/takes/{flagged}").json()["flags"][0]["name"] == "silence"
    assert [row["flags"] for row in client.get(f"/api/news?since={now}").json()["rows"]] == [["silence"]]
    others = {row["id"]: row for row in pass_of(client, actor="ben")["rows"]}
    assert others[flagged]["withheld"], "each person judges first"


def test_a_setting_shows_what_the_machine_thinks_from_the_start(told_service, album):
    curate.auto(album, share=0.5)
    answer = pass_of(talk(told_service))
    assert {s["who"] for s in answer["state"].values()} == {"auto"}
    assert [row["flags"] for row in answer["rows"] if row["flags"]] == [["silence"]] * 3


def test_the_second_pass_stays_blind_to_an_undo_and_opens_when_it_is_done(client):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    for n, take_id in enumerate(ids[:3]):
        say(client, words(n, take_id, value="drop"))
    queue = [row["id"] for row in draw_second(client, "ben")["rows"]]
    assert sorted(queue) == sorted(ids[:3])
    say(client, words(100, queue[0], pass_name="second", value="keep"), actor="ben")
    state = pass_of(client, "second", "ben")["state"][queue[0]]
    assert (state["blind"], state["mine"]["verdict"], state["album"]) == (True, "keep", None)
    for n, take_id in enumerate(queue[1:]):
        say(client, words(101 + n, take_id, pass_name="second", value="keep"), actor="ben")
    state = pass_of(client, "second", "ben")["state"][queue[0]]
    assert (state["blind"], state["others"][0]["verdict"]) == (False, "drop")
    agreed = client.get("/api/agreement", headers={"x-curator": "ben"}).json()
    (pair,) = agreed["pairs"]
    assert (pair["first"], pair["second"], pair["n"], pair["kappa"]) == ("ana", "ben, second", 3, 0.0)
    assert agreed["n_disputed"] == 3
    assert len(pass_of(client, "disputes")["rows"]) == 3


def test_all_that_is_kept_can_be_heard_blind_once_more(client, album):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    say(client, *[words(n, t, value="keep" if n < 5 else "drop") for n, t in enumerate(ids)])
    again = client.post("/api/queue/second?of=kept", json={}).json()
    assert sorted(row["id"] for row in again["rows"]) == sorted(ids[:5])
    assert again["blind"] is True
    assert client.post("/api/queue/second?of=everything", json={}).status_code == 400


def test_the_bands_songs_are_served_while_their_files_are_where_they_were(client, album, tmp_path):
    path = tmp_path / "ours.flac"
    write_flac(path, beat(99, duration_s=2.0), RATE)
    album.catalogue.add_tracks([Track("t1", str(path), "Ours", "B", "0" * 64, 2.0, RATE, 1, "train", -20.0, -1.0)])
    assert client.get("/api/band").json() == {"songs": [{"id": "t1", "title": "Ours", "duration_s": 2.0}]}
    assert client.get("/media/band/t1.opus").content[:4] == b"OggS"
    assert client.get("/media/band/..%2ft1.opus").status_code == 404
    path.unlink()
    assert client.get("/api/band").json() == {"songs": []}


def test_the_machines_tempo_is_withheld_until_a_person_has_tapped(client):
    take_id = pass_of(client)["rows"][0]["id"]
    assert client.get(f"/api/takes/{take_id}").json()["machine_tempo"] is None
    say(client, words(1, take_id, "tap", bpm=70.0, times_s=[1, 2]))
    assert client.get(f"/api/takes/{take_id}").json()["machine_tempo"]["base_bpm"] == 140.0


def test_a_take_has_telling_points_and_its_flags_places(told_service, album):
    client = talk(told_service)
    flagged = next(t.id for t, f in zip(album.catalogue.takes(), range(12), strict=True) if f == 0)
    found = client.get(f"/api/takes/{flagged}").json()
    assert found["flags"][0]["ranges"] == [[2.0, 3.0]]
    assert found["points"]
    assert all(0 <= p["at_s"] < 4 for p in found["points"])


def test_sound_is_served_in_ranges_and_pictures_as_bytes(client):
    take_id = pass_of(client)["rows"][0]["id"]
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
        "/api/passes/third",
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


def test_with_tokens_the_token_says_who_speaks(service):
    client = talk(service, ("ana", "ben"))
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


def test_a_server_answers_to_the_address_whose_link_it_prints():
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST", "192.168.1.4", "fe80::1", "studio.local"):
        shown = f"[{host}]" if ":" in host else host
        access = Access.make(host, PORT, [], default_actor="ana")
        assert access.host_is_ours(f"{shown}:{PORT}"), host
        assert not access.host_is_ours(f"evil.example:{PORT}"), host
    assert not Access.make("127.0.0.2", PORT, [], default_actor="ana").tokens


NOT_NUMBERS = ("²", "１", "", "-1", "1e3", "9" * 13, "٣")


@pytest.mark.parametrize("since", NOT_NUMBERS)
def test_what_is_no_number_is_refused_and_not_stumbled_over(client, since):
    assert client.get("/api/news", params={"since": since}).status_code == 400


def test_a_header_that_is_no_number_or_no_address_is_refused(client):
    said = {"content-type": "application/json", "content-length": "\xb2".encode("latin-1")}
    assert client.post("/api/events", content=b"{}", headers=said).status_code == 413
    assert client.get("/api/session", headers={"origin": "http://["}).status_code == 403
    named = client.get("/api/session", headers={"x-curator": "%D0%96%C3%AB"}).json()
    assert named["actor"] == "Жë", "names travel as addresses do: headers hold no such letters"


BAD_WORDS = {
    "a number beyond any float": ("at", "1" + "0" * 400),
    "a number of thousands of digits": ("payload", '{"value": ' + "9" * 5000 + "}"),
    "infinity": ("payload", '{"value": Infinity}'),
    "half a character as a name": ("client_id", '"\\ud800\\ud800 half"'),
    "half a character as a take": ("take_id", '"\\udfff"'),
    "half a character as a kind": ("kind", '"\\ud800"'),
    "half a character as a pass": ("pass", '"\\ud800"'),
    "half a character as an undo": ("undoes", '"\\ud800"'),
    "a list as a name": ("client_id", "[[[[[[]]]]]]"),
    "a nest as a payload": ("payload", "[" * 500 + "]" * 500),
    "a table as a verdict": ("payload", '{"value": {"keep": 1}}'),
    "a tempo beyond any float": ("payload", '{"bpm": 1' + "0" * 400 + ', "times_s": []}'),
    "a time beyond any float": ("payload", '{"note_id": "note-00001", "text": "x", "start_s": 1' + "0" * 400 + "}"),
}


@pytest.mark.parametrize(("field", "value"), BAD_WORDS.values(), ids=list(BAD_WORDS))
@pytest.mark.parametrize("kind", ["verdict", "tap", "note", "play", "tag", "undo"])
def test_one_bad_event_is_refused_alone_with_its_reason(client, album, field, value, kind):
    """Whatever one event holds, the good ones beside it count, and the answer is a sentence."""
    ids = [row["id"] for row in pass_of(client)["rows"]]
    good = [json.dumps(words(n, ids[n])) for n in (1, 2)]
    bad = json.dumps({**words(3, ids[3], kind=kind), field: "HERE"}).replace('"HERE"', value)
    body = '{"events": [%s, %s, %s]}' % (good[0], bad, good[1])  # noqa: UP031
    answer = client.post("/api/events", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    verdicts = {e.take_id for e in album.catalogue.events() if e.kind == "verdict"}
    assert set(ids[1:3]) <= verdicts
    if field == "at":
        assert len(told["refused"]) == (0 if kind == "verdict" else 1), "a clock that is wrong is no reason"
    else:
        assert [bool(r["reason"]) for r in told["refused"]] == [True]


def test_a_title_of_half_characters_is_refused(client):
    for body in (
        '{"verb": "undo", "mark": "\\ud800"}',
        '{"verb": "reject", "title": "\\ud800"}',
        '{"verb": "\\ud800"}',
    ):
        answer = client.post("/api/titles", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400


def test_a_name_given_twice_is_refused_and_the_first_words_count(client, album):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    twice = [words(1, ids[0], value="keep"), words(1, ids[0], value="drop"), words(1, ids[1], value="keep")]
    answer = say(client, *twice, words(1, ids[0], value="keep"))
    assert (answer["new"], len(answer["refused"])) == (1, 2)
    assert "taken" in answer["refused"][0]["reason"]
    assert [e.payload["value"] for e in album.catalogue.events() if e.kind == "verdict"] == ["keep"]
    later = say(client, words(1, ids[0], value="maybe"))
    assert "taken" in later["refused"][0]["reason"], "nor may a later batch say something else under it"


def every_get(client, ids):
    """All addresses that a GET may ask, each take, pass and form of them."""
    values = {"take_id": ids, "pass_name": validation.PASSES, "form": list(exporting.FORMS), "key": [], "track_id": []}
    for one in server.ENDPOINTS:
        if one.method == "GET":
            name = next((n for n in values if f"{{{n}}}" in one.path), None)
            yield from [one.path.replace(f"{{{name}}}", v) for v in values[name]] if name else [one.path]


def test_no_get_writes_into_the_log(client, album):
    ids = [take.id for take in album.catalogue.takes()]
    for path in every_get(client, ids[:2]):
        assert client.get(path).status_code in (200, 400, 404), path
    assert album.catalogue.events() == []
    assert client.post("/api/passes/eye", json={}).json()["queue"]["id"]
    (frozen,) = album.catalogue.events()
    client.post("/api/passes/eye", json={})
    assert album.catalogue.events() == [frozen], "frozen once"


def test_other_sites_may_link_here_and_load_nothing(client):
    def from_another_site(path, **fetch):
        headers = {f"sec-fetch-{name}": value for name, value in {"site": "cross-site", **fetch}.items()}
        return client.get(path, headers=headers).status_code

    assert from_another_site("/api/session", mode="navigate", dest="document") == 200
    for how in ({"mode": "no-cors", "dest": "image"}, {"mode": "navigate", "dest": "iframe"}, {"mode": "cors"}, {}):
        assert from_another_site("/api/passes/eye", **how) == 403
    assert from_another_site("/api/session", site="same-site", mode="no-cors", dest="audio") == 403
    assert from_another_site("/api/session", site="same-origin", mode="cors", dest="empty") == 200


def test_the_api_page_lists_every_address_and_type(client):
    page = client.get("/api").text
    assert all(one.path.replace("{", "{") in page for one in server.ENDPOINTS)
    assert "PassResponse" in page
    assert "by_pass" in page


def test_news_tell_what_others_said(client):
    ids = [row["id"] for row in pass_of(client)["rows"]]
    now = pass_of(client)["now"]
    say(client, words(1, ids[3], value="drop"), actor="ben")
    news = client.get(f"/api/news?since={now}").json()
    assert list(news["state"]) == [ids[3]]
    assert news["state"][ids[3]]["others"][0]["actor"] == "ben"
    assert client.get(f"/api/news?since={news['now']}").json()["state"] == {}
    assert ids[3] in client.get("/api/news?since=99999").json()["state"], "a page older than the server hears all"


def test_enough_decisions_refit_the_ranking_and_a_missing_sound_stops_nothing(album, service, client):
    take = album.catalogue.takes()[0]
    (album.root / take.path).unlink()
    assert client.get(f"/media/{take.id}.opus").status_code == 500
    assert "missing" in client.get(f"/media/{take.id}.opus").json()["error"]
    assert client.get(f"/api/takes/{take.id}").status_code == 200
    ids = [row["id"] for row in pass_of(client)["rows"]]
    album.catalogue.say(
        Event(f"person-{n:04}", float(n), "ben", "verdict", ids[n % 12], {"value": ["keep", "drop"][n % 2]})
        for n in range(24)
    )
    assert pass_of(client)["rows"]


def test_plays_add_up_to_heard_in_full(client, album):
    take_id = pass_of(client)["rows"][0]["id"]
    say(client, words(1, take_id, "play", start_s=0, end_s=2), words(2, take_id, "play", start_s=1.5, end_s=4))
    progress = client.get("/api/progress").json()
    assert progress["heard_in_full"] == 1
    assert pass_of(client)["state"][take_id]["heard"] == 1.0
    assert album.catalogue.judgements()[take_id].heard == ((0.0, 4.0),)
    assert progress["missed"]["eye"]["n_unheard"] == 12


def test_takes_are_read_again_only_when_there_are_others(told_service, album, monkeypatch):
    client = talk(told_service)
    pass_of(client)
    reads = []
    catalogue = album.catalogue
    monkeypatch.setattr("neuralbum.curate.take_cache.READ_EVERY_S", 0)
    read = catalogue.takes
    monkeypatch.setattr(catalogue, "takes", lambda: reads.append(1) or read())
    rows = client.get("/api/passes/eye").json()["rows"]
    n_reads = len(reads)
    for _ in range(3):
        assert client.get("/api/passes/eye").json()["rows"] == rows
    assert len(reads) == n_reads
    [last] = [row for row in rows if row["score"] is None]
    album.catalogue.record(screened(read()[11], score=0.75, caption="heard since"))
    again = {row["id"]: row for row in client.get("/api/passes/eye").json()["rows"]}
    assert again[last["id"]]["score"] == 0.75
    assert again[last["id"]]["caption"] == "heard since"


def test_copies_are_made_ahead_once(album):
    done = curate.prepare(album)
    assert (done.done, done.failed) == (12, 0)
    made = sorted((album.artefacts_dir / "curate").iterdir())
    assert len(made) == 24
    curate.prepare(album)
    assert sorted((album.artefacts_dir / "curate").iterdir()) == made
