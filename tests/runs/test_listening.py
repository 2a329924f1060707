"""The listening page's answers: clips as checkpoints come, words as events, and a blind comparison that is blind."""

from __future__ import annotations

import json
import re
import time
from collections import Counter

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from neuralbum.catalogue import worker_name
from neuralbum.errors import ParameterError
from neuralbum.runs import select
from neuralbum.runs.clips import BLIND_FROM, clips_of
from neuralbum.runs.listening import KEYS, ListeningService
from neuralbum.runs.params import Params
from neuralbum.runs.server import make_app
from neuralbum.web.auth import Access

from .makers import add_clips

PORT = 8428
SHORT = Params(clips=1, clip_s=1.0)


def talk(service, curators=()):
    """A function that asks the application itself."""
    access = Access.make("127.0.0.1", PORT, curators, default_actor="ana")
    app = make_app(service, access)

    def ask(method, path, token="", actor="ana", **more):
        headers = {"x-curator": actor, **({"authorization": f"Bearer {token}"} if token else {})}

        async def once():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{PORT}") as client:
                return await client.request(method, path, headers=headers, **more)

        with start_blocking_portal() as portal:  # not this thread: a browser may hold its loop
            return portal.call(once)

    return ask, access


@pytest.fixture
def heard(copied):
    """(Project, run id, service, ask) of a run with clips at steps 3 and 4."""
    made, first = copied
    add_clips(made, first, 3, [0, 1], at=3.0)
    add_clips(made, first, 4, [0, 1], at=4.0)
    service = ListeningService(made, SHORT, [first])
    yield made, first, service, talk(service)[0]
    service.close()


def say(ask, number, clip, value, than="", **more):
    body = {"client_id": f"listen-{number:04}", "clip": clip, "value": value, **({"than": than} if than else {})}
    return ask("POST", "/api/say", json=body, **more)


def test_clips_come_newest_first_and_their_sound_and_picture_are_there(heard):
    made, first, _, ask = heard
    state = ask("GET", "/api/state").json()
    assert [(c["step"], c["number"]) for c in state["clips"]] == [(4, 0), (4, 1), (3, 0), (3, 1)]
    assert dict(state["keys"]) == KEYS
    name = state["clips"][0]["id"]
    assert ask("GET", f"/clips/{name}.opus").content[:4] == b"OggS"
    assert ask("GET", f"/clips/{name}.webp").headers["content-type"] == "image/webp"
    assert ask("GET", "/clips/nothing.opus").status_code == 404
    assert state["clips"][0]["bits"] == select(made, [first])[0].checkpoints[-1].measures["valid_bits"]


def test_what_is_said_of_a_clip_is_an_event_said_once_and_taken_back_by_who_said_it(heard):
    made, first, _, ask = heard
    new, other, *_ = (c["id"] for c in ask("GET", "/api/state").json()["clips"])
    for _ in range(2):  # the network failed, and the page sends it again
        assert say(ask, 1, new, "better", than=other).status_code == 200
    assert say(ask, 2, other, "keep", actor="ben").status_code == 200
    opinion = made.catalogue.run_opinions()[first]
    assert {(h.step, h.clip, h.actor, h.value) for h in opinion.heard} == {
        (4, 0, "ana", "better"),
        (4, 1, "ben", "keep"),
    }
    assert select(made, [first])[0].score == 1.0
    assert [c["said"] for c in ask("GET", "/api/state").json()["clips"]] == ["better", "", "", ""]
    back = {"client_id": "listen-undo", "undoes": "listen-0001"}
    assert ask("POST", "/api/say", json=back, actor="ben").status_code == 400
    assert ask("POST", "/api/say", json=back).status_code == 200
    assert {h.actor for h in made.catalogue.run_opinions()[first].heard} == {"ben"}
    events = [e for e in made.catalogue.events("") if e.kind == "hear"]
    assert events[0].payload["than"] == {"model": first, "step": 4, "clip": 1}


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"client_id": "short"}, {"client_id": "long-enough", "value": "good"},
        {"client_id": "long-enough", "value": "better", "clip": "CLIP"},
        {"client_id": "long-enough", "undoes": "nothing-of-mine"},
    ],
)  # fmt: skip
def test_words_that_make_no_sense_are_refused_and_nothing_is_said(heard, body):
    made, _, _, ask = heard
    clip = ask("GET", "/api/state").json()["clips"][0]["id"]
    if isinstance(body, dict) and body.get("clip") == "CLIP":
        body = {**body, "clip": clip}
    assert ask("POST", "/api/say", json=body).status_code in (400, 404)
    assert not [e for e in made.catalogue.events("") if e.kind in ("hear", "undo")]


def test_beyond_loopback_a_token_says_who_speaks(heard):
    _made, _first, service, _ = heard
    ask, access = talk(service, curators=("ana", "ben"))
    assert ask("GET", "/api/state").status_code == 401
    token = next(t for t, who in access.tokens.items() if who == "ben")
    assert ask("GET", "/api/state", token=token).json()["actor"] == "ben"


def test_new_checkpoints_of_a_run_that_is_trained_are_made_into_clips_newest_first(copied):
    made, first = copied
    made.catalogue.claim("train", [f"train:{first}"], worker=worker_name(), now=time.time())
    service = ListeningService(made, SHORT)
    try:
        assert service.make_next()
        (clip,) = clips_of(made)
        assert (clip.model_id, clip.step) == (first, 4)
        assert service.state("ana")["runs"][0]["state"] == "running"
        made.catalogue.let_go([f"train:{first}"], worker=worker_name())
        assert not service.make_next(), "a run that is done, and was not named, is not listened to"
    finally:
        service.close()


def test_a_run_that_is_not_there_is_said_to_be_so(copied):
    with pytest.raises(ParameterError, match="0 runs"):
        ListeningService(copied[0], SHORT, ["nothing"])


# ---- blind -----------------------------------------------------------------------------

N = 24


@pytest.fixture
def comparison(heard):
    """A comparison of two that differ in loudness and length: (project, id, service, ask, first answer)."""
    made, first, service, ask = heard
    numbers = [BLIND_FROM + i for i in range(N)]
    add_clips(made, first, 3, numbers, gain=0.2, seconds=1.0)
    add_clips(made, first, 4, numbers, gain=1.0, seconds=1.3)
    begun = ask("POST", "/api/blind", json={"a": f"{first}@3", "b": f"{first}@4", "n": N})
    assert begun.status_code == 200, begun.text
    return made, first, service, ask, begun.json()


def test_no_answer_header_or_size_tells_which_of_two_is_which(comparison):
    made, _first, _, ask, test = comparison
    shown = []
    while "result" not in test:
        media = [ask("GET", path) for path in test["sounds"]]
        plain = re.sub(r"[0-9a-f]{24}", "TOKEN", json.dumps({**test, "number": 0, "answered": 0}))
        headers = [sorted((k, v) for k, v in m.headers.items() if k != "date") for m in media]
        shown.append((plain, json.dumps(headers), json.dumps([len(m.content) for m in media])))
        chosen = ["first", "second"][len(shown) % 2]
        answer = {"test_id": test["test_id"], "number": test["number"], "chosen": chosen}
        test = ask("POST", "/api/blind/answer", json=answer).json()
    trials = [e.payload for e in made.catalogue.events("") if e.kind == "trial"]
    assert len(trials) == len(shown) == N
    by_side = {side: {s for s, t in zip(shown, trials, strict=True) if t["first"] == side} for side in "ab"}
    assert by_side["a"] == by_side["b"], "both orders happened, and look the same from outside"
    assert len(by_side["a"]) == 1
    right = {("a", "first"): "a", ("a", "second"): "b", ("b", "first"): "b", ("b", "second"): "a"}
    sides = [["first", "second"][(i + 1) % 2] for i in range(N)]
    assert [t["chosen"] for t in trials] == [right[t["first"], s] for t, s in zip(trials, sides, strict=True)]
    counts = Counter(t["chosen"] for t in trials)
    assert (test["result"]["chose_a"], test["result"]["chose_b"]) == (counts["a"], counts["b"])
    assert ask("GET", "/api/state").text.count(f"{BLIND_FROM}") == 0, "their clips are not among those with names"


def test_the_result_is_told_only_after_the_last_trial_and_a_trial_is_answered_once(comparison):
    _made, _, service, ask, test = comparison
    answer = {"test_id": test["test_id"], "number": 0, "chosen": "first"}
    after = ask("POST", "/api/blind/answer", json=answer).json()
    assert after.keys() == {"test_id", "n", "answered", "ready", "number", "sounds"}
    assert ask("POST", "/api/blind/answer", json=answer).status_code == 400
    assert ask("GET", test["sounds"][0]).status_code == 404, "an answered trial's sounds are gone"
    for wrong in ({**answer, "number": 1, "chosen": "left"}, {**answer, "test_id": "other", "number": 1}):
        assert ask("POST", "/api/blind/answer", json=wrong).status_code == 400
    assert ask("GET", "/api/blind", actor="ben").json()["test_id"] == "", "it is ana's"
    again = ListeningService(service.project, SHORT)
    assert again.test("ana")["answered"] == 1, "another server goes on where this one stopped"


@pytest.mark.parametrize("change", [{"b": "nothing"}, {"n": 0}, {"n": 2.5}, {"n": True}, {"b": "A"}])
def test_a_comparison_that_makes_no_sense_is_refused(heard, change):
    _, first, _, ask = heard
    body = {"a": f"{first}@3", "b": f"{first}@4", "n": 4, **change}
    body["b"] = body["a"] if body["b"] == "A" else body["b"]
    assert ask("POST", "/api/blind", json=body).status_code == 400


def test_the_clips_of_a_comparison_are_made_and_are_not_heard_elsewhere(copied):
    made, first = copied
    service = ListeningService(made, SHORT)
    ask, _ = talk(service)
    assert ask("POST", "/api/blind", json={"a": f"{first}@3", "b": f"{first}@4", "n": 2}).json()["ready"] is False
    assert service.make_next()
    assert ask("GET", "/api/blind").json()["ready"] is True
    assert {c.number for c in clips_of(made, blind=True)} == {BLIND_FROM, BLIND_FROM + 1}
    assert clips_of(made) == []
    service.close()
