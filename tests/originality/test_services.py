"""Outside services, answered by stand-ins on this machine that check what they are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import urllib.parse
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from neuralbum.errors import ToolError
from neuralbum.originality import services
from neuralbum.originality.services import FOUND, NOTHING, UNKNOWN, AcoustID, ACRCloud, AudD, Pace

TONE = (0.1 * np.sin(np.arange(16_000 * 70) * 0.1)).astype(np.float32)


class StandIn:
    """A server on the loopback that keeps what it got and answers from a list."""

    def __init__(self):
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], object]] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stand_in.got.append((self.path, dict(self.headers), body))
                code, headers, reply = stand_in.answers.pop(0) if len(stand_in.answers) > 1 else stand_in.answers[0]
                text = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def stand_in():
    made = StandIn()
    yield made
    made.stop()


def patient():
    """A pace whose waiting is written down instead of waited."""
    waited: list[float] = []
    return Pace(1e6, clock=lambda: 0.0, wait=waited.append), waited


def form(headers, body) -> dict[str, bytes]:
    message = BytesParser().parsebytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.get_payload()
    }


def acrcloud(stand_in, **options):
    pace, waited = patient()
    made = ACRCloud(stand_in.address, "key", "secret", scheme="http", pace=pace, clock=lambda: 1_700_000_000, **options)
    return made, waited


def test_acrcloud_gets_a_signed_sample_of_twelve_seconds_and_its_offsets_become_song_time(stand_in):
    music = {
        "title": "T",
        "artists": [{"name": "A"}],
        "score": 87,
        "sample_begin_time_offset_ms": 1000,
        "sample_end_time_offset_ms": 9000,
        "db_begin_time_offset_ms": 64_000,
    }
    stand_in.answers = [
        (200, {}, {"status": {"code": 1001, "msg": "No result"}}),
        (200, {}, {"status": {"code": 0, "msg": "Success"}, "metadata": {"music": [music]}}),
    ]
    service, _ = acrcloud(stand_in)
    said = service.identify(TONE)
    assert said.status == FOUND
    assert [(m.q_start_s, m.q_end_s, m.r_start_s, m.score) for m in said.matches] == [(61.0, 69.0, 64.0, 0.87)]
    path, headers, body = stand_in.got[0]
    sent = form(headers, body)
    text = "POST\n/v1/identify\nkey\naudio\n1\n1700000000"
    expected = base64.b64encode(hmac.new(b"secret", text.encode(), hashlib.sha1).digest())
    assert path == "/v1/identify"
    assert sent["signature"] == expected
    assert int(sent["sample_bytes"]) == len(sent["sample"]) <= ACRCloud.MAX_BYTES
    assert len(sent["sample"]) == pytest.approx(12 * 16_000 * 2, rel=0.01)


def test_a_service_that_finds_nothing_says_so(stand_in):
    stand_in.answers = [(200, {}, {"status": {"code": 1001, "msg": "No result"}})]
    assert acrcloud(stand_in)[0].identify(TONE).status == NOTHING


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {}, {"status": {"code": 3003, "msg": "Limit exceeded"}}), "3003"),
        ((200, {}, {"status": {"code": 3014, "msg": "Invalid signature"}}), "3014"),
        ((500, {}, b"<html>"), "HTTP 500"),
        ((200, {}, b"not json"), "not JSON"),
        ((200, {}, {"odd": 1}), "understood"),
        ((200, {}, [1]), "understood"),
    ],
)
def test_trouble_is_never_an_acquittal(stand_in, answer, said):
    stand_in.answers = [answer]
    heard = acrcloud(stand_in)[0].identify(TONE)
    assert heard.status == UNKNOWN
    assert said in heard.reason


def test_a_service_that_is_down_gives_unknown(stand_in):
    stand_in.stop()
    service, _ = acrcloud(stand_in)
    heard = service.identify(TONE)
    stand_in.stop = lambda: None
    assert (heard.status, "cannot be reached" in heard.reason) == (UNKNOWN, True)


def test_a_busy_service_is_asked_again_when_it_says(stand_in):
    stand_in.answers = [
        (429, {"Retry-After": "7"}, b"slow down"),
        (200, {}, {"status": {"code": 1001, "msg": "No result"}}),
    ]
    service, waited = acrcloud(stand_in)
    assert service.identify(TONE).status == NOTHING
    assert waited[0] == 7.0
    assert max(waited[1:]) < 1.0


def test_a_service_that_stays_busy_gives_unknown(stand_in):
    stand_in.answers = [(429, {}, b"slow down")]
    heard = acrcloud(stand_in)[0].identify(TONE)
    assert (heard.status, "429" in heard.reason) == (UNKNOWN, True)


def test_too_large_a_sample_is_not_sent(stand_in, monkeypatch):
    monkeypatch.setattr(ACRCloud, "MAX_BYTES", 1000)
    heard = acrcloud(stand_in)[0].identify(TONE)
    assert (heard.status, stand_in.got) == (UNKNOWN, [])


def test_requests_keep_their_distance():
    now, waited = [0.0], []
    pace = Pace(3.0, clock=lambda: now[0], wait=waited.append)
    pace()
    pace()
    now[0] = 10.0
    pace()
    assert waited == [pytest.approx(1 / 3)]


def test_acoustid_gets_the_fields_of_its_manual(stand_in):
    stand_in.answers = [
        (
            200,
            {},
            {
                "status": "ok",
                "results": [{"id": "x", "score": 0.9, "recordings": [{"title": "T", "artists": [{"name": "A"}]}]}],
            },
        )
    ]
    service = AcoustID(
        "client", url=f"http://{stand_in.address}/v2/lookup", fingerprint=lambda s: (70, "AQAB"), pace=patient()[0]
    )
    said = service.identify(TONE)
    fields = dict(urllib.parse.parse_qsl(stand_in.got[0][2].decode()))
    assert fields == {
        "client": "client",
        "duration": "70",
        "fingerprint": "AQAB",
        "meta": "recordings",
        "format": "json",
    }
    assert [(m.title, m.artist, m.score) for m in said.matches] == [("T", "A", 0.9)]


def test_acoustids_own_error_in_an_http_error_is_understood(stand_in):
    stand_in.answers = [(400, {}, {"status": "error", "error": {"code": 4, "message": "invalid API key"}})]
    service = AcoustID("x", url=f"http://{stand_in.address}/", fingerprint=lambda s: (70, "AQAB"), pace=patient()[0])
    heard = service.identify(TONE)
    assert (heard.status, "invalid API key" in heard.reason) == (UNKNOWN, True)


def test_audd_reads_a_timecode_and_an_error_code(stand_in):
    stand_in.answers = [(200, {}, {"status": "success", "result": {"title": "T", "artist": "A", "timecode": "01:04"}})]
    service = AudD("token", url=f"http://{stand_in.address}/", pace=patient()[0])
    said = service.identify(TONE[: 16_000 * 12])
    assert [(m.q_start_s, m.q_end_s, m.r_start_s) for m in said.matches] == [(0.0, 12.0, 64.0)]
    assert form(*stand_in.got[0][1:])["api_token"] == b"token"
    stand_in.answers = [
        (200, {}, {"status": "error", "error": {"error_code": 901, "error_message": "no api_token passed"}})
    ]
    heard = service.identify(TONE[: 16_000 * 12])
    assert (heard.status, "901" in heard.reason) == (UNKNOWN, True)


def test_keys_come_from_the_environment_or_it_is_said_which_is_missing():
    (made,) = services.from_environment(["audd"], {"AUDD_TOKEN": "t"})
    assert made.name == "audd"
    with pytest.raises(ToolError, match="ACRCLOUD_SECRET"):
        services.from_environment(["acrcloud"], {"ACRCLOUD_HOST": "h", "ACRCLOUD_KEY": "k"})
    with pytest.raises(ToolError, match="choose from"):
        services.from_environment(["shazam"], {})
