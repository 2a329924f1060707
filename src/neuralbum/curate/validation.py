"""Events from a browser or a file, checked and bounded before they enter the log.

Pure. The server decides who speaks and when; this module decides whether the
words make sense. What is refused is refused with a reason, and the rest of a
batch still counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from ..errors import ParameterError, shortened
from ..records import VERDICTS, Event
from .responses import PassName

PASSES: tuple[PassName, ...] = get_args(PassName)
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,79}")
MAX_BATCH = 500
MAX_TAG, MAX_TEXT, MAX_TAPS = 60, 2000, 1000
MAX_TIME_S = 24 * 3600.0
MAX_BPM = 1000.0
CLOCK_SLACK_S = 24 * 3600.0
"""Browsers' clocks are wrong by hours; the log's order is the server's, ``at`` is only a remark."""


def parse_event(raw: object, *, actor: str, now: float, is_take: Callable[[str], bool]) -> Event:
    """Turn one JSON object into an event of ``actor``.

    Raises
    ------
    ParameterError
        Naming the field, its value and what it should be.
    """
    if not isinstance(raw, Mapping):
        raise ParameterError("an event must be a JSON object")
    client_id, kind, take_id = raw.get("client_id"), raw.get("kind"), raw.get("take_id")
    if not isinstance(client_id, str) or not CLIENT_ID.fullmatch(client_id):
        raise ParameterError("client_id must be 8 to 80 letters, digits, '.', '_', ':' or '-'")
    if not isinstance(take_id, str) or not is_take(take_id):
        raise ParameterError(f"take_id {shortened(take_id)} is not a take of this project")
    if not isinstance(kind, str) or kind not in PAYLOADS:
        raise ParameterError(f"kind {shortened(kind)} must be one of {', '.join(PAYLOADS)}")
    pass_name = raw.get("pass", "")
    if pass_name not in ("", *PASSES):
        raise ParameterError(f"pass {shortened(pass_name)} must be one of {', '.join(PASSES)}")
    payload = raw.get("payload", {})
    if not isinstance(payload, Mapping):
        raise ParameterError("payload must be a JSON object")
    undoes = raw.get("undoes")
    if kind == "undo":
        if not isinstance(undoes, str) or not CLIENT_ID.fullmatch(undoes):
            raise ParameterError("an undo must name the client_id it takes back in 'undoes'")
    elif undoes is not None:
        raise ParameterError(f"only an undo may hold 'undoes', not a {kind}")
    at = raw.get("at", now)
    if not _is_number(at) or abs(at - now) > CLOCK_SLACK_S:
        at = now
    session = raw.get("session", "")
    return Event(
        client_id=client_id,
        at=float(at),
        actor=actor,
        kind=kind,
        take_id=take_id,
        payload=PAYLOADS[kind](payload),
        session=session if isinstance(session, str) and CLIENT_ID.fullmatch(session) else "",
        pass_name=pass_name,
        undoes=undoes,
    )


def equal_content(one: Event, other: Event) -> bool:
    """Whether two events say the same: who, what, about what; when it was said does not count."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("client_id", "actor", "kind", "take_id", "payload", "pass_name", "undoes")
    )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond any float
        return False


def _number(payload: Mapping[str, Any], name: str, low: float, high: float, default: float | None = None) -> float:
    value = payload.get(name, default)
    if not _is_number(value) or not low <= float(value) <= high:
        raise ParameterError(f"{name} = {shortened(value)} must be a number from {low:g} to {high:g}")
    return float(value)


def _text(payload: Mapping[str, Any], name: str, limit: int, least: int = 1) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise ParameterError(f"{name} must be text")
    plain = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    if not least <= len(plain) <= limit:
        raise ParameterError(f"{name} must hold {least} to {limit} printable characters, not {len(plain)}")
    return plain


def _verdict(payload: Mapping[str, Any]) -> dict[str, Any]:
    value = payload.get("value")
    if value not in VERDICTS:
        raise ParameterError(f"value = {shortened(value)} must be one of {', '.join(VERDICTS)}")
    return {"value": value}


def _tag(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"tag": _text(payload, "tag", MAX_TAG)}


def _style(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"style": _text(payload, "style", MAX_TAG)}


def _note(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A place in a take; without words it marks the place alone, as an unnamed label does."""
    start_s = _number(payload, "start_s", 0, MAX_TIME_S)
    end_s = _number(payload, "end_s", start_s, MAX_TIME_S, default=start_s)
    return {**_unnote(payload), "start_s": start_s, "end_s": end_s, "text": _text(payload, "text", MAX_TEXT, least=0)}


def _unnote(payload: Mapping[str, Any]) -> dict[str, Any]:
    note_id = payload.get("note_id")
    if not isinstance(note_id, str) or not CLIENT_ID.fullmatch(note_id):
        raise ParameterError("note_id must be 8 to 80 letters, digits, '.', '_', ':' or '-'")
    return {"note_id": note_id}


def _tap(payload: Mapping[str, Any]) -> dict[str, Any]:
    times = payload.get("times_s", [])
    if not isinstance(times, list) or len(times) > MAX_TAPS or not all(_is_number(t) for t in times):
        raise ParameterError(f"times_s must be a list of at most {MAX_TAPS} numbers")
    if any(not 0 <= t <= MAX_TIME_S for t in times):
        raise ParameterError(f"times_s must lie between 0 and {MAX_TIME_S:g} s of the take")
    family = payload.get("family", [])
    if not isinstance(family, list) or len(family) > 12 or not all(_is_number(b) and 0 < b <= 4000 for b in family):
        raise ParameterError("family must be a list of at most 12 tempos")
    return {
        "times_s": [float(t) for t in times],
        "bpm": _number(payload, "bpm", 0, MAX_BPM),
        "family": [float(b) for b in family],
    }


def _play(payload: Mapping[str, Any]) -> dict[str, Any]:
    start_s = _number(payload, "start_s", 0, MAX_TIME_S)
    return {
        "start_s": start_s,
        "end_s": _number(payload, "end_s", start_s, MAX_TIME_S),
        "speed": _number(payload, "speed", 0.1, 8, default=1.0),
    }


def _nothing(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {}


PAYLOADS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "verdict": _verdict,
    "tag": _tag,
    "untag": _tag,
    "style": _style,
    "note": _note,
    "unnote": _unnote,
    "tap": _tap,
    "play": _play,
    "undo": _nothing,
}
