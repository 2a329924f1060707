"""What does a sweep cost, does it lose trials, and does a net that learns by heart get caught?

``python benchmarks/sweep.py [--quick] [--json]`` on the built-in band (seed 0; 12 songs of 150 s, quick: 6 of 40):

* a sweep of 20 trials of the ``tiny`` preset with two workers (``--quick``: 4 of ``debug``): wall minutes, and the
  overhead beside training: CPU seconds in which nothing is trained, of all;
* a sweep of 20 trials that train nothing is killed with SIGKILL four times: trials lost, trials done twice;
* one more training with the copy check at its default: what share of its CPU seconds goes into the check;
* a net that is to memorise (no dropout, no noise, no augmentation, ten times the steps) is searched as always:
  caught or not, and is the checkpoint that it offers clean, by 32 fresh clips?
* the settings that the sweep found, and the defaults, on a band the sweep did not see (seed 7), three seeds each:
  likeness of 16 clips. Left out of ``--quick``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import report
from neuralbum.demo.band import write_songs
from neuralbum.project import Project, workers
from neuralbum.project.registry import stage
from neuralbum.train import SkeletonParams, SweepParams, checkpoint, clip_check, train
from neuralbum.train.clip_check import COPIED, LIKENESS, ClipCheck, is_copying, rose_at
from neuralbum.train.sweep import Settings, apply, best, open_study, rows

SEEDS = (0, 1, 2)
UNSEEN_BAND = 7
KILLS = (9, 40, 58, 83)
"""Commits after which a sweep dies; lease_s is half a second."""
MEMORISING = {"dropout": 0.0, "transposed": 0, "noise": 0.0, "own_steps": 0.0, "patience": 1.0}


def band(folder: Path, quick: bool, *, seed: int = 0, project_seed: int = 0, **tables: dict[str, Any]) -> Project:
    """A project with the built-in band's songs."""
    n_songs, song_s = (6, 40.0) if quick else (12, 150.0)
    preset = "debug" if quick else "tiny"
    made = Project.create(
        folder, artist="the band", seed=project_seed, lease_s=0.5,
        tables={"corpus": {"min_minutes": 0.1}, "skeleton": {"preset": preset}, **tables},
    )  # fmt: skip
    list(write_songs(folder / "songs", seed=seed, n_songs=n_songs, duration_s=song_s))
    stage("add")(made, [folder / "songs"])
    return made


def sweep_rows(made: Project, quick: bool) -> list[report.Row]:
    n = 4 if quick else 20
    made.tables["sweep"] = {"trials": n, "clips": 4 if quick else 12}
    began, before = time.monotonic(), os.times()
    workers.run(made, "sweep", workers=2)
    wall_s, after = time.monotonic() - began, os.times()
    cpu_s = sum(after[:4]) - sum(before[:4])
    found = rows(made, made.params("sweep", SweepParams))
    training_s = sum(row.measures["training_s"] for row in found)
    reason = (
        "the smallest net and a short band" if quick else f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    )
    return [
        report.row("trials done", len(found), "", f">= {n}"),
        report.row("20 trials of tiny, two workers", None if quick else wall_s / 60, "min", "<= 30 min", reason=reason),
        report.row("CPU time beside training", 100 * (1 - training_s / cpu_s), "%", "" if quick else "<= 3 %",
                   reason="clips measured at the end of each trial, starting workers, Optuna"),
    ]  # fmt: skip


KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from neuralbum.project import Project
from neuralbum.train import SweepParams
from neuralbum.train.sweep import run

root, deadly, commits = sys.argv[1], int(sys.argv[2]), [0]

@event.listens_for(Engine, "commit")
def committed(connection):
    commits[0] += 1
    if commits[0] == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

def work(project, settings, behind):
    likeness = settings.values["dropout"]
    return {"model": "", "step": 0, "track": [], "likeness": likeness, "copied": 0.0, "likelihood": 1.0}

run(Project.open(root), SweepParams(trials=20), objective=work)
"""


def killed_rows(made: Project) -> list[report.Row]:
    """Processes that die after a commit of the database, wherever that is; then one that does not."""
    kills = [subprocess.run([sys.executable, "-c", KILLED, str(made.root), str(n)]).returncode for n in KILLS]
    subprocess.run([sys.executable, "-c", KILLED, str(made.root), "0"], check=True)
    params = SweepParams(trials=20)
    trials = [t.user_attrs["number"] for t in open_study(made, params).get_trials()]
    lost = 20 - len(rows(made, params))
    n_kills = sum(code == -signal.SIGKILL for code in kills)
    return [
        report.row("trials lost", lost, "", "<= 0", reason=f"killed {n_kills} times"),
        report.row("trials done twice", len(trials) - len(set(trials)), "", "<= 0"),
    ]


def check_rows(made: Project, quick: bool) -> list[report.Row]:
    """A training with the check at its default, its seconds counted."""
    spent, plain = [0.0], clip_check.CheckPlan.run

    def counted(self: Any, *words: Any, **more: Any) -> dict[str, float]:
        begun = time.process_time()
        measures = plain(self, *words, **more)
        spent[0] += time.process_time() - begun
        return measures

    clip_check.CheckPlan.run = counted  # type: ignore[method-assign]
    try:
        # Settings that no trial had, so that it is trained anew.
        params = replace(made.params("skeleton", SkeletonParams), dropout=0.31)
        trained = train(made, params)[0]
    finally:
        clip_check.CheckPlan.run = plain  # type: ignore[method-assign]
    about = checkpoint.read_about(made.models_dir / trained.model_id)
    n = sum(COPIED in c.measures for c in about.history)
    share = 100 * spent[0] / trained.cpu_s
    return [
        report.row("copy check, of a training's CPU time", share, "%", "<= 5 %", reason=f"{n} checkpoints searched")
    ]


def memorising_rows(made: Project, quick: bool) -> list[report.Row]:
    steps = 400 if quick else 3000
    params = replace(
        made.params("skeleton", SkeletonParams), steps=steps, check_share=0.3, keep=64, **MEMORISING
    )  # fmt: skip
    trained = train(made, params)[0]
    folder = made.models_dir / trained.model_id
    about = checkpoint.read_about(folder)
    rose = rose_at(about.history)
    seen = ", ".join(f"{c.step}: {c.measures[COPIED]:.0f}" for c in about.history if COPIED in c.measures)
    model, _ = checkpoint.open_model(folder)
    check = ClipCheck(clip_corpus(made), 0)
    fresh = check.measure(model, checkpoint.open_renderer(folder), range(1000, 1032), likeness=True)
    bar = "" if quick else "yes"
    return [
        report.Row("a net that memorises is caught", "no" if rose is None else "yes", bar=bar,
                   ok=None if quick else rose is not None, reason=f"copied s/h by step: {seen}"),
        report.Row("the checkpoint that it offers copies no more than the band", "no" if is_copying(fresh) else "yes",
                   bar="yes", ok=not is_copying(fresh),
                   reason=f"step {about.step}: {fresh[COPIED]:.0f} s/h, band {fresh['quoted_s_per_hour']:.0f}, "
                          f"likeness {fresh.get(LIKENESS, 0.0):.2f}"),
    ]  # fmt: skip


def clip_corpus(made: Project) -> Any:
    from neuralbum.corpus.prepared import open_corpus

    return open_corpus(made)


def unseen_rows(made: Project, work: Path) -> list[report.Row]:
    """Defaults and what the sweep chose, on another band."""
    params = made.params("sweep", SweepParams)
    chosen = best(rows(made, params))
    assert chosen is not None
    apply(made, chosen, params)
    likeness: dict[str, list[float]] = {"default": [], "swept": []}
    for seed in SEEDS:
        other = band(work / f"unseen-{seed}", False, seed=UNSEEN_BAND, project_seed=seed)
        default = other.params("skeleton", SkeletonParams)
        swept = Settings(chosen.number, chosen.settings, params.steps)
        check = ClipCheck(clip_corpus(other), seed)
        for name, settings, warmth in (
            ("default", default, 1.0),
            ("swept", swept.skeleton(default), swept.temperature),
        ):
            trained = train(other, settings, reuse=True)[0]
            folder = other.models_dir / trained.model_id
            model, _ = checkpoint.open_model(folder)
            measures = check.measure(
                model, checkpoint.open_renderer(folder), range(16), likeness=True, temperature=warmth
            )  # fmt: skip
            likeness[name].append(measures[LIKENESS])
    plain, ours = (mean(likeness[name]) for name in ("default", "swept"))
    reason = "; ".join(f"{name} {', '.join(f'{x:.2f}' for x in values)}" for name, values in likeness.items())
    return [
        report.row(
            "likeness of the swept settings over the defaults, unseen band", ours - plain, "", "> 0", reason=reason
        )
    ]


def main() -> None:
    options = report.arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as name:
        made = band(Path(name) / "band", options.quick)
        found = sweep_rows(made, options.quick)
        found += killed_rows(made)
        found += check_rows(made, options.quick)
        found += memorising_rows(made, options.quick)
        if options.quick:
            found.append(report.row("likeness of the swept settings over the defaults, unseen band", None, "", "> 0",
                                    reason="six trainings: not in --quick"))  # fmt: skip
        else:
            found += unseen_rows(made, Path(name))
    report.print_report(found, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
