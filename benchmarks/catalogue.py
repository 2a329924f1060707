"""What an album of 10,000 takes costs whoever only asks: status, and generate with nothing to do.

Each command is a process of its own; its processor time counts, with the start of the interpreter.
A debug net is trained for a step on the built-in band; the takes are rows and empty files. Seed 0.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import report
from neuralbum.catalogue import schema
from neuralbum.catalogue.database import writing
from neuralbum.demo.band import write_band
from neuralbum.generate import GenerateParams, plan
from neuralbum.generate.opening import open_band
from neuralbum.project import Project, registry
from neuralbum.records import Take, canonical

N_TAKES = 10_000


def main() -> None:
    asked = report.arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        command = ["generate", "--count", str(N_TAKES), "--project", str(project.root)]
        start = cpu_of(["-c", "pass"])
        first = cpu_of(["-m", "neuralbum", *command])
        rows = [
            report.row("generate, nothing to do, first time", first, "CPU s"),
            report.row("generate, nothing to do", least(["-m", "neuralbum", *command]), "CPU s", "<= 2"),
            report.row("status", least(["-m", "neuralbum", "status", "--project", str(project.root)]), "CPU s", "<= 1"),
            report.row("start of the interpreter, in each of them", start, "CPU s"),
        ]
    report.print_report(rows, as_json=asked.json)


def make_project(folder: Path) -> Project:
    tables = {"skeleton": {"preset": "debug", "steps": 1, "transposed": 0}, "corpus": {"min_minutes": 0.1}}
    project = Project.create(folder / "album", artist="The Benchmarks", tables=tables)
    registry.stage("add")(project, write_band(folder / "band", n_songs=3, duration_s=24.0))
    registry.stage("train")(project, what="skeleton")
    planned = plan(0, GenerateParams(count=N_TAKES), open_band(project))
    project.takes_dir.mkdir()
    rows = []
    for recipe in planned.recipes:
        path = project.takes_dir / f"{recipe.take_id}.flac"
        path.touch()
        take = Take(
            recipe.take_id, recipe, project.relative(path), "0" * 64, recipe.sample_rate, 2, recipe.n_samples,
            created_at=1.0,
        )  # fmt: skip
        rows.append(asdict(take) | {"recipe": canonical(recipe), "events": []})
    with writing(project.catalogue.engine) as connection:
        connection.execute(schema.take.insert(), rows)
    project.catalogue.close()
    return project


def cpu_of(words: list[str]) -> float:
    """Processor seconds of a Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(words: list[str], times: int = 3) -> float:
    return min(cpu_of(words) for _ in range(times))


if __name__ == "__main__":
    main()
