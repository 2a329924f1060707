"""State is a fold over the events: people win over auto, undo is as if never said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralbum.catalogue import Catalogue, fold, fold_by_person, standing
from neuralbum.records import AUTO, Event, Judgement

ACTORS = ["ann", "bob", AUTO]


def said(number, kind="verdict", actor="ann", take="t1", undoes=None, **payload):
    return Event(f"c{number}", float(number), actor, kind, take, payload, undoes=undoes)


@st.composite
def logs(draw):
    events = []
    for number in range(draw(st.integers(0, 25))):
        actor, take = draw(st.sampled_from(ACTORS)), draw(st.sampled_from(["t1", "t2"]))
        kind = draw(st.sampled_from(["verdict", "tag", "untag", "note", "tap", "undo"]))
        payload = {
            "verdict": {"value": draw(st.sampled_from(["keep", "maybe", "drop"]))},
            "tag": {"tag": draw(st.sampled_from(["blastbeat", "drone"]))},
            "untag": {"tag": draw(st.sampled_from(["blastbeat", "drone"]))},
            "note": {"start_s": 1.0, "text": "x"},
            "tap": {"bpm": 120.0},
            "undo": {},
        }[kind]
        undoes = f"c{draw(st.integers(0, max(0, number - 1)))}" if kind == "undo" else None
        events.append(said(number, kind, actor, take, undoes, **payload))
    return events


@given(logs())
def test_an_undone_event_is_as_if_never_said(events):
    if not events:
        return
    target = len(events) - 1
    undone = [*events, said(99, "undo", undoes=f"c{target}")]
    assert fold(undone) == fold(events[:target]) or events[target].kind == "undo"


@given(logs())
def test_undoing_an_undo_brings_the_event_back(events):
    twice = [
        *events,
        said(98, "verdict", value="keep"),
        said(99, "undo", undoes="c98"),
        said(100, "undo", undoes="c99"),
    ]
    assert fold(twice) == fold([*events, said(98, "verdict", value="keep")])


@given(logs())
def test_what_stands_is_a_part_of_the_log_in_its_order(events):
    held = standing(events)
    assert [e for e in events if e in held] == held


@given(logs())
def test_auto_never_overrules_a_person(events):
    state = fold([*events, said(99, actor="ann", value="drop"), said(100, actor=AUTO, value="keep")])
    assert state["t1"].verdict == "drop"
    assert state["t1"].actor == "ann"


def test_the_latest_person_decides():
    state = fold([said(1, value="keep"), said(2, actor="bob", value="drop"), said(3, value="maybe")])
    assert (state["t1"].verdict, state["t1"].actor) == ("maybe", "ann")
    assert state["t1"].by_actor == {"bob": "drop", "ann": "maybe"}


def test_no_pulse_is_zero_and_nobody_tapped_is_none():
    assert fold([said(1, "tap", bpm=0)])["t1"].bpm == 0.0
    assert fold([said(1, value="keep")])["t1"].bpm is None


def test_notes_are_sorted_by_where_they_begin_and_can_be_taken_back():
    events = [
        said(1, "note", note_id="n1", start_s=72.0, end_s=80.0, text="breakdown in 6/8"),
        said(2, "note", note_id="n2", start_s=5.0, text="drums intro"),
        said(3, "unnote", note_id="n1"),
    ]
    assert [n.text for n in fold(events[:2])["t1"].notes] == ["drums intro", "breakdown in 6/8"]
    assert [n.text for n in fold(events)["t1"].notes] == ["drums intro"]


def test_the_fold_does_not_depend_on_log_positions():
    events = [said(n, value="keep") for n in range(3)]
    assert fold(events) == fold([replace(e, id=e.id + 100) for e in events])


def test_what_was_heard_is_joined_and_a_queue_judges_nothing():
    plays = [(0.0, 2.0), (1.5, 3.0), (10.0, 11.0)]
    log = [Event(f"p{i}", 0.0, "ana", "play", "t", {"start_s": a, "end_s": b}) for i, (a, b) in enumerate(plays)]
    state = fold([*log, Event("q", 0.0, "ana", "queue", "", {"takes": ["t"]})])
    assert set(state) == {"t"}
    assert state["t"].heard == ((0.0, 3.0), (10.0, 11.0))
    assert state["t"].heard_s == 4.5


def test_a_checkpoint_keeps_everything_said(tmp_path):
    catalogue = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.db'}")
    catalogue.say([Event("a", 0.0, "ana", "verdict", "t", {"value": "keep"})])
    catalogue.checkpoint()
    assert catalogue.judgements()["t"].verdict == "keep"
    catalogue.close()


VECTORS = json.loads(Path(__file__).with_name("annotations.json").read_text(encoding="utf-8"))
NOTHING = {"verdict": None, "by_pass": {}, "tags": [], "notes": [], "bpm": None, "taps_s": []}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["law"])
def test_one_persons_events_give_what_the_page_shows_before_the_server_knows(vector):
    """The page's half is tested from the same file by curate/web/src/annotation.test.ts."""
    events = [
        Event(f"c{n}", float(n), "ana", e["kind"], "t1", e["payload"], pass_name=e["pass"], id=n)
        for n, e in enumerate(vector["events"], start=1)
    ]
    mine = fold_by_person(events).get(("t1", "ana"), Judgement("t1"))
    shown = {
        "verdict": mine.verdict,
        "by_pass": mine.by_pass,
        "tags": list(mine.tags),
        "notes": [
            {"id": n.note_id, "start_s": n.start_s, "end_s": n.end_s, "text": n.text, "actor": n.actor}
            for n in mine.notes
        ],
        "bpm": mine.bpm,
        "taps_s": list(mine.taps_s),
    }
    assert shown == NOTHING | vector["mine"]


@given(logs())
def test_people_apart_say_together_what_the_whole_log_says(events):
    own = {e.client_id: (e.actor, e.take_id) for e in events}
    events = [e for e in events if e.kind != "undo" or own.get(e.undoes) == (e.actor, e.take_id)]
    whole, apart = fold(events), fold_by_person(events)
    assert {take for take, _ in apart} == set(whole)
    for take, judged in whole.items():
        people = {actor: one for (about, actor), one in apart.items() if about == take}
        assert judged.by_actor == {actor: one.verdict for actor, one in people.items() if one.verdict}
        assert set(judged.tags) == {tag for one in people.values() for tag in one.tags}
        assert sorted(judged.notes, key=str) == sorted((n for one in people.values() for n in one.notes), key=str)


def test_two_people_may_give_their_notes_the_same_name_and_nobody_takes_anothers_away():
    log = [
        said(1, "note", actor="ann", note_id="n1", start_s=1.0, text="hers"),
        said(2, "note", actor="bob", note_id="n1", start_s=2.0, text="his"),
        said(3, "tag", actor="ann", tag="drone"),
        said(4, "tag", actor="bob", tag="drone"),
        said(5, "untag", actor="bob", tag="drone"),
    ]
    assert [(n.text, n.actor) for n in fold(log)["t1"].notes] == [("hers", "ann"), ("his", "bob")]
    assert fold(log)["t1"].tags == ("drone",)
    gone = [*log, said(6, "unnote", actor="bob", note_id="n1"), said(7, "untag", actor="ann", tag="drone")]
    assert [n.text for n in fold(gone)["t1"].notes] == ["hers"]
    assert fold(gone)["t1"].tags == ()
