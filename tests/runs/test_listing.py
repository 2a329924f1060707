"""Runs: found again, told apart, named, starred, and deleted with all that belongs to them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from neuralbum.catalogue import worker_name
from neuralbum.cli.run import run as command_line
from neuralbum.errors import CatalogueError, ParameterError
from neuralbum.generate import GenerateParams
from neuralbum.generate import run as generate
from neuralbum.project.overview import overview
from neuralbum.project.registry import stage
from neuralbum.runs import deleting, give_name, give_star, select
from neuralbum.runs.advice import advise
from neuralbum.runs.listing import Cost, Run, differing, find_run, fits, sort_runs, told_apart
from neuralbum.train import train
from neuralbum.train.checkpoint import Checkpoint
from neuralbum.train.skeleton_task import SkeletonTask

from .conftest import PARAMS, tunes


def run(name, *, kind="skeleton", state="done", bits=(300.0, 250.0, 200.0), **settings):
    history = tuple(Checkpoint(10 * i, {"valid_bits": b}, "x") for i, b in enumerate(bits))
    best = min(history, key=lambda c: c.measures["valid_bits"])
    return Run(name, kind, "tiny", state, step=best.step, steps_done=history[-1].step, measures=best.measures,
               settings=settings, checkpoints=history)  # fmt: skip


def test_a_trained_run_is_listed_with_its_checkpoints_its_cost_and_its_size(trained):
    made, said = trained
    (found,) = select(made)
    assert (found.id, found.state, found.step, found.steps_done) == (said.model_id, "done", said.step, 4)
    assert [c.step for c in found.checkpoints] == [0, 1, 2, 3, 4]
    assert found.measures == said.measures
    assert found.settings["net.width"] == 16
    assert found.cost.grams == pytest.approx(stage("training grams")(made, said.model_id), abs=1e-3)
    assert found.cost.cpu_s > 0
    folder = made.models_dir / said.model_id
    assert found.n_bytes >= sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_failed_and_killed_trainings_stay_and_running_ones_are_said_to_run(copied, monkeypatch):
    made, first = copied
    plain = SkeletonTask.loss
    monkeypatch.setattr(SkeletonTask, "loss", lambda *a: plain(*a) * float("nan"))
    train(made, replace(PARAMS, learning_rate=0.5))
    monkeypatch.setattr(SkeletonTask, "loss", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(made, replace(PARAMS, learning_rate=0.4))
    monkeypatch.setattr(SkeletonTask, "loss", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(made, replace(PARAMS, learning_rate=0.3))
    by_rate = {r.settings["learning_rate"]: r for r in select(made)}
    assert {rate: r.state for rate, r in by_rate.items()} == {
        0.002: "done", 0.5: "failed", 0.4: "failed", 0.3: "interrupted",
    }  # fmt: skip
    assert "not a number" in by_rate[0.5].why
    assert "division by zero" in by_rate[0.4].why
    assert advise(by_rate[0.5], {}, train_s=1, flesh_is_there=False) == [
        f"It failed: {by_rate[0.5].why}. Try `--set skeleton.learning_rate=0.2`."
    ]
    made.catalogue.claim("train", [f"train:{first}"], worker=worker_name(), now=time.time())
    assert {r.id: r.state for r in select(made)}[first] == "running"
    with pytest.raises(ParameterError, match="is being trained"):
        deleting.plan_deletion(made, [first])
    made.catalogue.let_go([f"train:{first}"], worker=worker_name())


def _interrupted(*_):
    raise KeyboardInterrupt


def test_a_failed_run_that_left_no_net_is_listed_and_is_not_taken_for_one(project, monkeypatch):
    made = tunes(project.root.parent / "p")
    monkeypatch.setattr("neuralbum.train.skeleton_task.prepare", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(made, PARAMS)
    (found,) = select(made, state="failed")
    assert found.settings["net.width"] == 16
    assert overview(made).next.startswith("neuralbum train")
    made.catalogue.close()


def test_runs_are_found_by_name_id_and_beginning_and_by_nothing_that_fits_two():
    runs = [replace(run("tiny-aa11"), name="Loud one"), run("tiny-aa22")]
    assert find_run(runs, "loud ONE")[0].id == "tiny-aa11"
    assert find_run(runs, "tiny-aa2@10") == (runs[1], 10)
    for word in ("tiny-aa", "", "other", "tiny-aa22@11", "tiny-aa22@x", "tiny-aa22@²"):
        with pytest.raises(ParameterError):
            find_run(runs, word)


@pytest.mark.parametrize(
    ("condition", "fitting"),
    [
        ("valid_bits<210", ["a"]),
        ("valid_bits>=210", ["b"]),
        ("dropout=0.3", ["a"]),
        ("dropout!=0.3", ["b"]),
        ("preset = TINY", ["a", "b"]),
        ("nothing=1", []),
    ],
)
def test_conditions_are_over_measures_settings_and_plain_values(condition, fitting):
    runs = [run("a", dropout=0.3), run("b", bits=(250.0, 220.0), dropout=0.1)]
    assert [r.id for r in runs if fits(r, condition)] == fitting


@pytest.mark.parametrize("condition", ["", "valid_bits", "valid_bits<much", "<3"])
def test_a_condition_that_makes_no_sense_is_refused(condition):
    with pytest.raises(ParameterError, match="--where"):
        fits(run("a"), condition)


def test_orders_go_both_ways_and_runs_without_the_value_come_last():
    runs = [run("b", bits=(220.0,)), replace(run("none"), measures={}), run("a")]
    assert [r.id for r in sort_runs(runs, "valid_bits")] == ["a", "b", "none"]
    assert [r.id for r in sort_runs(runs, "-valid_bits")] == ["b", "a", "none"]
    with pytest.raises(ParameterError, match="no run has it"):
        sort_runs(runs, "colour")


def test_only_settings_that_differ_tell_runs_apart_and_only_within_a_kind():
    runs = [run("a", x=1, y=1), run("b", x=1, y=2), run("c", kind="flesh", x=5)]
    assert differing(runs[:2]) == {"y": [1, 2]}
    assert told_apart(runs) == [{"y": 1}, {"y": 2}, {}]


def test_names_and_stars_are_events_that_stand_in_the_fold(copied):
    made, first = copied
    give_name(made, first, "  loud \n one ", actor="ana")
    give_star(made, ["LOUD one", f"{first}@4"], on=True, actor="ana")
    (found,) = select(made, ["loud"], starred=True)
    assert (found.name, found.starred, found.starred_steps) == ("loud one", True, (4,))
    give_star(made, [first], on=False, actor="ben")
    assert not select(made, starred=True)
    give_name(made, first, "", actor="ana")
    assert select(made)[0].name == ""
    assert not made.catalogue.judgements(), "what is said of runs is about no take"
    for name in ("a@b", "x" * 61):
        with pytest.raises(ParameterError, match="name"):
            give_name(made, first, name, actor="ana")


def test_a_name_that_is_anothers_is_refused(copied):
    made, first = copied
    train(made, replace(PARAMS, learning_rate=0.01, steps=1))
    other = next(r.id for r in select(made) if r.id != first)
    give_name(made, first, "one", actor="ana")
    for taken in ("ONE", first):
        with pytest.raises(ParameterError, match="another run"):
            give_name(made, other, taken, actor="ana")


def test_deleting_frees_what_was_said_and_leaves_nothing(copied):
    made, first = copied
    (plan,) = deleting.plan_deletion(made, [first])
    before = _bytes(made.models_dir)
    assert plan.n_bytes == before - _bytes(made.models_dir.parent / "nowhere")
    deleting.delete(made, plan)
    assert (select(made), list(made.models_dir.iterdir()), made.catalogue.curve(first)) == ([], [], {})
    assert any(a.detail.get("model") == first for a in made.catalogue.activities()), "the ledger keeps what it cost"


def test_deleting_that_was_killed_after_the_folder_went_is_ended_by_the_same_command(copied, monkeypatch):
    made, first = copied
    (plan,) = deleting.plan_deletion(made, [first])
    monkeypatch.setattr(type(made.catalogue), "remove_model", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        deleting.delete(made, plan)
    monkeypatch.undo()
    assert select(made)[0].state == "deleted"
    deleting.delete(made, *deleting.plan_deletion(made, [first]))
    assert select(made) == []


def test_takes_keep_what_they_came_from_and_it_is_said_that_they_cannot_be_made_again(copied):
    made, first = copied
    generate(made, GenerateParams(count=1, length_s=1.0))
    (plan,) = deleting.plan_deletion(made, [first])
    assert "1 takes were made by it" in plan.sentence()
    deleting.delete(made, plan)
    (left,) = select(made)
    assert (left.state, left.n_takes, left.settings["net.width"]) == ("deleted", 1, 16)
    assert made.catalogue.curve(first)


def test_one_checkpoint_goes_its_score_stays_and_the_one_that_plays_does_not_go(copied):
    made, first = copied
    (found,) = select(made)
    other = next(c.step for c in found.kept if c.step != found.step)
    (plan,) = deleting.plan_deletion(made, [f"{first}@{other}"])
    before = _bytes(made.models_dir / first / "steps")
    deleting.delete(made, plan)
    assert before - _bytes(made.models_dir / first / "steps") == plan.n_bytes > 0
    (left,) = select(made)
    assert other not in {c.step for c in left.kept}
    assert other in {c.step for c in left.checkpoints}
    assert train(made, PARAMS)[0].steps_done == 4
    with pytest.raises(ParameterError, match="that plays"):
        deleting.plan_deletion(made, [f"{first}@{found.step}"])


def test_whoever_does_not_get_the_claim_deletes_nothing(copied):
    made, first = copied
    (plan,) = deleting.plan_deletion(made, [first])
    made.catalogue.claim("train", [f"train:{first}"], worker="another", now=time.time(), lease_s=1e6)
    with pytest.raises(CatalogueError, match="another process"):
        deleting.delete(made, plan)
    assert (made.models_dir / first / "model.json").exists()


def _bytes(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


# ---- what to try next ------------------------------------------------------------

BITS = {"train_bits": [(10, 210.0), (20, 190.0)]}


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (run("a", bits=(300.0, 250.0, 200.0)), "still falling"),
        (run("a", bits=(300.0, 200.0, 230.0)), "by 15 %"),
        (run("a", bits=(300.0, 300.0, 299.9)), "far better"),
        (replace(run("a"), baselines={"valid": {"regression": 203.0}}), "least squares"),
        (run("a"), "No songs are held out"),
        (run("a"), "1.0 minutes of music"),
        (run("a"), "No flesh is trained"),
        (run("a", state="interrupted"), "goes on where it stopped"),
        (run("a", state="running"), "runs listen a"),
        (replace(run("a", state="pruned"), why="worse than the median"), "worse than the median"),
        (run("a", state="deleted"), "deleted"),
    ],
)
def test_advice_follows_from_the_curves(one, words):
    said = advise(one, BITS, train_s=60.0, flesh_is_there=False)
    assert any(words in sentence for sentence in said), said


def test_a_good_run_gets_no_warning():
    fine = replace(run("a", bits=(300.0, 200.5, 200.0)), measures={"valid_bits": 200.0, "heldout_bits": 210.0})
    assert advise(fine, {}, train_s=3600.0, flesh_is_there=True) == ["Hear it: `neuralbum generate --model a`."]


# ---- the command -------------------------------------------------------------------


def test_the_command_lists_compares_and_asks_before_it_deletes(copied, capsys, monkeypatch):
    made, first = copied
    at = ["--project", str(made.root)]
    assert command_line(["runs", *at]) == 0
    assert first in capsys.readouterr().out
    assert command_line(["runs", "show", first, *at]) == 0
    assert "learned from" in capsys.readouterr().out
    for wrong in (["runs", "compare", first], ["runs", "delete", first], ["runs", "show", "nothing"]):
        assert command_line([*wrong, *at]) == 2
    assert command_line(["runs", "--state", "odd", *at]) == 2
    assert (made.models_dir / first).exists()
    assert "asks before" in capsys.readouterr().err
    assert command_line(["runs", "delete", first, "--yes", *at]) == 0
    assert command_line(["runs", *at]) == 0
    assert "no run yet" in capsys.readouterr().out


def test_costs_are_zero_where_nothing_was_entered():
    assert Cost() == Run("a", "skeleton", "tiny", "done").cost
