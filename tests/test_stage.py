"""The loop every stage shares: skips, resumes, keeps failures, leaves no half files."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from neuralbum.errors import AudioError, ParameterError
from neuralbum.settings import setting
from neuralbum.stage import Item, Measured, run_items, verb


@dataclass(frozen=True)
class Params:
    level: float = setting(1.0, "a number to multiply with")


ITEMS = [Item(f"take{n}", {"audio": f"sha{n}"}, payload=n) for n in range(10)]


def measure(item, desk):
    if item.payload == 3:
        raise AudioError("take3: 0 samples")
    if item.payload == 4:
        raise KeyError("surprise")
    path = desk.file("note.txt")
    path.write_text(item.subject)
    return Measured({"number": item.payload}, {"note": path})


def run(project, items=ITEMS, params=Params(), version=1, how=measure, **options):
    return run_items(project, "screen", version, params, items, how, **options)


def test_failures_are_findings_and_the_rest_goes_on(project):
    outcome = run(project)
    assert (outcome.done, outcome.failed) == (8, 2)
    assert not outcome.ok
    errors = {f.subject: f.error for f in project.catalogue.findings("screen") if f.error}
    assert errors["take3"] == "take3: 0 samples"
    assert errors["take4"].startswith("KeyError: 'surprise' (test_stage.py:")


def test_a_second_run_does_nothing_and_still_tells_of_failures(project):
    run(project)
    outcome = run(project, how=lambda *_: pytest.fail("measured twice"))
    assert (outcome.done, outcome.skipped, outcome.failed, outcome.failed_before) == (0, 8, 0, 2)
    assert not outcome.ok


def test_retry_tries_failures_again_and_nothing_else(project):
    run(project)
    outcome = run(project, how=lambda item, desk: Measured({"number": item.payload}), retry=True)
    assert (outcome.done, outcome.skipped) == (2, 8)
    assert project.catalogue.counts()["screen"] == {"done": 10, "failed": 0}


def test_force_measures_all_again_without_doubling(project):
    run(project)
    outcome = run(project, how=lambda item, desk: Measured({"number": -1}), force=True)
    assert outcome.done == 10
    assert len(project.catalogue.findings("screen")) == 10
    assert {f.values["number"] for f in project.catalogue.latest("screen").values()} == {-1}


def test_other_params_or_another_version_make_a_finding_beside_the_old(project):
    run(project)
    run(project, params=Params(level=2.0), how=lambda item, desk: Measured({}))
    run(project, version=2, how=lambda item, desk: Measured({}))
    assert len(project.catalogue.findings("screen")) == 30


def test_files_are_named_after_subject_and_key_and_no_part_is_left(project):
    run(project)
    folder = project.artefacts_dir / "screen"
    finding = project.catalogue.latest("screen")["take0"]
    assert finding.files == {"note": f"artefacts/screen/take0.{finding.key[:8]}.note.txt"}
    assert (project.root / finding.files["note"]).read_text() == "take0"
    assert not [p for p in folder.iterdir() if ".part" in p.name]


def test_a_failure_takes_away_what_a_killed_run_left_whole(project, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt  # after the files have their names, before the row

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(project.catalogue), "record", killed)
        run(project)
    folder = project.artefacts_dir / "screen"
    assert [p.name.split(".")[0] for p in folder.iterdir()] == ["take0"]

    def strange(item, desk):
        raise ValueError("strange")

    assert run(project, how=strange).failed == 10
    assert not list(folder.iterdir())


def test_an_interrupted_run_leaves_nothing_locked(project):
    def interrupted(item, desk):
        if item.payload == 5:
            raise KeyboardInterrupt
        return Measured({})

    with pytest.raises(KeyboardInterrupt):
        run(project, how=interrupted)
    assert project.catalogue.claim("screen", ["anything"], worker="x:1:1", now=0.0) == ["anything"]
    assert run(project, how=lambda item, desk: Measured({})).done == 5


@pytest.mark.parametrize("n_shards", [1, 3, 10, 12])
def test_shards_share_all_items_without_overlap(project, n_shards):
    outcomes = [run(project, how=lambda item, desk: Measured({}), shard=(i, n_shards)) for i in range(1, n_shards + 1)]
    assert sum(o.done for o in outcomes) == 10
    assert sum(o.skipped for o in outcomes) == 0


def test_a_shard_outside_of_its_count_is_refused(project):
    with pytest.raises(ParameterError, match="shard 4/3"):
        run(project, shard=(4, 3))


def test_the_time_spent_stands_in_the_ledger_with_its_failures(project):
    run(project)
    (row,) = project.catalogue.activities()
    assert (row.stage, row.n_done, row.n_failed, row.device) == ("screen", 8, 2, "cpu")
    assert row.cpu_s > 0


def test_nan_cannot_be_stored_by_accident(project):
    outcome = run(project, items=ITEMS[:1], how=lambda item, desk: Measured({"level": float("nan")}))
    assert outcome.failed == 1
    assert "nan cannot be stored" in outcome.errors[0][1]


def test_a_verb_is_found_by_its_room(project):
    from neuralbum import cluster

    assert verb("cluster") is cluster.run
