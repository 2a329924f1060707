"""Ask outside services whether they know a song: AcoustID, ACRCloud, AudD.

They know the released music of the world, so they complement the band's own
index. A service is asked only when told to, with keys from the environment:

    acoustid  $ACOUSTID_KEY                                   needs fpcalc; whole songs
    acrcloud  $ACRCLOUD_HOST, $ACRCLOUD_KEY, $ACRCLOUD_SECRET 12 s of every minute
    audd      $AUDD_TOKEN                                     12 s of every minute

Silence is no acquittal: a service that is down, refuses, or ran out of quota gives an
answer of status "unknown", never "nothing found".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import MissingExtra, ToolError
from .fingerprints import SAMPLE_RATE, Float

FOUND, NOTHING, UNKNOWN = "found", "nothing found", "unknown"
CUT_S, CUT_STEP_S = 12.0, 60.0
TIMEOUT_S = 20.0
RETRIES = 3
BUSY = (429, 503)
LONGEST_WAIT_S = 60.0


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


class Refusal(Exception):
    """A service could not or would not answer."""


@dataclass
class Service:
    """One service with its keys; ``transport``, ``clock`` and ``wait`` can be replaced in tests."""

    keys: Sequence[str]
    transport: Any = None  #: of httpx
    clock: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep
    _next: float = field(default=0.0, init=False)

    name = ""
    needs: tuple[str, ...] = ()  #: names of the keys in the environment
    per_second = 2.0  #: requests it allows

    def identify(self, sound: Float) -> Answer:
        """Recognise mono sound at 16 kHz; what the service does wrong becomes an answer."""
        try:
            matches = tuple(self.ask(sound))
        except Refusal as refusal:
            return Answer(self.name, UNKNOWN, reason=str(refusal))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"its reply could not be understood ({type(error).__name__}: {error})"
            return Answer(self.name, UNKNOWN, reason=reason)
        return Answer(self.name, FOUND if matches else NOTHING, matches)

    def ask(self, sound: Float) -> Iterator[Match]:
        """The matches; Refusal where there is no answer."""
        raise NotImplementedError

    def post(self, url: str, data: Mapping[str, str], sample: tuple[str, bytes] | None = None) -> Any:
        """POST a form, with a sound file as ``sample`` = (field, WAV); a busy service is asked again after a while."""
        httpx = _httpx()
        files = {sample[0]: ("cut.wav", sample[1])} if sample else None
        with httpx.Client(transport=self.transport, timeout=TIMEOUT_S, headers={"User-Agent": "neuralbum"}) as client:
            for attempt in range(RETRIES):
                self._keep_pace()
                try:
                    reply = client.post(url, data=data, files=files)
                except httpx.HTTPError as error:
                    raise Refusal(f"cannot be reached ({error})") from error
                if reply.status_code not in BUSY or attempt + 1 == RETRIES:
                    break
                said = reply.headers.get("Retry-After", "")
                self.wait(min(float(said), LONGEST_WAIT_S) if said.isdigit() else 2.0**attempt)
        try:
            return reply.json()  # some services put their own error into the body of an HTTP error
        except ValueError as error:
            what = "its reply is not JSON" if reply.is_success else f"HTTP {reply.status_code} {reply.reason_phrase}"
            raise Refusal(what) from error

    def _keep_pace(self) -> None:
        now = self.clock()
        if now < self._next:
            self.wait(self._next - now)
        self._next = max(now, self._next) + 1 / self.per_second


class AcoustID(Service):
    """Whole recordings by chromaprint fingerprint; 3 requests a second, non-commercial use."""

    name, needs, per_second = "acoustid", ("ACOUSTID_KEY",), 3.0

    def ask(self, sound: Float) -> Iterator[Match]:
        duration_s, fingerprint = chromaprint(sound)
        data = {"client": self.keys[0], "duration": str(duration_s), "fingerprint": fingerprint}
        data |= {"meta": "recordings", "format": "json"}
        reply = self.post("https://api.acoustid.org/v2/lookup", data)
        if reply["status"] != "ok":
            raise Refusal(f"error {reply['error']['code']}: {reply['error']['message']}")
        for result in reply["results"]:
            for recording in result.get("recordings", [{}]):
                artist = ", ".join(str(a["name"]) for a in recording.get("artists", []))
                title, score = str(recording.get("title", "")), float(result["score"])
                yield Match(self.name, title, artist, 0.0, float(duration_s), None, score)


class ACRCloud(Service):
    """Twelve-second cuts, signed with HMAC-SHA1 (the service's choice)."""

    name, needs = "acrcloud", ("ACRCLOUD_HOST", "ACRCLOUD_KEY", "ACRCLOUD_SECRET")
    NO_RESULT = 1001

    def sign(self, timestamp: str) -> str:
        text = "\n".join(["POST", "/v1/identify", self.keys[1], "audio", "1", timestamp])
        return base64.b64encode(hmac.new(self.keys[2].encode(), text.encode(), hashlib.sha1).digest()).decode()

    def ask(self, sound: Float) -> Iterator[Match]:
        for start_s, cut in cuts(sound):
            sample, timestamp = wav(cut), str(int(self.clock()))
            data = {"access_key": self.keys[1], "data_type": "audio", "signature_version": "1"}
            data |= {"signature": self.sign(timestamp), "sample_bytes": str(len(sample)), "timestamp": timestamp}
            reply = self.post(f"https://{self.keys[0]}/v1/identify", data, ("sample", sample))
            code = int(reply["status"]["code"])
            if code not in (0, self.NO_RESULT):
                raise Refusal(f"error {code}: {reply['status']['msg']}")
            for music in reply.get("metadata", {}).get("music", []) if code == 0 else ():
                artist = ", ".join(str(a["name"]) for a in music.get("artists", []))
                begin_ms = float(music.get("sample_begin_time_offset_ms", 0))
                end_ms = float(music.get("sample_end_time_offset_ms", 1000 * cut.size / SAMPLE_RATE))
                there = music.get("db_begin_time_offset_ms")
                yield Match(
                    self.name, str(music["title"]), artist, start_s + begin_ms / 1000, start_s + end_ms / 1000,
                    None if there is None else float(there) / 1000, float(music.get("score", 0)) / 100,
                )  # fmt: skip


class AudD(Service):
    """Twelve-second cuts, 300 of them free with a token."""

    name, needs = "audd", ("AUDD_TOKEN",)

    def ask(self, sound: Float) -> Iterator[Match]:
        for start_s, cut in cuts(sound):
            reply = self.post("https://api.audd.io/", {"api_token": self.keys[0]}, ("file", wav(cut)))
            if reply["status"] != "success":
                raise Refusal(f"error {reply['error']['error_code']}: {reply['error']['error_message']}")
            if (result := reply["result"]) is None:
                continue
            minutes = reversed(str(result["timecode"]).split(":")) if result.get("timecode") else ()
            there = sum(float(part) * 60**n for n, part in enumerate(minutes)) if result.get("timecode") else None
            end_s = start_s + cut.size / SAMPLE_RATE
            yield Match(self.name, str(result["title"]), str(result["artist"]), start_s, end_s, there, 1.0)


SERVICES: dict[str, type[Service]] = {kind.name: kind for kind in (AcoustID, ACRCloud, AudD)}


def from_environment(names: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[Service]:
    """The named services with their keys.

    Raises
    ------
    ToolError
        A name is unknown, or a key is missing from the environment.
    MissingExtra
        httpx is not installed.
    """
    made = []
    for name in names:
        if name not in SERVICES:
            raise ToolError(f"service {name!r} is unknown: choose from {', '.join(SERVICES)}")
        kind = SERVICES[name]
        if missing := [key for key in kind.needs if not environment.get(key)]:
            raise ToolError(f"service {name} needs {', '.join(missing)} in the environment")
        made.append(kind([environment[key] for key in kind.needs]))
    if made:
        _httpx()
    return made


def _httpx() -> Any:
    try:
        import httpx
    except ModuleNotFoundError as cause:
        raise MissingExtra("asking outside services", "services") from cause
    return httpx


def cuts(sound: Float) -> Iterator[tuple[float, Float]]:
    """Twelve seconds of every minute: (start in s, sound)."""
    length, step = round(CUT_S * SAMPLE_RATE), round(CUT_STEP_S * SAMPLE_RATE)
    for start in range(0, max(sound.size - length // 2, 1), step):
        yield start / SAMPLE_RATE, sound[start : start + length]


def wav(sound: Float) -> bytes:
    """16-bit WAV at SAMPLE_RATE."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, sound, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def chromaprint(sound: Float) -> tuple[int, str]:
    """(duration in s, AcoustID's fingerprint) of a whole recording, through pyacoustid."""
    try:
        import acoustid
    except ModuleNotFoundError as cause:
        raise MissingExtra("AcoustID look-ups", "services") from cause
    pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    try:
        fingerprint = acoustid.fingerprint(SAMPLE_RATE, 1, iter([pcm]))
    except acoustid.FingerprintGenerationError as cause:
        raise Refusal(f"chromaprint is not installed or refused ({cause})") from cause
    return round(sound.size / SAMPLE_RATE), fingerprint.decode()
