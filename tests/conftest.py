"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from neuralbum.audio import apart, write_flac
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
