"""The whole radio as a process: in a real browser, killed, stopped, refused."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from neuralbum.cli.run import run
from neuralbum.project import Project
from neuralbum.radio.playlist import FILE, parse
from neuralbum.radio.server import STATIC
from tests.generate.makers import write_small_model

from .makers import noise, spooled

PATIENCE_S = 90.0
SETTINGS = [
    "--set",
    "radio.length_s=20",
    "--set",
    "radio.low_s=30",
    "--set",
    "radio.high_s=60",
    "--set",
    "radio.segment_s=1",
]
"""One thread of work at a time, and little of it."""


class Running:
    """``neuralbum radio`` of a project, in a process of its own."""

    def __init__(self, project, *words):
        command = [sys.executable, "-m", "neuralbum", "radio", "-p", str(project.root), "--port", "0", "--json"]
        self.process = subprocess.Popen(
            [*command, "--unchecked", *SETTINGS, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        text = ""
        while "}\n" not in text or text.count("{") != text.count("}"):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            text += line
        self.links = json.loads(text)["links"]
        self.url = self.links[0]["url"].rstrip("/")
        self.stream = project.artefacts_dir / "radio" / "stream"

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:  # /health is 503 while nothing leaves
            return json.load(refusal)

    def segments(self):
        try:
            return parse((self.stream / FILE).read_text())[0]
        except FileNotFoundError:
            return []

    def until(self, done):
        end, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while not (found := done()):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < end, self.get("/health")
            pause.wait(0.1)
        return found

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out + err


@pytest.fixture
def station(project, add_take):
    """A project with a model, two takes, and live ones in the spool: so that nobody waits for the net."""
    write_small_model(project)
    for n in range(2):
        add_take(noise(12.0, n), number=n)
    for n in range(4):
        spooled(project.artefacts_dir / "radio" / "spool", n, seconds=20.0)
    return project


@pytest.fixture
def radio(station):
    started = []

    def start(*words):
        started.append(Running(station, *words))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()
            one.process.communicate()


@pytest.fixture(scope="session")
def with_hls():
    """hls.js beside the page; skips where it cannot be brought."""
    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("hatch_build", root / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        module.bring_hls(root)
    except module.BuildError as why:
        pytest.skip(f"hls.js cannot be brought here: {why}")


@pytest.mark.browser
def test_a_browser_hears_sound_and_sees_the_picture_move(radio, with_hls, browser, station):
    running = radio()
    running.until(lambda: len(running.segments()) >= 3)
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(running.url)
    picture = "() => document.getElementById('picture').toDataURL()"
    before = page.evaluate(picture)
    assert page.evaluate("() => radio.level()") == 0
    page.click("#play")
    page.wait_for_function("() => radio.level() > 0.02", timeout=PATIENCE_S * 1000)
    seen = {before, page.evaluate(picture)}
    page.wait_for_function("() => radio.audio.currentTime > 1 + (window.from ??= radio.audio.currentTime)")
    seen.add(page.evaluate(picture))
    assert len(seen) == 3
    assert page.text_content("#title").startswith("Take ")
    assert "unchecked" in page.text_content("#checked")
    assert "live" in page.text_content("#source")
    page.click("#keep")
    page.wait_for_function("() => document.getElementById('said').textContent.startsWith('kept a take')")
    page.click("#next")
    page.wait_for_function(
        "() => document.getElementById('said').textContent.includes('ready') || "
        "document.getElementById('said').textContent.includes('next one')"
    )
    page.click("#play")
    page.wait_for_function("() => radio.audio.paused")
    page.close()
    assert errors == []
    assert len(station.catalogue.takes()) == 3
    assert running.stop()[0] == 0


def test_stopped_or_killed_it_goes_on_with_the_next_segment(radio):
    running = radio()
    running.until(lambda: len(running.segments()) >= 3)
    code, said = running.stop()
    assert code == 0
    assert "Traceback" not in said
    last = running.segments()[-1]
    again = radio()
    again.until(lambda: again.segments()[-1].number > last.number)
    newer = again.segments()
    assert [one.number for one in newer] == list(range(newer[0].number, newer[0].number + len(newer)))
    assert sum(one.discontinuity for one in newer) == 1
    pids = [one["pid"] for one in again.get("/health")["processes"].values()]
    again.process.kill()
    again.process.wait()
    end, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end, "a killed radio leaves no process behind"
        pause.wait(0.1)
    last = again.segments()[-1]
    third = radio()
    third.until(lambda: third.segments()[-1].number > last.number)
    assert third.stop(signal.SIGINT)[0] == 0


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_second_radio_of_the_same_project_is_refused(radio, station, capsys):
    radio()
    assert run(["radio", "-p", str(station.root), "--port", "0", "--unchecked", "--no-browser"]) == 1
    assert "on already" in capsys.readouterr().err


def test_what_is_missing_is_said_at_once(project, station, capsys, tmp_path):
    empty = Project.create(tmp_path / "empty", artist="x")
    assert run(["radio", "-p", str(empty.root), "--unchecked"]) == 1
    assert "neuralbum train" in capsys.readouterr().err
    assert run(["radio", "-p", str(station.root)]) == 1
    assert "neuralbum add" in capsys.readouterr().err
    assert run(["radio", "-p", str(station.root), "--unchecked", "--rtmp", "rtmp://host/app"]) == 2
    assert "NEURALBUM_RTMP_KEY" in capsys.readouterr().err


def test_the_page_asks_nobody_else_and_holds_nothing_inline():
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    for name in ("index.html", "radio.js", "radio.css"):
        assert "http" not in (STATIC / name).read_text(encoding="utf-8").replace("http-equiv", "")
    assert "style=" not in index
    assert "<script>" not in index
    assert " on" not in index.replace(" on one band", "")


def test_the_lock_file_pins_hls_js():
    lock = json.loads((STATIC.parent / "web" / "package-lock.json").read_text())
    package = lock["packages"]["node_modules/hls.js"]
    assert package["license"] == "Apache-2.0"
    assert "integrity" in package
    assert "resolved" not in package
