"""What many workers and many takes cost: throughput, deaths, 100,000 takes, eight writers, and the article's weekend.

``python benchmarks/scale.py [--quick] [--json] [--weekend]``. The stage of the throughput rows does nothing, so what
is measured is claiming, recording and telling. Wall time is what the bars are about; processor seconds stand beside
it, as they can be trusted on a busy machine. The rows about 100,000 takes are of SQLite and of a PostgreSQL that is
started for them, with fsync off. ``--weekend`` makes one part in 50 of the article's album (70 h generated, 1000 songs
of 26 h) of the built-in band with ``neuralbum demo``, reads from its ledger what each stage cost, and adds up; with
``--quick`` one part in 1000. Seed 0.
"""

from __future__ import annotations

import importlib.util
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import catalogue as takes_of_ten_thousand
import report
from neuralbum.catalogue import Catalogue, schema
from neuralbum.catalogue.database import writing
from neuralbum.curate.params import Params as CurateParams
from neuralbum.curate.service import CurationService
from neuralbum.footprint import ledger
from neuralbum.footprint.params import Params as FootprintParams
from neuralbum.project import Project
from neuralbum.project.workers import run
from neuralbum.records import Event, Finding, canonical
from report import Row, row

ARTICLE_HOURS, ARTICLE_SONGS, SONG_HOURS = 70.0, 1000, 26.0
TAKE_S = 60.0
CORES = 2
SHARED_STAGES = ("generate", "screen", "originality", "visualise", "release")
PER_SONG = ("visualise", "release")
PAGE = 500
"""Takes that the wall shows on its largest page."""

NOTHING = """
import os
from neuralbum.project.stage import Item, Measured, run_items

def run(project, *, n_items, reporter, log="", takes=None, force=False, retry=False, shard=(1, 1)):
    def measure(item, scratch):
        if log:
            with open(log, "a") as file:
                file.write(f"{item.payload}\\n")
        return Measured({})
    items = [Item(f"take{n}", {"n": n}, n) for n in range(n_items)]
    return run_items(project, "screen", 1, (), items, measure, reporter=reporter, shard=shard)
"""
SITE = """
import sys, importlib, neuralbum.project.registry as registry
sys.modules["neuralbum.nothing"] = importlib.import_module("nothing")
registry.STAGES["nothing"] = "nothing:run"
"""


def main() -> None:
    asked = report.arguments(__doc__.splitlines()[0], weekend="one part of the article's album, added up")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if asked.weekend:
            rows = weekend(folder, 1 / 1000 if asked.quick else 1 / 50)
        else:
            rows = [*throughput(folder, 600 if asked.quick else 3000)]
            n_takes, writing_s = (10_000, 3.0) if asked.quick else (100_000, 60.0)
            large = large_project(folder / "sqlite", n_takes)
            rows += questions(large, "SQLite", n_takes)
            rows.append(eight_writers(f"sqlite:///{folder}/eight.db", "SQLite", writing_s))
            with postgres() as fresh:
                if fresh is None:
                    rows.append(Row("PostgreSQL", None, reason="no PostgreSQL server here"))
                else:
                    rows += questions(moved(large, fresh()), "PostgreSQL", n_takes)
                    rows.append(eight_writers(fresh(), "PostgreSQL", writing_s))
    report.print_report(rows, as_json=asked.json)


# ---- workers ---------------------------------------------------------------------


def throughput(folder: Path, n_items: int) -> Iterator[Row]:
    """Items a second, with the start of the workers; and what is left when half of them are killed."""
    rooms = folder / "rooms"
    rooms.mkdir()
    (rooms / "nothing.py").write_text(NOTHING)
    (rooms / "sitecustomize.py").write_text(SITE)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(rooms), *filter(None, [os.environ.get("PYTHONPATH")])])
    project = Project.create(folder / "two", artist="The Benchmarks")
    wall, cpu = timed(lambda: run(project, "nothing", workers=2, n_items=n_items))
    yield row(f"{n_items} takes, nothing to do, --workers 2", n_items / wall, "takes/s", ">= 300")
    yield row("the same, of processor time", 1000 * cpu / n_items, "CPU s per 1000")
    yield killed(folder, n_items)
    try:
        import ray
    except ImportError:
        yield Row("through Ray", None, "takes/s", ">= 200", reason="ray is not installed")
        return
    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    project = Project.create(folder / "ray", artist="The Benchmarks", tables={"cluster": {"memory_gib": 0.1}})
    run(project, "nothing", on="ray", n_items=1)  # the cluster has started its processes
    wall, _ = timed(lambda: run(project, "nothing", on="ray", workers=2, n_items=n_items))
    yield row(f"{n_items} takes, nothing to do, --on ray --workers 2", n_items / wall, "takes/s", ">= 200")
    ray.shutdown()


def killed(folder: Path, n_items: int) -> Row:
    """Two of four workers get SIGKILL while they work."""
    project, log = Project.create(folder / "four", artist="The Benchmarks"), folder / "measured"

    def kill() -> None:
        while not (log.exists() and log.stat().st_size > 4 * n_items // 3):  # some five bytes a take
            time.sleep(0.01)
        for process in active_children()[:2]:
            with suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run(project, "nothing", workers=4, n_items=n_items, log=str(log))
    killer.join()
    subjects = Counter(f.subject for f in project.catalogue.findings("screen") if f.error is None)
    fine = len(subjects) == n_items == subjects.total()
    again = len(log.read_text().splitlines()) - n_items
    what = f"findings of {n_items} takes, 2 of 4 workers killed ({again} measured again)"
    return Row(what, subjects.total(), "findings", f"= {n_items}, none lost, none twice", fine)


# ---- a large catalogue -----------------------------------------------------------


def large_project(folder: Path, n_takes: int) -> Project:
    """As in benchmarks/catalogue.py, with a finding of the screen and a verdict for each take."""
    takes_of_ten_thousand.N_TAKES = n_takes
    folder.mkdir()
    project = takes_of_ten_thousand.make_project(folder)
    ids = list(project.catalogue.take_paths())
    values = {"caption": "loud, dense", "loudness_lufs": -12.0, "score": 0.5, "flags": [], "tempo": None}
    findings = [
        {**plain(Finding(f"k{n}", "screen", 2, i, {}, {}, {**values, "score": n / n_takes}, created_at=2.0))}
        for n, i in enumerate(ids)
    ]
    events = [
        {**asdict(Event(f"event-{n}", float(n), "ana", "verdict", i, {"value": "keep"})), "id": n + 1}
        for n, i in enumerate(ids[: n_takes // 2])
    ]
    with writing(project.catalogue.engine) as connection:
        connection.execute(schema.finding.insert(), findings)
        connection.execute(schema.event.insert(), events)
    return project


def plain(finding: Finding) -> dict[str, Any]:
    return {name: canonical(value) for name, value in asdict(finding).items()}


def moved(project: Project, url: str) -> Project:
    """The same project with its rows in another database."""
    there = Catalogue.open(url)
    for table in schema.metadata.sorted_tables:
        with project.catalogue.engine.connect() as source:
            rows = [dict(found) for found in source.execute(table.select()).mappings()]
        if rows:
            with writing(there.engine) as connection:
                connection.execute(table.insert(), rows)
    there.close()
    with open(project.root / "neuralbum.toml", encoding="utf-8") as file:
        text = file.read().replace("[project]\n", f'[project]\ndatabase = "{url}"\n', 1)
    (project.root / "neuralbum.toml").write_text(text, encoding="utf-8")
    return Project.open(project.root)


def questions(project: Project, kind: str, n_takes: int) -> Iterator[Row]:
    """What a user waits for: each command a process of its own."""
    where, name = ["--project", str(project.root)], f"{n_takes} takes, {kind}"
    command = ["generate", "--count", str(n_takes), *where]
    subprocess.run([sys.executable, "-m", "neuralbum", *command], check=True, capture_output=True)  # notes its plan
    yield from both(f"{name}: status", ["-m", "neuralbum", "status", *where], 1.0)
    yield from both(f"{name}: generate, nothing to do", ["-m", "neuralbum", *command], 2.0)
    catalogue, began = project.catalogue, time.time()
    walls = [
        timed(lambda n=n: catalogue.claim("new", [f"c{n}-{i}" for i in range(16)], worker="bench", now=began))[0]
        for n in range(9)
    ]
    yield row(f"{name}: a claim of 16", 1000 * sorted(walls)[4], "ms", "< 50")
    service = CurationService(project, CurateParams())
    first, _ = timed(lambda: service.takes.all())
    ids = list(service.takes.all())[:PAGE]
    takes = service.takes.all()
    view = service.view("ana")
    view.rows(ids[:1])
    walls = [timed(lambda: service.view("ana").rows(ids))[0] for _ in range(5)]
    yield row(f"{name}: the first look at them", first, "s")
    yield row(f"{name}: {PAGE} rows of the wall", 1000 * sorted(walls)[2], "ms", "< 100")
    service.close()
    catalogue.close()
    assert len(takes) == n_takes


def both(name: str, words: list[str], bar: float) -> Iterator[Row]:
    """Wall and processor time of a command; the best of three."""
    found = []
    for _ in range(3):
        before = children_cpu()
        wall, _ = timed(lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True))
        found.append((wall, children_cpu() - before))
    yield row(name, min(wall for wall, _ in found), "s", f"< {bar:g}")
    yield row(f"{name}, of processor time", min(cpu for _, cpu in found), "CPU s")


# ---- eight writers ---------------------------------------------------------------


def eight_writers(url: str, kind: str, seconds: float) -> Row:
    """Claims, findings and events from eight processes for a while."""
    Catalogue.open(url).close()
    context = get_context("spawn")
    said: Any = context.Queue()
    writers = [context.Process(target=write, args=(url, n, seconds, said)) for n in range(8)]
    for writer in writers:
        writer.start()
    told = [said.get() for _ in writers]
    for writer in writers:
        writer.join()
    errors = [error for _, errors in told for error in errors]
    n_written = sum(n for n, _ in told)
    catalogue = Catalogue.open(url)
    lost = n_written - len(catalogue.briefs()) - len(catalogue.events())
    catalogue.close()
    name = f"8 processes write for {seconds:g} s, {kind} ({n_written} rows, {lost} lost)"
    return Row(name, len(errors), "errors", "= 0", not errors and not lost, "; ".join(errors[:2]))


def write(url: str, number: int, seconds: float, said: Any) -> None:
    catalogue, errors, n = Catalogue.open(url), [], 0
    worker, end = f"w{number}", time.monotonic() + seconds
    try:
        for turn in range(10**9):
            keys = [f"{turn // 8}-{i}" for i in range(8)]  # all eight want the same ones
            for key in catalogue.claim("screen", keys, worker=worker, now=time.time(), wait=False):
                catalogue.start(key, now=time.time())
                catalogue.record(Finding(key, "screen", 1, key, {}, {}, {"by": number}, created_at=time.time()))
                n += 1
            n += catalogue.say([Event(f"{worker}-{turn}", time.time(), worker, "tag", "t", {"tag": "x"})])
            if time.monotonic() > end:
                break
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
    catalogue.close()
    said.put((n, errors))


@contextmanager
def postgres() -> Iterator[Callable[[], str] | None]:
    """The server that the tests start, too."""
    spec = importlib.util.spec_from_file_location("tests_conftest", Path(__file__).parent.parent / "tests/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        with module.postgres_serving() as fresh:
            yield fresh
    except LookupError:
        yield None


# ---- the weekend -----------------------------------------------------------------


def weekend(folder: Path, share: float) -> list[Row]:
    """A part of the article's album, made here."""
    n_takes, n_songs = math.ceil(ARTICLE_HOURS * 3600 * share / TAKE_S), max(1, math.ceil(ARTICLE_SONGS * share))
    words = [f"demo.takes={n_takes}", f"demo.take_s={TAKE_S}", f"demo.keep={n_songs}", f"demo.workers={CORES}"]
    command = ["demo", str(folder / "album"), *(part for word in words for part in ("--set", word))]
    subprocess.run([sys.executable, "-m", "neuralbum", *command], check=True, capture_output=True)
    return list(added_up(Project.open(folder / "album")))


def added_up(project: Project) -> Iterator[Row]:
    """Each stage's processor time in a finished project, by its ledger, times what the article's album has more."""
    catalogue = project.catalogue
    takes, songs = catalogue.takes(), {song.take_id for song in catalogue.songs()}
    hours = sum(take.duration_s for take in takes) / 3600
    song_hours = sum(take.duration_s for take in takes if take.id in songs) / 3600
    spent: dict[str, float] = defaultdict(float)
    for activity in catalogue.activities():
        spent[activity.stage] += activity.cpu_s
    total = 0.0
    for stage in SHARED_STAGES:
        of, whole, what = (song_hours, SONG_HOURS, "songs") if stage in PER_SONG else (hours, ARTICLE_HOURS, "takes")
        each = spent[stage] / of
        total += each * whole
        yield row(f"{stage}: an hour of {what}, by {of * 60:.1f} min of them", each / 60, "CPU min")
        yield row(f"{stage}: the album's {whole:g} h", each * whole / 3600, "CPU h")
    once = sum(seconds for stage, seconds in spent.items() if stage not in SHARED_STAGES)
    yield row("once, whatever the length: corpus, training, titles, report", once / 3600, "CPU h")
    yield row(f"the weekend on {CORES} cores", total / CORES / 3600, "h", "<= 24")
    kwh = [ledger.kwh(watts, total) for watts in FootprintParams().core_watts]
    yield Row("energy of the cores: low, best, high", " … ".join(f"{e:.3f}" for e in kwh), "kWh")


# ---- time ------------------------------------------------------------------------


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor seconds, children's included."""
    wall, cpu = time.monotonic(), time.process_time() + children_cpu()
    work()
    return time.monotonic() - wall, time.process_time() + children_cpu() - cpu


if __name__ == "__main__":
    main()
