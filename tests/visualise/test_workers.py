"""Two workers draw a project's songs: killed with SIGKILL, run again, and with a song that kills whoever draws it."""

import os
import signal
import subprocess
import sys

from .sounds import band

SITE = """
import os, signal
from neuralbum.project import stage

plain, begun = stage._one, 0

def _one(project, name, version, params, key, item, measure):
    global begun
    begun += 1
    if begun == 2 and "KILL_ALL" in os.environ:  # the first song is recorded, the second claimed and begun
        os.killpg(0, signal.SIGKILL)
    if item.subject == os.environ.get("DEADLY") and measure is not stage._deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(project, name, version, params, key, item, measure)

stage._one = _one
"""
N = 4


def visualise(project, site, **said):
    """The command, in a session of its own, with two workers."""
    words = ["visualise", "--all", "--workers", "2", "--size", "128x96", "--preset", "ultrafast", "--fps", "10"]
    quick = ["--set", "visualise.gif=false", "--set", "visualise.hover=false"]
    return subprocess.run(
        [sys.executable, "-m", "neuralbum", *words, "-p", str(project.root), *quick],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]), **said},
        start_new_session=True,
        capture_output=True,
        text=True,
    )


def test_a_killed_run_with_workers_is_finished_by_the_next_which_sets_a_deadly_song_aside(project, add_take, tmp_path):
    takes = [add_take(band(0.5, 16000) * (i + 1) / N, number=i) for i in range(N)]
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE)

    assert visualise(project, site, KILL_ALL="1").returncode == -signal.SIGKILL
    before = {f.subject: f for f in project.catalogue.findings("visualise")}
    assert 1 <= len(before) < N

    deadly = next(t.id for t in takes if t.id not in before)
    done = visualise(project, site, DEADLY=deadly)
    assert done.returncode == 1, done.stderr
    findings = project.catalogue.findings("visualise")
    assert sorted(f.subject for f in findings) == sorted(t.id for t in takes)  # each once
    after = {f.subject: f for f in findings}
    assert all(after[subject] == finding for subject, finding in before.items())  # nothing was drawn again
    errors = {subject: f.error for subject, f in after.items() if f.error}
    assert list(errors) == [deadly]
    assert "2 workers died over it" in errors[deadly]
    named = {path for f in findings for path in f.files.values()}
    folder = project.artefacts_dir / "visualise"
    assert named == {p.relative_to(project.root).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert len(named) == 3 * (N - 1)
