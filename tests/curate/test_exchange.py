"""What was said comes out in four forms, and back in without counting twice."""

from __future__ import annotations

import csv
import io
import json

import pytest

from neuralbum import curate
from neuralbum.curate import exchange
from neuralbum.errors import ParameterError
from neuralbum.records import AUTO, Event

from .makers import make_project, make_take, screened


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path / "album")
    takes = [make_take(project, n, audio=False) for n in range(3)]
    for n, take in enumerate(takes):
        project.catalogue.record(screened(take, score=n / 3))
    a, b, _ = (t.id for t in takes)
    say = [
        ("verdict", a, {"value": "keep"}),
        ("tag", a, {"tag": "doom riff"}),
        ("tag", a, {"tag": "=2+3"}),
        ("note", a, {"note_id": "note-00001", "start_s": 1.0, "end_s": 2.5, "text": "breakdown in 6/8"}),
        ("tap", a, {"bpm": 121.5, "times_s": [0.5, 1.0], "family": []}),
        ("verdict", b, {"value": "drop"}),
        ("play", a, {"start_s": 0.0, "end_s": 4.0, "speed": 1.0}),
    ]
    project.catalogue.say(
        Event(f"event-{n:04}", 1000.0 + n, "ana", kind, take, payload) for n, (kind, take, payload) in enumerate(say)
    )
    project.catalogue.say([Event("event-0099", 1099.0, "ana", "undo", b, {}, undoes="event-0005")])
    curate.auto(project, keep=2)
    yield project
    project.catalogue.close()


@pytest.fixture
def twin(tmp_path):
    project = make_project(tmp_path / "twin")
    for n in range(3):
        make_take(project, n, audio=False)
    yield project
    project.catalogue.close()


def judged(project, *fields):
    return {t: tuple(getattr(j, f) for f in fields) for t, j in project.catalogue.judgements().items()}


def test_the_log_goes_out_and_in_without_loss(project, twin):
    text = curate.export(project, "jsonl")
    n = len(text.splitlines())
    assert curate.bring_in(twin, "jsonl", text, actor="zoe") == n
    assert twin.catalogue.judgements() == project.catalogue.judgements()
    assert curate.bring_in(twin, "jsonl", text, actor="zoe") == 0
    assert curate.export(twin, "jsonl") == text
    assert any(e.actor == AUTO and "reasons" in e.payload for e in twin.catalogue.events())


def test_a_spreadsheet_cannot_be_made_to_run_anything(project, twin):
    text = curate.export(project, "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["verdict"] == "keep"
    assert rows[0]["bpm"] == "121.5"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]
    curate.bring_in(twin, "csv", text, actor="zoe")
    assert judged(twin, "verdict", "bpm")[rows[0]["take"]] == ("keep", 121.5)


def test_labels_are_what_audacity_reads_and_come_back(project, twin):
    text = curate.export(project, "audacity")
    assert text.splitlines()[1] == "1.000000\t2.500000\tbreakdown in 6/8"
    assert curate.bring_in(twin, "audacity", text, actor="zoe") == 1
    assert curate.bring_in(twin, "audacity", text, actor="zoe") == 0
    (note,) = next(iter(twin.catalogue.judgements().values())).notes
    assert (note.start_s, note.end_s, note.text, note.actor) == (1.0, 2.5, "breakdown in 6/8", "zoe")


def test_jams_hold_tempo_tags_and_segments_and_come_back(project, twin):
    text = curate.export(project, "jams")
    first = json.loads(text)[0]
    assert [a["namespace"] for a in first["annotations"]] == ["tempo", "tag_open", "segment_open"]
    assert first["annotations"][0]["data"][0]["value"] == 121.5
    assert {"time", "duration", "value", "confidence"} == set(first["annotations"][2]["data"][0])
    assert first["file_metadata"]["duration"] == 4.0
    curate.bring_in(twin, "jams", text, actor="zoe")
    assert judged(twin, "tags", "bpm") == {
        t: v for t, v in judged(project, "tags", "bpm").items() if t in twin.catalogue.judgements()
    }


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("jsonl", '{"kind": "verdict"}'),
        ("jsonl", "not json"),
        ("jsonl", "[1]"),
        ("csv", "take,verdict\nnothing,keep\n"),
        ("audacity", "1.0\t2.0\thomeless\n"),
        ("audacity", "one\ttwo\n"),
        ("jams", "{}"),
        ("jams", "[1"),
        ("xml", ""),
    ],
)
def test_a_file_that_makes_no_sense_changes_nothing(twin, form, text):
    with pytest.raises(ParameterError):
        curate.bring_in(twin, form, text, actor="zoe")
    assert twin.catalogue.events() == []


def test_an_import_cannot_take_back_somebody_elses_words(project):
    victim = next(e for e in project.catalogue.events() if e.actor == "ana")
    line = {"client_id": "event-evil1", "actor": "eve", "kind": "undo", "take_id": victim.take_id, "payload": {}}
    with pytest.raises(ParameterError, match="somebody else"):
        curate.bring_in(project, "jsonl", json.dumps({**line, "undoes": victim.client_id}), actor="eve")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"actor": "a" * 10_000}, "curator"),
        ({"actor": "<b>ana</b>"}, "curator"),
        ({"actor": ["ana"]}, "actor must be text"),
        ({"actor": "AUTO"}, "not 'auto'"),
        ({"actor": "auto", "payload": {"value": "keep", "reasons": ["x"] * 1000}}, "reasons must be a list"),
        ({"actor": "auto", "payload": {"value": "keep", "reasons": {"x": 1}}}, "reasons must be a list"),
    ],
)
def test_a_log_from_elsewhere_is_trusted_neither_with_names_nor_with_sizes(twin, changed, words):
    take = twin.catalogue.takes()[0].id
    line = {"client_id": "event-0001", "kind": "verdict", "take_id": take, "payload": {"value": "keep"}}
    with pytest.raises(ParameterError, match=f"line 1: .*{words}"):
        curate.bring_in(twin, "jsonl", json.dumps({**line, **changed}), actor="zoe")
    assert twin.catalogue.events() == []


def test_of_what_auto_is_said_to_have_said_only_what_it_says_is_taken(twin):
    take = twin.catalogue.takes()[0].id
    payload = {"value": "keep", "rank": 1, "score": 10**400, "reasons": ["r" * 9999], "junk": "x" * 100_000}
    line = {"client_id": "event-0001", "kind": "verdict", "take_id": take, "payload": payload, "actor": "auto"}
    assert curate.bring_in(twin, "jsonl", json.dumps(line), actor="zoe") == 1
    (event,) = twin.catalogue.events()
    assert event.payload == {"value": "keep", "rank": 1, "reasons": ["r" * 200]}


def test_every_form_has_a_file_ending_and_a_reader():
    from neuralbum.cli.curate import FORMS

    assert set(FORMS.values()) == set(exchange.FORMS)
