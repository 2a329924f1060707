"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from neuralbum.audio import apart, write_flac
from neuralbum.catalogue import Catalogue
from neuralbum.progress import Silent
from neuralbum.project import Project
from neuralbum.project.stage import file_digest
from neuralbum.records import Recipe, Take

# One profile for the whole suite: no test may depend on how fast, or how busy, the machine is.
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("any machine")


def pytest_addoption(parser):
    parser.addoption(
        "--kills", type=int, default=0, help="how often tests/test_crash.py kills each stage; 0: a few times"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where CI is set, a test that skips itself fails: nothing may go untested there for want of a tool."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI is set: {call.excinfo.value if call.excinfo else report.longrepr}"
    return report


@pytest.fixture
def project(tmp_path):
    """An empty project in a fresh folder."""
    made = Project.create(tmp_path / "album", artist="The Test Band", phrase="fake feelings", seed=7)
    yield made
    made.catalogue.close()


def _server_binary(name):
    found = shutil.which(name)
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(installed[-1]) if installed else None)


@contextmanager
def postgres_serving():
    """A PostgreSQL server in a fresh folder, on a Unix socket only; a function that makes an empty catalogue's URL.

    LookupError says why there can be none; benchmarks/scale.py uses this too.
    """
    try:
        import psycopg
    except ImportError as cause:
        raise LookupError("psycopg is not installed: pip install 'neuralbum[postgres]'") from cause
    initdb, control = _server_binary("initdb"), _server_binary("pg_ctl")
    if initdb is None or control is None:
        raise LookupError("no PostgreSQL server here: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:  # a socket's path must be short
        who = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            who = {"user": 65534, "group": 65534, "extra_groups": []}
            os.chown(folder, 65534, 65534)
        data, plain = f"{folder}/data", {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": folder}
        quiet = {"capture_output": True, "text": True, "env": plain}
        made = subprocess.run([initdb, "-D", data, "-U", "team", "-A", "trust", "-E", "UTF8"], **who, **quiet)
        if made.returncode:
            raise LookupError(f"initdb does not work here: {made.stderr.strip()[-200:]}")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        command = [control, "-D", data, "-o", options, "-w", "-t", "60", "-l", f"{folder}/log", "start"]
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": plain}
        if subprocess.run(command, **who, **nowhere).returncode:
            raise LookupError(f"the PostgreSQL server does not start here: {Path(folder, 'log').read_text()[-200:]}")

        def fresh():
            name = f"t{uuid.uuid4().hex}"
            with psycopg.connect(f"host={folder} user=team dbname=postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
            return f"postgresql://team@/{name}?host={folder}"

        try:
            subprocess.run([_server_binary("createdb"), "-h", folder, "-U", "team", "migrated"], check=True, **quiet)
            Catalogue.open(f"postgresql://team@/migrated?host={folder}").close()  # what every test begins with
            yield fresh
        finally:
            subprocess.run([control, "-D", data, "-m", "immediate", "stop"], **who, **quiet)


@pytest.fixture(scope="session")
def postgres_server():
    try:
        with postgres_serving() as fresh:
            yield fresh
    except LookupError as why:
        pytest.skip(str(why))


@pytest.fixture
def postgres(postgres_server):
    """The URL of an empty PostgreSQL catalogue."""
    return postgres_server()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request, tmp_path):
    """The URL of an empty catalogue, once of each kind."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path}/catalogue.db"


class Counting(Silent):
    """A reporter that adds up what was announced, ``total``, and what was done of it, ``done``."""

    def begin(self, label, total, unit):
        self.total, self.done = total, 0.0

    def advance(self, amount=1.0, note=""):
        self.done += amount


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
def encode():
    """A function that writes (channels, n_samples) with any of FFmpeg's encoders and returns the path."""

    def write(path, audio, sample_rate, codec, *, layout="stereo", container=None, **options):
        import av

        with av.open(str(path), "w", format=container, options=options) as file:
            stream = file.add_stream(codec, rate=sample_rate, layout=layout)
            stream.bit_rate = 64_000 * len(audio)
            context = stream.codec_context
            resampler = av.AudioResampler(
                format=context.format.name, layout=layout, rate=sample_rate, frame_size=context.frame_size or 1024
            )
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(audio.T, dtype=np.float32).reshape(1, -1), format="flt", layout=layout
            )
            frame.sample_rate = sample_rate
            for ready in [*resampler.resample(frame), *resampler.resample(None)]:
                ready.pts = None
                file.mux(stream.encode(ready))
            file.mux(stream.encode(None))
        return path

    return write


CRASHING = """
import os, signal, sys
def crash(event, words):
    if event == "open" and str(words[0]).endswith("crash.flac"):
        os.kill(os.getpid(), signal.SIGSEGV)
sys.addaudithook(crash)
"""


@pytest.fixture
def crashing_decoder(tmp_path, monkeypatch):
    """Children die of the signal a decoder would die of when they open a file whose name ends in crash.flac."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(CRASHING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hook"))
    apart.close()
    yield
    apart.close()


@pytest.fixture
def add_take(project):
    """A function that puts a sound into the project as a take and returns it."""

    def add(audio, *, sample_rate=16_000, number=0, temperature=1.0):
        audio = np.atleast_2d(np.asarray(audio, dtype=np.float32))
        recipe = Recipe(
            model_id="test-model",
            model_digest="0" * 20,
            step=100,
            seed=7,
            number=number,
            temperature=((0.0, temperature),),
            n_samples=audio.shape[1],
            sample_rate=sample_rate,
            engine="test 1",
        )
        path = project.takes_dir / f"{recipe.take_id}.flac"
        path.parent.mkdir(exist_ok=True)
        write_flac(path, audio, sample_rate)
        take = Take(
            id=recipe.take_id,
            recipe=recipe,
            path=project.relative(path),
            sha256=file_digest(path),
            sample_rate=sample_rate,
            channels=audio.shape[0],
            n_samples=audio.shape[1],
            created_at=1_700_000_000.0 + number,
        )
        project.catalogue.add_take(take)
        return take

    return add


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args, playwright):
    """Debian's Chromium where it exists, else Playwright's own; one browser for every test of a process."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.skip("no Chromium here: apt-get install chromium, or playwright install chromium")
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
    ]
    return {**browser_type_launch_args, "executable_path": path, "args": flags}
