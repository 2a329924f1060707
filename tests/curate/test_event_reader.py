"""Following the log gives the same state as folding it, whoever writes and in whatever order it becomes visible."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralbum.catalogue import fold, fold_by_person
from neuralbum.curate.event_reader import EventReader
from neuralbum.records import Event, Judgement


@st.composite
def logs(draw):
    """A log as the server writes it: undos name one's own earlier words about the same take."""
    events: list[Event] = []
    for number in range(1, draw(st.integers(0, 40)) + 1):
        actor, take = draw(st.sampled_from(["ana", "ben"])), draw(st.sampled_from(["t1", "t2"]))
        own = [e for e in events if e.actor == actor and e.take_id == take]
        kinds = ["verdict", "tag", "untag", "note", "tap", "play"] + ["undo"] * (3 * bool(own))
        kind = draw(st.sampled_from(kinds))
        payload = {
            "verdict": {"value": draw(st.sampled_from(["keep", "maybe", "drop"]))},
            "tag": {"tag": draw(st.sampled_from("ab"))},
            "untag": {"tag": draw(st.sampled_from("ab"))},
            "note": {"note_id": draw(st.sampled_from(["n1", "n2"])), "start_s": 1.0, "end_s": 2.0, "text": "x"},
            "tap": {"bpm": draw(st.sampled_from([0.0, 120.0])), "times_s": [1.0]},
            "play": {"start_s": 0.0, "end_s": draw(st.floats(0, 9))},
            "undo": {},
        }[kind]
        undoes = draw(st.sampled_from(own)).client_id if kind == "undo" else None
        events.append(Event(f"c{number}", float(number), actor, kind, take, payload, undoes=undoes, id=number))
    return events


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs(), st.lists(st.integers(0, 40), max_size=6), st.randoms(use_true_random=False))
def test_following_in_any_portions_equals_the_fold(log, cuts, random):
    visible: list[Event] = []
    reader = EventReader(lambda after: sorted((e for e in visible if e.id > after), key=lambda e: e.id))
    coming = list(log)
    random.shuffle(coming)  # transactions become visible in any order
    for cut in [*sorted(c for c in cuts if c <= len(coming)), len(coming)]:
        visible[:] = coming[:cut]
        reader.refresh()
    whole = fold(log)
    for take in ("t1", "t2"):
        assert reader.judgement(take) == whole.get(take, Judgement(take))
        about = [e for e in log if e.take_id == take]
        assert reader.annotations_about(take) == {actor: one for (_, actor), one in fold_by_person(about).items()}


def test_queues_are_kept_apart_and_news_name_each_take_once():
    log = [
        Event("q1", 1.0, "ana", "queue", "", {"takes": ["t1"]}, id=1),
        Event("c1", 1.0, "ana", "verdict", "t1", {"value": "keep"}, id=2),
        Event("c2", 1.0, "ana", "verdict", "t1", {"value": "drop"}, id=3),
    ]
    reader = EventReader(lambda after: [e for e in log if e.id > after])
    reader.refresh()
    assert [q.client_id for q in reader.queues] == ["q1"]
    assert reader.changes(0) == [("t1", "ana")]
    before = reader.now
    reader.refresh()
    assert reader.changes(before) == []
    assert reader.event("c2") == replace(log[2])
