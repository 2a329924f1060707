"""Two projects are joined by key: the same from either side, as often as one likes, and nothing is overwritten."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.catalogue import Catalogue, fold
from neuralbum.errors import ParameterError
from neuralbum.project import Project
from neuralbum.project.merging import Conflict, merge
from neuralbum.records import Activity, Event, Finding, Model, Recipe, Take

SOUNDS = (b"as here", b"as on another machine")
ERROR = "the file is cut short"


def a_take(number, sound=0):
    recipe = Recipe("net", "0" * 8, 1, 0, number, ((0.0, 1.0),), 8, 16_000, "test 1")
    sha256 = hashlib.sha256(SOUNDS[sound]).hexdigest()
    return Take(recipe.take_id, recipe, f"takes/{recipe.take_id}.flac", sha256, 16_000, 1, 8, created_at=float(number))


TAKES = [a_take(n).id for n in range(3)]


def a_finding(number, variant, created_at):
    """Key ``number``; variants 0 and 1 are successes that differ, 2 and 3 failures."""
    subject = TAKES[number % 3]
    plain = Finding(f"k{number}", "screen", 1, subject, {}, {"n": number}, {}, created_at=float(created_at))
    if variant >= 2:
        return replace(plain, error=f"{ERROR} {variant}")
    name = f"artefacts/screen/{subject}.k{number}.txt"
    return replace(plain, values={"level": variant}, files={"text": name})


def an_event(number, variant, actor, take):
    payload = {"value": ["keep", "drop"][variant]}
    return Event(f"event-{number}", float(number), actor, "verdict", TAKES[take], payload)


sides = st.fixed_dictionaries(
    {
        "takes": st.dictionaries(st.integers(0, 2), st.integers(0, 1)),
        "findings": st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 3), st.integers(0, 2))),
        "events": st.sets(st.integers(0, 9)),
        "odd_event": st.booleans(),
        "activities": st.sets(st.integers(0, 3)),
    }
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    made = Project.create(tmp_path_factory.mktemp("empty") / "album", artist="The Tests")
    made.catalogue.close()
    return made.root


def fill(project, side):
    catalogue = project.catalogue
    for number, sound in side["takes"].items():
        take = a_take(number, sound)
        project.takes_dir.mkdir(exist_ok=True)
        (project.root / take.path).write_bytes(SOUNDS[sound])
        catalogue.add_take(take)
    for number, (variant, created_at) in side["findings"].items():
        finding = a_finding(number, variant, created_at)
        for name in finding.files.values():
            (project.root / name).parent.mkdir(parents=True, exist_ok=True)
            (project.root / name).write_text(f"{variant}")
        catalogue.record(finding)
    for number in sorted(side["events"]):
        catalogue.say(
            [an_event(number, int(number == 9 and side["odd_event"]), "ana" if number % 2 else "ben", number % 3)]
        )
    for number in side["activities"]:
        catalogue.add_activity(Activity("screen", float(number), 1.0, 1.0))


def contents(project, conflicts):
    """What a project holds, without what is in conflict."""
    catalogue, out = project.catalogue, {c.key for c in conflicts}
    kept = [f for f in catalogue.findings() if f.key not in out and f.subject not in out]
    return {
        "takes": {t.id: (t.sha256, (project.root / t.path).read_bytes()) for t in catalogue.takes() if t.id not in out},
        "findings": {f.key: f for f in kept},
        "files": {name: (project.root / name).read_bytes() for f in kept for name in f.files.values()},
        "events": [e.client_id for e in catalogue.events()],
        "said": [replace(e, id=0) for e in catalogue.events() if e.client_id not in out],
        "stands": None if "event-9" in out else fold(catalogue.events()),
        "activities": sorted(a.started_at for a in catalogue.activities()),
    }


@given(one=sides, other=sides)
@settings(max_examples=25)
def test_it_does_not_matter_who_is_merged_into_whom_nor_how_often(empty, tmp_path_factory, one, other):
    folder = tmp_path_factory.mktemp("merge")
    a, b, b_before = (Project.open(shutil.copytree(empty, folder / name)) for name in ("a", "b", "b_before"))
    for project, side in ((a, one), (b, other), (b_before, other)):
        fill(project, side)
    a_before = Project.open(shutil.copytree(a.root, folder / "a_before"))
    here, there = merge(a, b_before), merge(b, a_before)
    assert here.conflicts == there.conflicts
    assert contents(a, here.conflicts) == contents(b, there.conflicts)
    again = merge(a, b_before)
    assert (set(again.new.values()), again.conflicts) == ({0}, here.conflicts)
    for project in (a, b, a_before, b_before):
        project.catalogue.close()
    shutil.rmtree(folder)


def test_each_keeps_its_own_where_they_differ_and_is_told(empty, tmp_path):
    a, b = (Project.open(shutil.copytree(empty, tmp_path / name)) for name in ("a", "b"))
    fill(
        a,
        {
            "takes": {0: 0, 1: 0},
            "findings": {0: (0, 1), 1: (0, 1)},
            "events": {9},
            "odd_event": False,
            "activities": (),
        },
    )
    fill(
        b,
        {"takes": {0: 1, 1: 0}, "findings": {1: (1, 1), 3: (0, 1)}, "events": {9}, "odd_event": True, "activities": ()},
    )
    merged = merge(a, b)
    assert [(c.kind, c.key) for c in merged.conflicts] == [("event", "event-9"), ("finding", "k1"), ("take", TAKES[0])]
    assert a.catalogue.finding("k3") is None  # what was heard in the other sound
    assert (a.root / a_take(0).path).read_bytes() == SOUNDS[0]
    assert a.catalogue.finding("k1").values == {"level": 0}
    assert a.catalogue.events()[0].payload == {"value": "keep"}


def test_a_model_comes_with_its_files_and_one_trained_in_both_stays(empty, tmp_path):
    a, b = (Project.open(shutil.copytree(empty, tmp_path / name)) for name in ("a", "b"))
    for step, project in enumerate((a, b)):
        folder = project.models_dir / "both"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(f"step {step}")
        project.catalogue.add_model(Model("both", "skeleton", "debug", 8000, "c"))
    (b.models_dir / "new" / "steps").mkdir(parents=True)
    (b.models_dir / "new" / "steps" / "1.safetensors").write_bytes(b"weights")
    b.catalogue.add_model(Model("new", "skeleton", "debug", 8000, "c"))
    b.catalogue.add_curve("new", [("heldout_bits", 1, 3.5)])
    merged = merge(a, b)
    assert merged.conflicts == (Conflict("model", "both", "was trained on in both; each keeps its own"),)
    assert (a.models_dir / "new" / "steps" / "1.safetensors").read_bytes() == b"weights"
    assert a.catalogue.curve("new") == {"heldout_bits": [(1, 3.5)]}


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "takes/gone.flac"])
def test_a_file_that_is_missing_or_leads_outside_is_not_brought(empty, tmp_path, name):
    a, b = (Project.open(shutil.copytree(empty, tmp_path / name)) for name in ("a", "b"))
    (tmp_path / "outside.txt").write_text("not of the project")
    b.catalogue.record(replace(a_finding(0, 0, 0), files={"text": name}))
    merged = merge(a, b)
    assert [c.kind for c in merged.conflicts] == ["finding"]
    assert a.catalogue.findings() == []


def test_a_project_is_not_merged_into_itself(empty):
    with pytest.raises(ParameterError, match="this project's own catalogue"):
        merge(Project.open(empty), Project.open(empty))


def test_who_spoke_last_is_last_on_every_database(database, tmp_path):
    here = Catalogue.open(database)
    here.say([an_event(n, n % 2, "ana", 0) for n in (1, 5)])
    theirs = [replace(an_event(n, n % 2, "ben", 0), id=n) for n in (0, 3, 4)]
    before = {e.id for e in here.events()}
    assert here.join_events(theirs) == (3, [])
    assert [e.client_id for e in here.events()] == [f"event-{n}" for n in (0, 1, 3, 4, 5)]
    assert not before & {e.id for e in here.events()}  # who reads along by id misses none
    assert here.say([an_event(7, 0, "ana", 0)]) == 1
    assert here.events()[-1].client_id == "event-7"
    here.close()
