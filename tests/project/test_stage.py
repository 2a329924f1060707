"""The loop every stage shares: skips, resumes, keeps failures, leaves no half files."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass

import pytest

from neuralbum.catalogue import worker_name
from neuralbum.errors import AudioError, CatalogueError, ParameterError
from neuralbum.project import Project, part_of, stage
from neuralbum.project.stage import Item, Measured, alone, run_items, sweep_parts
from neuralbum.settings import setting


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
    assert project.catalogue.living(now=0.0) == set()
    assert run(project, how=lambda item, desk: Measured({})).done == 5


@pytest.mark.parametrize("n_shards", [1, 3, 10, 12])
def test_shards_share_all_items_without_overlap(project, n_shards):
    outcomes = [run(project, how=lambda item, desk: Measured({}), shard=(i, n_shards)) for i in range(1, n_shards + 1)]
    assert sum(o.done for o in outcomes) == 10
    assert sum(o.skipped for o in outcomes) == 0


def test_a_shard_outside_of_its_count_is_refused(project):
    with pytest.raises(ParameterError, match="shard 4/3"):
        run(project, shard=(4, 3))


def test_force_among_several_processes_of_one_run_measures_each_item_once(project, monkeypatch):
    run(project, how=lambda item, desk: Measured({"number": 0}))
    monkeypatch.setattr(stage, "_began", time.time())
    first = run(project, how=lambda item, desk: Measured({"number": 1}), shard=(1, 2), force=True)
    second = run(project, how=lambda item, desk: Measured({"number": 2}), force=True)
    assert (first.done, second.done, second.skipped) == (5, 5, 5)
    numbers = [f.values["number"] for f in project.catalogue.latest("screen").values()]
    assert sorted(numbers) == [1] * 5 + [2] * 5


def test_retry_among_several_processes_of_one_run_tries_each_failure_once(project, monkeypatch):
    run(project)
    monkeypatch.setattr(stage, "_began", time.time())
    assert run(project, retry=True).failed == 2
    again = run(project, retry=True, how=lambda *_: pytest.fail("tried twice in one run"))
    assert (again.failed, again.failed_before) == (0, 2)


def part_by(worker, folder, name="take0.1234abcd"):
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.{worker}.part.flac"
    part.write_text("half")
    return part


def test_parts_of_the_dead_go_and_parts_of_the_living_stay(project):
    folder = project.artefacts_dir / "screen"
    catalogue = project.catalogue
    catalogue.claim("screen", ["theirs"], worker="living", now=time.time())
    living, dead, own = part_by("living", folder), part_by("dead", folder), part_by(worker_name(), folder)
    desk = folder / "take1.1234abcd.dead.part"
    desk.mkdir()
    (desk / "thumbnail.webp").write_text("half")
    sweep_parts(project, folder)
    assert [path.exists() for path in (living, dead, own, desk)] == [True, False, True, False]
    catalogue.let_go(["theirs"], worker="living")
    run(project)
    assert not living.exists()


def test_two_workers_over_one_item_have_a_desk_each(project):
    """A worker that lost its lease goes on writing; whoever took over must not find its files gone."""
    seen = []

    def measured(item, desk):
        seen.append(desk.file("note.txt"))
        desk.file("note.txt").write_text("mine")
        return Measured({}, {"note": desk.file("note.txt")})

    run(project, items=ITEMS[:1], how=measured)
    assert f".{worker_name()}.part" in str(seen[0])


def test_work_for_one_process_at_a_time_is_refused_to_a_second_one_and_free_afterwards(project):
    other = Project.open(project.root)
    second = alone(other, "corpus", "corpus", "adding music")
    with alone(project, "corpus", "corpus", "adding music"), pytest.raises(CatalogueError, match="is adding music"):
        second.__enter__()
    with alone(other, "corpus", "corpus", "adding music"):
        pass
    other.catalogue.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_ends_the_run_and_is_no_items_fault(project, number):
    def measured(item, desk):
        raise OSError(number, "no room")

    with pytest.raises(OSError, match="no room"):
        run(project, how=measured)
    assert project.catalogue.findings("screen") == []
    assert run(project).done == 8


def test_a_part_is_named_after_its_worker_and_fits_on_the_disk(tmp_path):
    assert part_of(tmp_path / "a.flac").name == f"a.{worker_name()}.part.flac"
    long = tmp_path / ("ü" * 124 + ".flac")
    part_of(long).write_text("")
    assert part_of(long) != part_of(tmp_path / ("ü" * 123 + "u.flac"))


def test_the_time_spent_stands_in_the_ledger_with_its_failures(project):
    run(project)
    (row,) = project.catalogue.activities()
    assert (row.stage, row.n_done, row.n_failed, row.device) == ("screen", 8, 2, "cpu")
    assert row.cpu_s > 0


def test_nan_cannot_be_stored_by_accident(project):
    outcome = run(project, items=ITEMS[:1], how=lambda item, desk: Measured({"level": float("nan")}))
    assert outcome.failed == 1
    assert "nan cannot be stored" in outcome.errors[0][1]
