"""Sweeps: what is tried, what a killed one loses (nothing), the front, and what goes into the settings."""

import json
import signal
import subprocess
import sys
from collections import Counter

import pytest

from neuralbum.errors import ParameterError
from neuralbum.project import Project
from neuralbum.train import SkeletonParams, SweepParams, sweep_picture
from neuralbum.train.sweep import Pruned, Row, Settings, apply, best, open_study, pareto, rows, run, space, track_of

from .makers import project

N = 20
CHILD = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from neuralbum.project import Project
from neuralbum.train import SweepParams
from neuralbum.train.sweep import run

root, deadly = sys.argv[1], int(sys.argv[2])
commits = 0

@event.listens_for(Engine, "commit")
def committed(connection):
    global commits
    commits += 1
    if commits == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

def quick(project, settings, behind):
    with open(project.root / "trials.txt", "a") as file:
        file.write(f"{settings.number}\\n")
    v = settings.values
    return {"model": f"m{settings.number}", "step": 1, "track": [], "likeness": 1.0 - abs(v["dropout"] - 0.3),
            "copied": v["length"], "likelihood": 1.0, "quoted_s_per_hour": 1.0}

run(Project.open(root), SweepParams(trials=20), objective=quick)
"""


@pytest.fixture
def made(tmp_path):
    one = project(tmp_path / "p")
    with open(one.root / "neuralbum.toml", "a") as file:
        file.write('lease_s = 0.5\n\n# my notes\n[skeleton]\npreset = "debug"\n')
    one.catalogue.close()
    one = Project.open(one.root)
    yield one
    one.catalogue.close()


def child(made, deadly):
    return subprocess.run([sys.executable, "-c", CHILD, str(made.root), str(deadly)], capture_output=True, text=True)


def test_a_sweep_killed_four_times_has_every_trial_once(made):
    """Killed after this commit of the database: while its tables are made, a trial is entered, told, recorded."""
    for deadly in (9, 40, 58, 83):
        killed = child(made, deadly)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    through = child(made, 0)
    assert through.returncode == 0, through.stderr
    params = SweepParams(trials=N)
    found = rows(made, params)
    assert [row.number for row in found] == list(range(N))
    trials = open_study(made, params).get_trials()
    assert Counter(t.user_attrs["number"] for t in trials) == Counter(range(N))
    assert {t.state.name for t in trials} == {"COMPLETE"}
    began = Counter(map(int, (made.root / "trials.txt").read_text().split()))
    assert set(began) == set(range(N))
    assert sum(began.values()) <= N + 4  # begun again at most once for each kill
    assert [t.params for t in sorted(trials, key=lambda t: t.user_attrs["number"])] == [dict(r.settings) for r in found]


def quick(project, settings, behind):
    if settings.number == 2:
        raise Pruned({"model": "m2", "step": 1, "track": []})
    if settings.number == 3:
        raise ParameterError("width=7 does not work")
    return {
        "model": f"m{settings.number}", "step": 1, "track": [], "likeness": 0.1 * settings.number,
        "copied": 10.0 * settings.number, "likelihood": 1.0, "quoted_s_per_hour": 25.0, "likeness_floor": 0.9,
    }  # fmt: skip


def test_pruned_and_failed_trials_stay_and_the_rest_goes_on(made):
    params = SweepParams(trials=5)
    outcome = run(made, params, objective=quick)
    assert (outcome.done, outcome.failed) == (4, 1)
    found = rows(made, params)
    assert {row.number: row.state for row in found} == {0: "complete", 1: "complete", 2: "pruned", 4: "complete"}
    assert [row.number for row in found if row.on_front] == [0, 1, 4]
    assert best(found).number == 1  # 4 is more like the band, and copies more than the band quotes itself
    states = Counter(t.state.name for t in open_study(made, params).get_trials())
    assert states == {"COMPLETE": 3, "PRUNED": 1, "FAIL": 1}
    again = run(made, SweepParams(trials=6), retry=True, objective=lambda p, s, b: {**quick(p, Settings(5, {}, 0), b)})
    assert (again.done, again.skipped) == (2, 4)  # the failed one and a new one
    drawn = sweep_picture.write(made, rows(made, SweepParams(trials=6)), best(found)).read_text()
    assert drawn.count("<circle") == 5
    assert "the band quotes itself: 25 s" in drawn


def test_another_net_is_another_study_and_an_applied_trial_is_not(made):
    params = SweepParams(trials=2, blocks=())
    assert run(made, params, objective=quick).done == 2
    apply(made, rows(made, params)[1], params)
    applied = Project.open(made.root)
    assert run(applied, params, objective=quick).skipped == 2
    wider = Project.open(made.root, ["skeleton.blocks=2"])
    assert run(wider, params, objective=quick).done == 2
    assert [row.number for row in rows(wider, params)] == [0, 1]


def test_no_trial_begins_when_the_time_is_over(made):
    outcome = run(made, SweepParams(trials=5, time_s=1e-9), objective=quick)
    assert (outcome.done, outcome.elsewhere) == (0, 5)
    assert run(made, SweepParams(trials=2), objective=quick).done == 2


def test_a_trial_is_a_training_with_its_settings(made):
    base = made.params("skeleton", SkeletonParams)
    values = {"width": 24, "codes": 12, "dropout": 0.2, "length": 0.5, "temperature": 0.97}
    asked = Settings(0, values, 0).skeleton(base)
    assert (asked.width, asked.codes, asked.dropout, asked.steps, asked.preset) == (24, 12, 0.2, 4, "debug")


def test_a_trial_s_settings_go_into_the_project_s(made):
    row = Row(7, "complete", "m7", {"width": 24, "dropout": 0.25, "length": 0.5, "temperature": 0.97}, {}, None, True)
    apply(made, row, SweepParams())
    text = (made.root / "neuralbum.toml").read_text()
    assert "# my notes" in text
    tables = Project.open(made.root).tables
    assert tables["skeleton"] == {"preset": "debug", "width": 24, "dropout": 0.25, "steps": 4, "time_s": 0.0}
    assert tables["generate"]["temperature"] == [0.97]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"dropout": (0.1,)}, "two ends of a range"),
        ({"dropout": (0.5, 0.1)}, "two ends of a range"),
        ({"objectives": ("beauty",)}, "'beauty' is none of"),
        ({"objectives": ()}, "name at least one"),
    ],
)
def test_a_search_that_is_none_is_refused(wrong, reason):
    with pytest.raises(ParameterError, match=reason):
        space(SweepParams(**wrong))


def test_an_empty_list_leaves_a_setting_out():
    assert set(space(SweepParams(width=(), blocks=(), codes=(), transposed=(), noise=(), temperature=()))) == {
        "dropout", "own_steps", "learning_rate", "length",
    }  # fmt: skip


def test_the_front_is_what_nothing_beats():
    points = [(1.0, 5.0), (2.0, 2.0), (3.0, 3.0), (5.0, 1.0), (2.0, 2.0), None]
    assert pareto(points) == [True, True, False, True, True, False]


def test_trials_train_measure_and_share_what_was_read(made, monkeypatch):
    """Two real trainings of the smallest net: the second reads no music; both say what was measured."""
    from neuralbum.train import prepare, skeleton_task
    from neuralbum.train.checkpoint import open_model

    read = []
    monkeypatch.setattr(skeleton_task, "prepare", lambda *a, **k: read.append(1) or prepare.prepare(*a, **k))
    params = SweepParams(
        trials=2, steps=3, clips=4, width=(16, 24), blocks=(), codes=(16,), transposed=(0,), length=(1.0, 1.0),
        learning_rate=(1e-3, 2e-3),
    )  # fmt: skip
    made.tables["sweep"] = {"clips": 4}
    outcome = run(made, params)
    assert (outcome.done, outcome.errors) == (2, ())
    assert len(read) == 1
    found = rows(made, params)
    assert {row.state for row in found} == {"complete"}
    for row in found:
        _, about = open_model(made.models_dir / row.model)
        assert about.facts["net"]["width"] == row.settings["width"]
        assert row.measures["likelihood"] == pytest.approx(
            row.measures["valid_bits"] / about.baselines["valid"]["regression"]
        )
        assert track_of(about, SkeletonParams(steps=3))[-1][0] == 100
        assert row.measures["clips"] == 4
    assert json.dumps([dict(row.settings) for row in found])
