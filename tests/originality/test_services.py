"""Outside services, answered by stand-ins that check what they are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse
from email.parser import BytesParser

import httpx
import numpy as np
import pytest

from neuralbum.errors import ToolError
from neuralbum.originality import services
from neuralbum.originality.services import FOUND, NOTHING, UNKNOWN, AcoustID, ACRCloud, AudD

TONE = (0.1 * np.sin(np.arange(16_000 * 70) * 0.1)).astype(np.float32)
NO_RESULT = {"status": {"code": 1001, "msg": "No result"}}


class StandIn:
    """A service that keeps what it got, answers from a list (the last one again and again), and never waits."""

    def __init__(self, kind, keys, *answers):
        self.got: list[httpx.Request] = []
        self.waited: list[float] = []
        self._answers = list(answers)
        transport = httpx.MockTransport(self._answer)
        self.service = kind(keys, transport=transport, clock=lambda: 1_700_000_000.0, wait=self.waited.append)

    def _answer(self, request):
        self.got.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def acrcloud(*answers):
    return StandIn(ACRCloud, ("host.example", "key", "secret"), *answers)


def form(request) -> dict[str, bytes]:
    head = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n"
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in BytesParser().parsebytes(head + request.content).get_payload()
    }


def test_acrcloud_gets_a_signed_sample_of_twelve_seconds_and_its_offsets_become_song_time():
    music = {"title": "T", "artists": [{"name": "A"}], "score": 87}
    music |= {"sample_begin_time_offset_ms": 1000, "sample_end_time_offset_ms": 9000, "db_begin_time_offset_ms": 64_000}
    stand_in = acrcloud(NO_RESULT, {"status": {"code": 0, "msg": "Success"}, "metadata": {"music": [music]}})
    said = stand_in.service.identify(TONE)
    assert said.status == FOUND
    assert [(m.q_start_s, m.q_end_s, m.r_start_s, m.score) for m in said.matches] == [(61.0, 69.0, 64.0, 0.87)]
    sent = form(stand_in.got[0])
    text = "POST\n/v1/identify\nkey\naudio\n1\n1700000000"
    assert str(stand_in.got[0].url) == "https://host.example/v1/identify"
    assert sent["signature"] == base64.b64encode(hmac.new(b"secret", text.encode(), hashlib.sha1).digest())
    assert int(sent["sample_bytes"]) == len(sent["sample"]) <= 5_000_000
    assert len(sent["sample"]) == pytest.approx(12 * 16_000 * 2, rel=0.01)


def test_a_service_that_finds_nothing_says_so():
    assert acrcloud(NO_RESULT).service.identify(TONE).status == NOTHING


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": {"code": 3003, "msg": "Limit exceeded"}}, "3003"),
        ({"status": {"code": 3014, "msg": "Invalid signature"}}, "3014"),
        (httpx.Response(500, content=b"<html>"), "HTTP 500"),
        (httpx.Response(200, content=b"not json"), "not JSON"),
        ({"odd": 1}, "understood"),
        ([1], "understood"),
        (httpx.Response(429, headers={"Retry-After": "7"}, content=b"slow down"), "429"),
        (httpx.ConnectError("no route"), "cannot be reached"),
    ],
)
def test_trouble_is_never_an_acquittal(answer, said):
    heard = acrcloud(answer).service.identify(TONE)
    assert heard.status == UNKNOWN
    assert said in heard.reason


def test_a_busy_service_is_asked_again_when_it_says():
    stand_in = acrcloud(httpx.Response(429, headers={"Retry-After": "7"}), NO_RESULT)
    assert stand_in.service.identify(TONE).status == NOTHING
    assert stand_in.waited[0] == 7.0


def test_requests_keep_their_distance():
    stand_in = acrcloud(NO_RESULT)
    stand_in.service.identify(TONE)  # two cuts, and a clock that stands still
    assert stand_in.waited == [pytest.approx(1 / ACRCloud.per_second)]


def test_acoustid_gets_the_fields_of_its_manual(monkeypatch):
    monkeypatch.setattr(services, "chromaprint", lambda sound: (70, "AQAB"))
    recordings = [{"title": "T", "artists": [{"name": "A"}]}]
    reply = {"status": "ok", "results": [{"id": "x", "score": 0.9, "recordings": recordings}]}
    stand_in = StandIn(AcoustID, ("client",), reply)
    said = stand_in.service.identify(TONE)
    fields = dict(urllib.parse.parse_qsl(stand_in.got[0].content.decode()))
    assert fields.pop("client") == "client"
    assert fields == {"duration": "70", "fingerprint": "AQAB", "meta": "recordings", "format": "json"}
    assert [(m.title, m.artist, m.score) for m in said.matches] == [("T", "A", 0.9)]


def test_acoustids_own_error_in_an_http_error_is_understood(monkeypatch):
    monkeypatch.setattr(services, "chromaprint", lambda sound: (70, "AQAB"))
    refused = httpx.Response(400, json={"status": "error", "error": {"code": 4, "message": "invalid API key"}})
    heard = StandIn(AcoustID, ("x",), refused).service.identify(TONE)
    assert (heard.status, "invalid API key" in heard.reason) == (UNKNOWN, True)


def test_audd_reads_a_timecode_and_an_error_code():
    found = {"status": "success", "result": {"title": "T", "artist": "A", "timecode": "01:04"}}
    no_token = {"status": "error", "error": {"error_code": 901, "error_message": "no api_token passed"}}
    stand_in = StandIn(AudD, ("token",), found, no_token)
    said = stand_in.service.identify(TONE[: 16_000 * 12])
    assert [(m.q_start_s, m.q_end_s, m.r_start_s) for m in said.matches] == [(0.0, 12.0, 64.0)]
    assert form(stand_in.got[0])["api_token"] == b"token"
    heard = stand_in.service.identify(TONE[: 16_000 * 12])
    assert (heard.status, "901" in heard.reason) == (UNKNOWN, True)


def test_keys_come_from_the_environment_or_it_is_said_which_is_missing():
    (made,) = services.from_environment(["audd"], {"AUDD_TOKEN": "t"})
    assert (made.name, made.keys) == ("audd", ["t"])
    with pytest.raises(ToolError, match="ACRCLOUD_SECRET"):
        services.from_environment(["acrcloud"], {"ACRCLOUD_HOST": "h", "ACRCLOUD_KEY": "k"})
    with pytest.raises(ToolError, match="choose from"):
        services.from_environment(["shazam"], {})
