"""Ask outside services whether they know a song: AcoustID, ACRCloud, AudD, behind one Protocol.

They know the released music of the world, so they complement the band's own
index. A service is asked only when told to, with keys from the environment:

    AcoustID  $ACOUSTID_KEY                                   extra ``acoustid`` and fpcalc; whole songs
    ACRCloud  $ACRCLOUD_HOST, $ACRCLOUD_KEY, $ACRCLOUD_SECRET cuts of 12 s
    AudD      $AUDD_TOKEN                                     cuts of 12 s

Silence is no acquittal: a service that is down, refuses, or ran out of quota gives an
answer of status "unknown", never "nothing found".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import math
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import MissingExtra, ToolError
from .spectra import SAMPLE_RATE, Float

FOUND, NOTHING, UNKNOWN = "found", "nothing found", "unknown"
CUT_S, CUT_STEP_S = 12.0, 60.0
TIMEOUT_S = 20.0
MAX_REPLY_BYTES = 4_000_000
RETRIES = 3


@dataclass(frozen=True)
class Match:
    """A recording that a service recognised in a stretch of the song."""

    service: str
    title: str
    artist: str
    q_start_s: float
    q_end_s: float
    r_start_s: float | None
    score: float  #: 0 to 1, as the service says


@dataclass(frozen=True)
class Answer:
    """What one service said about one song; only FOUND and NOTHING are answers."""

    service: str
    status: str
    matches: tuple[Match, ...] = ()
    reason: str = ""  #: why the status is unknown


class Service(Protocol):
    """Song in, answer out."""

    name: str

    def identify(self, sound: Float) -> Answer:
        """Recognise mono sound at 16 kHz; never raises for what the service does."""


class Refusal(Exception):
    """A service could not or would not answer; ``again_s`` says when it may be asked again."""

    def __init__(self, reason: str, again_s: float | None = None) -> None:
        super().__init__(reason)
        self.again_s = again_s


@dataclass
class Pace:
    """No more than ``per_second`` requests; the clock and the waiting can be replaced."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep
    _next: float = field(default=-math.inf, repr=False)

    def __call__(self) -> None:
        now = self.clock()
        if now < self._next:
            self.wait(self._next - now)
            now = self._next
        self._next = now + 1 / self.per_second


def answer(name: str, ask: Callable[[], Sequence[Match]]) -> Answer:
    """Turn whatever happens into an answer."""
    try:
        matches = tuple(ask())
    except Refusal as refusal:
        return Answer(name, UNKNOWN, reason=str(refusal))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Answer(name, UNKNOWN, reason=f"its reply could not be understood ({type(error).__name__}: {error})")
    return Answer(name, FOUND if matches else NOTHING, matches)


@dataclass
class AcoustID:
    """Whole recordings by chromaprint fingerprint; 3 requests a second, non-commercial use."""

    key: str
    url: str = "https://api.acoustid.org/v2/lookup"
    fingerprint: Callable[[Float], tuple[int, str]] | None = None  #: (duration in s, fingerprint); default: chromaprint
    pace: Pace = field(default_factory=lambda: Pace(3.0))
    name: str = "acoustid"

    def identify(self, sound: Float) -> Answer:
        return answer(self.name, lambda: self._ask(sound))

    def _ask(self, sound: Float) -> list[Match]:
        duration, fingerprint = (self.fingerprint or chromaprint)(sound)
        fields = {"client": self.key, "duration": str(duration), "fingerprint": fingerprint, "meta": "recordings"}
        body = urllib.parse.urlencode({**fields, "format": "json"}).encode()
        reply = post(self.url, body, "application/x-www-form-urlencoded", self.pace)
        if reply["status"] != "ok":
            raise Refusal(f"error {reply['error']['code']}: {reply['error']['message']}")
        return [
            Match(
                self.name,
                str(recording.get("title", "")),
                ", ".join(str(a["name"]) for a in recording.get("artists", [])),
                0.0,
                float(duration),
                None,
                float(result["score"]),
            )
            for result in reply["results"]
            for recording in result.get("recordings", [{}])
        ]


@dataclass
class ACRCloud:
    """Twelve-second cuts, signed with HMAC-SHA1; a sample may hold at most 5 MB."""

    host: str
    key: str
    secret: str
    scheme: str = "https"
    pace: Pace = field(default_factory=lambda: Pace(2.0))
    clock: Callable[[], float] = time.time
    name: str = "acrcloud"

    MAX_BYTES = 5_000_000
    NO_RESULT = 1001

    def identify(self, sound: Float) -> Answer:
        return answer(self.name, lambda: [m for start_s, cut in cuts(sound) for m in self._ask(start_s, cut)])

    def sign(self, timestamp: str, data_type: str = "audio") -> str:
        text = "\n".join(["POST", "/v1/identify", self.key, data_type, "1", timestamp])
        mac = hmac.new(self.secret.encode(), text.encode(), hashlib.sha1)  # the service's choice
        return base64.b64encode(mac.digest()).decode()

    def _ask(self, start_s: float, cut: Float) -> list[Match]:
        sample = wav(cut)
        if len(sample) > self.MAX_BYTES:
            raise Refusal(f"a sample of {len(sample)} bytes exceeds the {self.MAX_BYTES} allowed")
        timestamp = str(int(self.clock()))
        fields = {
            "access_key": self.key,
            "data_type": "audio",
            "signature_version": "1",
            "signature": self.sign(timestamp),
            "sample_bytes": str(len(sample)),
            "timestamp": timestamp,
        }
        body, content = multipart(fields, {"sample": ("cut.wav", sample)})
        reply = post(f"{self.scheme}://{self.host}/v1/identify", body, content, self.pace)
        code = int(reply["status"]["code"])
        if code == self.NO_RESULT:
            return []
        if code != 0:
            raise Refusal(f"error {code}: {reply['status']['msg']}")
        return [
            Match(
                self.name,
                str(music["title"]),
                ", ".join(str(a["name"]) for a in music.get("artists", [])),
                start_s + float(music.get("sample_begin_time_offset_ms", 0)) / 1000,
                start_s + float(music.get("sample_end_time_offset_ms", 1000 * cut.size / SAMPLE_RATE)) / 1000,
                None if "db_begin_time_offset_ms" not in music else float(music["db_begin_time_offset_ms"]) / 1000,
                float(music.get("score", 0)) / 100,
            )
            for music in reply.get("metadata", {}).get("music", [])
        ]


@dataclass
class AudD:
    """Twelve-second cuts, 300 of them free with a token."""

    token: str
    url: str = "https://api.audd.io/"
    pace: Pace = field(default_factory=lambda: Pace(2.0))
    name: str = "audd"

    MAX_BYTES = 10_000_000

    def identify(self, sound: Float) -> Answer:
        return answer(self.name, lambda: [m for start_s, cut in cuts(sound) for m in self._ask(start_s, cut)])

    def _ask(self, start_s: float, cut: Float) -> list[Match]:
        sample = wav(cut)
        if len(sample) > self.MAX_BYTES:
            raise Refusal(f"a sample of {len(sample)} bytes exceeds the {self.MAX_BYTES} allowed")
        body, content = multipart({"api_token": self.token}, {"file": ("cut.wav", sample)})
        reply = post(self.url, body, content, self.pace)
        if reply["status"] != "success":
            raise Refusal(f"error {reply['error']['error_code']}: {reply['error']['error_message']}")
        result = reply["result"]
        if result is None:
            return []
        at = result.get("timecode")
        r_start = None if not at else sum(float(p) * 60**n for n, p in enumerate(reversed(str(at).split(":"))))
        end_s = start_s + cut.size / SAMPLE_RATE
        return [Match(self.name, str(result["title"]), str(result["artist"]), start_s, end_s, r_start, 1.0)]


def from_environment(names: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[Service]:
    """The named services with their keys.

    Raises
    ------
    ToolError
        A name is unknown, or a key is missing from the environment.
    """
    made: list[Service] = []
    needs = {
        "acoustid": ("ACOUSTID_KEY",),
        "acrcloud": ("ACRCLOUD_HOST", "ACRCLOUD_KEY", "ACRCLOUD_SECRET"),
        "audd": ("AUDD_TOKEN",),
    }
    for name in names:
        if name not in needs:
            raise ToolError(f"service {name!r} is unknown: choose from {', '.join(needs)}")
        missing = [key for key in needs[name] if not environment.get(key)]
        if missing:
            raise ToolError(f"service {name} needs {', '.join(missing)} in the environment")
        values = [environment[key] for key in needs[name]]
        made.append({"acoustid": AcoustID, "acrcloud": ACRCloud, "audd": AudD}[name](*values))
    return made


# ---- wire -------------------------------------------------------------------------


def cuts(sound: Float) -> list[tuple[float, Float]]:
    """Twelve seconds of every minute: (start in s, sound)."""
    length, step = round(CUT_S * SAMPLE_RATE), round(CUT_STEP_S * SAMPLE_RATE)
    starts = range(0, max(sound.size - length // 2, 1), step)
    return [(start / SAMPLE_RATE, sound[start : start + length]) for start in starts]


def wav(sound: Float) -> bytes:
    """16-bit WAV at SAMPLE_RATE."""
    import soundfile

    held = io.BytesIO()
    soundfile.write(held, sound, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return held.getvalue()


def multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """A multipart/form-data body and its content type."""
    border = uuid.uuid4().hex
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, (filename, content) in files.items():
        head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n")
    return b"".join([*parts, f"--{border}--\r\n".encode()]), f"multipart/form-data; boundary={border}"


def post(url: str, body: bytes, content_type: str, pace: Pace) -> Any:
    """POST and read a JSON reply; a busy service (429, 503) is asked again after a while.

    Raises
    ------
    Refusal
        Unreachable, an HTTP error, or no JSON.
    """
    for attempt in range(RETRIES):
        pace()
        request = urllib.request.Request(url, body, {"Content-Type": content_type, "User-Agent": "neuralbum"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                return json.loads(reply.read(MAX_REPLY_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (429, 503) and attempt + 1 < RETRIES:
                    pace.wait(_seconds(error.headers.get("Retry-After")) or 2.0**attempt)
                    continue
                # Some services put their own error into the body of an HTTP error.
                text = error.read(MAX_REPLY_BYTES)
            try:
                return json.loads(text)
            except ValueError:
                raise Refusal(f"HTTP {error.code} {error.reason}") from error
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise Refusal(f"cannot be reached ({getattr(error, 'reason', error)})") from error
        except ValueError as error:
            raise Refusal("its reply is not JSON") from error
    raise Refusal("stays busy; ask again later")


def _seconds(text: str | None) -> float | None:
    try:
        return min(max(float(text), 0.0), 60.0) if text else None
    except ValueError:
        return None


def chromaprint(sound: Float) -> tuple[int, str]:
    """AcoustID's fingerprint of a whole recording, through pyacoustid."""
    try:
        import acoustid
    except ModuleNotFoundError as cause:
        raise MissingExtra("AcoustID look-ups", "acoustid") from cause
    import numpy as np

    pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    try:
        fingerprint = acoustid.fingerprint(SAMPLE_RATE, 1, iter([pcm]))
    except acoustid.FingerprintGenerationError as cause:
        raise Refusal(f"chromaprint is not installed or refused ({cause})") from cause
    return round(sound.size / SAMPLE_RATE), fingerprint.decode()
