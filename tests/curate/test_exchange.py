"""What was said comes out in four forms, and back in without counting twice."""

from __future__ import annotations

import csv
import io
import json

import pytest

from neuralbum import curate
from neuralbum.curate import exporting, importing
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
    text = curate.export(project, "jsonl")[""]
    n = len(text.splitlines())
    assert curate.bring_in(twin, "jsonl", text, actor="zoe") == n
    assert twin.catalogue.judgements() == project.catalogue.judgements()
    assert curate.bring_in(twin, "jsonl", text, actor="zoe") == 0
    assert curate.export(twin, "jsonl") == {"": text}
    assert any(e.actor == AUTO and "reasons" in e.payload for e in twin.catalogue.events())


def test_a_spreadsheet_cannot_be_made_to_run_anything(project, twin):
    text = curate.export(project, "csv")[""]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["verdict"] == "keep"
    assert rows[0]["bpm"] == "121.5"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]
    curate.bring_in(twin, "csv", text, actor="zoe")
    assert judged(twin, "verdict", "bpm")[rows[0]["take"]] == ("keep", 121.5)


def test_labels_are_a_file_a_take_that_audacity_reads_without_a_warning(project, twin):
    (take, text), *more = curate.export(project, "audacity").items()
    assert more == [], "takes without notes get no file"
    assert text == "1.000000\t2.500000\tbreakdown in 6/8\n", "labels and nothing else"
    assert curate.bring_in(twin, "audacity", text, actor="zoe", take=take) == 1
    assert curate.bring_in(twin, "audacity", text, actor="zoe", take=take) == 0
    (note,) = twin.catalogue.judgements()[take].notes
    assert (note.start_s, note.end_s, note.text, note.actor) == (1.0, 2.5, "breakdown in 6/8", "zoe")


@pytest.fixture
def take(twin):
    return twin.catalogue.takes()[0].id


def imported(project, form, text, **more):
    """What an import added, in short."""
    n_before = len(project.catalogue.events())
    new = curate.bring_in(project, form, text, actor=more.pop("actor", "ana"), **more)
    events = project.catalogue.events()[n_before:]
    assert len(events) == new
    return [
        (e.kind, next(iter(e.payload.get(k) for k in ("value", "tag", "bpm", "text") if k in e.payload)))
        for e in events
    ]


def test_two_curators_may_say_the_same_and_the_last_word_counts(twin, take):
    keep = f"take,verdict,tags\n{take},keep,doom\n"
    assert len(imported(twin, "csv", keep, actor="ana")) == 2
    assert len(imported(twin, "csv", keep, actor="ben")) == 2, "ben never spoke before"
    assert imported(twin, "csv", keep, actor="ben") == [], "the same file twice counts once"
    assert imported(twin, "csv", f"take,verdict\n{take},maybe\n") == [("verdict", "maybe")]
    assert imported(twin, "csv", f"take,verdict\n{take},keep\n") == [("verdict", "keep")], "ana changed back"
    judged = twin.catalogue.judgements()[take]
    assert (judged.verdict, judged.actor, judged.by_actor) == ("keep", "ana", {"ana": "keep", "ben": "keep"})


@pytest.mark.parametrize(
    "data",
    [
        "take,verdict,tags,bpm\n{take},keep,doom; slow,92.5\n",
        "\ufefftake,verdict,tags,bpm\r\n{take},keep,doom; slow,92.5\r\n",
        'take;verdict;tags;bpm\n{take};keep;"doom; slow";92,5\n',
        'sep=;\r\ntake;verdict;tags;bpm\r\n{take};Keep;"doom; slow";92,5\r\n;;;\r\n',
        "Take\tVerdict\tTags\tBPM\n {take} \tKEEP\tdoom;slow\t92,5\n",
        'take,verdict,tags,bpm\r{take},keep,doom; slow,"92,5"\r',
    ],
    ids=["plain", "mark and CRLF", "semicolons", "sep= line", "tabs", "old Mac"],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_a_spreadsheet_is_read_whatever_country_saved_it(twin, take, data, coding):
    text = importing.decode(data.format(take=take).encode(coding))
    assert imported(twin, "csv", text) == [("verdict", "keep"), ("tag", "doom"), ("tag", "slow"), ("tap", 92.5)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("take verdict\n{take} keep\n", "line 1: the first line must name the columns"),
        ("id,verdict\n{take},keep\n", "line 1: the first line must name the columns"),
        ("take,title\n{take},keep\n", "line 1: the first line must name the columns"),
        ("take,verdict\n", "says nothing"),
        ("take,verdict\n{take},\n", "says nothing"),
        ("", "line 1"),
        ("take,verdict,bpm\n{take},keep,92,5\n", "line 2: 4 cells under 3 columns; .* decimals with a point"),
        ("take,verdict\n{take},keep\n{take},kept\n", "line 3: value = 'kept' must be one of keep"),
        ("take,bpm\n{take},nan\n", "line 2: bpm 'nan' is no number"),
        ("take,bpm\n{take},1e400\n", "line 2: bpm = inf must be a number from 0"),
        ("take,bpm\n{take}," + "9" * 5000 + "\n", "line 2: bpm '999.*' is no number"),
        ("take,tags\n{take}," + "x" * 200_000 + "\n", "line 2: field larger"),
        ("take,tags\n{take},a\x00b\n" * 1 + "nobody,a\n", "line 3: take_id 'nobody'"),
    ],
)
def test_a_spreadsheet_that_cannot_be_read_names_its_line_and_changes_nothing(twin, take, text, told):
    with pytest.raises(ParameterError, match=told):
        imported(twin, "csv", text.replace("{take}", take))
    assert twin.catalogue.events() == []


def test_the_rankings_verdicts_in_a_spreadsheet_do_not_become_a_persons(project):
    text = curate.export(project, "csv")[""]
    assert ",auto," in text
    assert imported(project, "csv", text, actor="zoe") == [], "everything in it was said, and by whom it says"
    edited = text.replace(",drop,auto,", ",keep,zoe,")
    assert [kind for kind, _ in imported(project, "csv", edited, actor="zoe")] == ["verdict"]


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("# {take}\n1.000000\t2.000000\tbreakdown\n", [(1, 2, "breakdown")]),
        ("# {take}\n1.000000\t2.000000\t\n3.000000\t4.000000\triff\n", [(1, 2, ""), (3, 4, "riff")]),
        ("\ufeff# {take}\r\n1.200000\t2.200000\tbom\r\n", [(1.2, 2.2, "bom")]),
        ("# {take}\n1,200000\t2,200000\tcomma\n", [(1.2, 2.2, "comma")]),
        ("# {take}\n1.0\t2.0\n", [(1, 2, "")]),
        ("# {take}\n1.0\t2.0\ta\tb\x07\u2028c\x85d\n", [(1, 2, "a b c d")]),
        ("# {take}\n1.0\t2.0\tx\n\\\t100.0\t200.0\n", [(1, 2, "x")]),
    ],
    ids=["plain", "unnamed", "mark and CRLF", "decimal comma", "lost tab", "control characters", "spectral"],
)
def test_labels_come_in_as_audacity_wrote_them(twin, take, text, notes):
    curate.bring_in(twin, "audacity", importing.decode(text.format(take=take).encode()), actor="ana")
    assert [(n.start_s, n.end_s, n.text) for n in twin.catalogue.judgements()[take].notes] == notes


def test_labels_in_latin_1_keep_their_letters(twin, take):
    data = "1.0\t2.0\tTräume – laut\n".encode("cp1252")
    assert imported(twin, "audacity", importing.decode(data), take=take) == [("note", "Träume – laut")]


@pytest.mark.parametrize("time", ["nan", "inf", "-inf", "1e400", "9" * 400, "-1.0", "1_0", "١", "", "0x1"])
def test_a_label_whose_time_is_no_time_is_refused_by_its_line(twin, take, time):
    with pytest.raises(ParameterError, match="line 2: .*nothing was imported"):
        imported(twin, "audacity", f"1.0\t2.0\tfine\n{time}\t2.0\tbad\n", take=take)
    assert twin.catalogue.events() == []


def test_a_label_as_long_as_a_book_is_refused_by_its_line(twin, take):
    with pytest.raises(ParameterError, match="line 1: text must hold 0 to 2000"):
        imported(twin, "audacity", f"1.0\t2.0\t{'x' * 1_000_000}\n", take=take)


def schema_errors(jam):
    """What the JAMS schema (github.com/marl/jams, 0.3) demands of a document, as far as ours go."""

    def must(where, table, **kinds):
        return [f"{where}.{k}" for k, kind in kinds.items() if not isinstance(table.get(k), kind)]

    number = (int, float)
    wrong = must("", jam, file_metadata=dict, annotations=list, sandbox=dict)
    texts = {"title": str, "artist": str, "release": str, "jams_version": str}
    wrong += must("file", jam["file_metadata"], duration=number, identifiers=dict, **texts)
    for a in jam["annotations"]:
        wrong += must("annotation", a, annotation_metadata=dict, namespace=str, data=list, sandbox=dict)
        wrong += must("curator", a["annotation_metadata"]["curator"], name=str, email=str)
        texts = dict.fromkeys(("corpus", "version", "annotation_tools", "annotation_rules", "validation"), str)
        wrong += must("metadata", a["annotation_metadata"], annotator=dict, data_source=str, **texts)
        for seen in a["data"]:
            wrong += must("observation", seen, time=number, duration=number)
            wrong += [] if set(seen) == {"time", "duration", "value", "confidence"} else ["observation"]
            wrong += [] if min(seen["time"], seen["duration"]) >= 0 else ["times"]
            value, confidence = seen["value"], seen["confidence"]
            if a["namespace"] == "tempo":
                wrong += [] if value >= 0 and 0 <= confidence <= 1 else ["tempo"]
            else:
                wrong += [] if isinstance(value, str) else [a["namespace"]]
    return wrong


def test_jams_are_a_document_a_take_with_each_persons_words_apart(project, twin):
    project.catalogue.say([Event("event-0200", 1200.0, "ben", "tag", project.catalogue.takes()[0].id, {"tag": "slow"})])
    files = curate.export(project, "jams")
    documents = {take: json.loads(text) for take, text in files.items()}
    assert all(isinstance(d, dict) and schema_errors(d) == [] for d in documents.values())
    first = next(iter(documents.values()))
    said = [(a["namespace"], a["annotation_metadata"]["curator"]["name"]) for a in first["annotations"]]
    assert said == [("tempo", "ana"), ("tag_open", "ana"), ("segment_open", "ana"), ("tag_open", "ben")]
    assert first["annotations"][0]["data"][0]["value"] == 121.5
    assert first["file_metadata"]["duration"] == 4.0
    for who in ("ana", "zoe"):
        assert [curate.bring_in(project, "jams", text, actor=who) for text in files.values()] == [0] * len(files)
    for text in files.values():
        curate.bring_in(twin, "jams", text, actor="zoe")
        assert curate.bring_in(twin, "jams", text, actor="zoe") == 0
    assert judged(twin, "tags", "bpm") == {
        t: v for t, v in judged(project, "tags", "bpm").items() if t in twin.catalogue.judgements()
    }
    assert {j.by_actor.get("zoe") for j in twin.catalogue.judgements().values()} == {"keep"}, "auto's are nobody's"


def test_export_and_import_from_the_shell_give_a_file_a_take_and_find_the_take_again(project, twin, tmp_path, capsys):
    from neuralbum.cli.run import run

    assert run(["curate", "export", str(tmp_path / "notes.txt"), "-p", str(project.root)]) == 0
    (written,) = tmp_path.glob("notes*")
    take = curate.export(project, "audacity").popitem()[0]
    assert written.name == f"notes.{take}.txt"
    assert run(["curate", "import", str(written), "-p", str(twin.root), "--curator", "zoe"]) == 0
    assert run(["curate", "import", str(written), "-p", str(twin.root), "--curator", "zoe"]) == 0
    assert "1 new events" in (said := capsys.readouterr().out)
    assert "0 new events" in said
    assert "said before" in said
    nameless = tmp_path / "labels.txt"
    written.rename(nameless)
    assert run(["curate", "import", str(nameless), "-p", str(twin.root)]) == 1
    assert f"{nameless}: line 1: which take" in capsys.readouterr().err
    assert run(["curate", "import", str(nameless), "-p", str(twin.root), "--take", take[:8], "--curator", "yu"]) == 0
    assert "1 new events" in capsys.readouterr().out


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
        ("jams", '{"file_metadata": {}, "annotations": []}'),
        ("jams", "[" * 100_000),
        ("jsonl", "[" * 100_000),
        ("jsonl", '{"client_id": "event-0001", "take_id": ' + "9" * 5000 + "}"),
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


def test_a_log_is_bounded_like_everything_else(project, twin, take):
    auto = {"client_id": "auto-00001", "actor": "auto", "kind": "verdict", "take_id": take, "pass_name": "auto"}
    payload = {"value": "drop", "rank": 1, "score": 0.5, "reasons": ["x" * 10_000] * 1000, "junk": "y" * 10_000}
    curate.bring_in(twin, "jsonl", json.dumps({**auto, "payload": payload}), actor="zoe")
    (event,) = twin.catalogue.events()
    assert len(json.dumps(event.payload)) < 5000
    assert (event.payload["value"], event.payload["score"]) == ("drop", 0.5)
    note = {"client_id": "note-00001", "kind": "tag", "take_id": take, "payload": {"tag": "x"}}
    for stranger in ("auto", "x" * 100, "a\nb" * 30, ["ana"]):
        with pytest.raises(ParameterError, match="line 1: curator"):
            curate.bring_in(twin, "jsonl", json.dumps({**note, "actor": stranger}), actor="zoe")


def test_a_log_that_uses_a_taken_name_for_other_words_is_refused(project):
    mine = project.catalogue.events()[1]
    words = {"client_id": mine.client_id, "actor": "ana", "kind": "tag", "take_id": mine.take_id}
    with pytest.raises(ParameterError, match="taken by another event"):
        curate.bring_in(project, "jsonl", json.dumps({**words, "payload": {"tag": "other"}}), actor="ana")


def test_every_form_has_a_file_ending_and_a_reader():
    from neuralbum.cli.curate import FORMS

    assert set(FORMS.values()) == set(exporting.FORMS)
