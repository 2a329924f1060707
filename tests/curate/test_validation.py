"""What a browser may say is checked and bounded."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralbum.curate.validation import parse_event
from neuralbum.errors import ParameterError
from neuralbum.web.auth import clean_actor

NOW = 1_000_000.0
WORDS = {"client_id": "abcdef-12345", "kind": "verdict", "take_id": "t1", "payload": {"value": "keep"}, "pass": "eye"}


def heard(**changes):
    return parse_event({**WORDS, **changes}, actor="ana", now=NOW, is_take=lambda t: t == "t1")


def test_a_verdict_is_understood_and_the_server_says_who_spoke():
    event = heard(actor="somebody else", at=NOW - 5)
    assert (event.actor, event.kind, event.payload, event.pass_name, event.at) == (
        "ana",
        "verdict",
        {"value": "keep"},
        "eye",
        NOW - 5,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "short"},
        {"client_id": "x" * 81},
        {"client_id": "../../../etc"},
        {"take_id": "t2"},
        {"take_id": None},
        {"kind": "queue"},
        {"kind": ["verdict"]},
        {"pass": "third"},
        {"payload": [1]},
        {"payload": {"value": "perhaps"}},
        {"kind": "undo"},
        {"undoes": "abcdef-12345"},
        {"kind": "tag", "payload": {"tag": "x" * 61}},
        {"kind": "tag", "payload": {"tag": "\x00\n"}},
        {"kind": "note", "payload": {"note_id": "note-12345", "start_s": 5, "end_s": 4, "text": "x"}},
        {"kind": "note", "payload": {"note_id": "note-12345", "start_s": float("nan"), "text": "x"}},
        {"kind": "tap", "payload": {"bpm": 1e9}},
        {"kind": "tap", "payload": {"bpm": 120, "times_s": ["1"]}},
        {"kind": "tap", "payload": {"bpm": 120, "times_s": [1.0] * 1001}},
        {"kind": "tap", "payload": {"bpm": True}},
        {"kind": "play", "payload": {"start_s": 2, "end_s": 1}},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ParameterError):
        heard(**wrong)


def test_a_clock_that_is_days_off_is_replaced():
    assert heard(at=NOW + 1e7).at == NOW
    assert heard(at="yesterday").at == NOW


def test_text_loses_control_characters_and_doubled_blanks():
    event = heard(kind="tag", payload={"tag": "  doom\x1b[31m \n riff "})
    assert event.payload == {"tag": "doom [31m riff"}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda x: st.lists(x, max_size=3), max_leaves=6
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*WORDS, "undoes", "at"]), json_values))
def test_any_json_is_either_understood_or_refused_with_a_reason(changes):
    with contextlib.suppress(ParameterError):  # anything else is a bug
        assert heard(**changes).actor == "ana"


@pytest.mark.parametrize("name", ["", "auto", "Auto", "x" * 41, "<script>", "a/b", "a\nb\x00"])
def test_names_that_mislead_are_refused(name):
    with pytest.raises(ParameterError):
        clean_actor(name)


def test_names_of_people_are_welcome():
    assert clean_actor("  Anaïs  Nin ") == "Anaïs Nin"
