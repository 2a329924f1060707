"""The radio from outside, for a while, with faults: is there always sound, and how much of it is new?

``python benchmarks/radio_soak.py [--minutes 30] [--faults] [--project FOLDER] [--quick] [--json]``. A project
without a folder is made: the built-in band, a skeleton trained for 20 s. ``neuralbum radio`` runs in processes of its
own, as a user starts it. Fifty listeners fetch the stream over loopback as a player does: three segments are awaited,
then sound has to be there when it is due. One of them decodes everything it gets. Nothing is asked of the radio about
itself but the pids, the live share and the memory of its processes.

Faults, spread over the time: the maker is stopped (SIGSTOP, as long as a sixth of the run, at most 150 s), killed; the
encoder is killed, stopped until the radio notices; the disk is filled for ten seconds (as root, on a small file
system of its own). A drop-out is a run of samples under −80 dB re full scale longer than 10 ms, in sound that was loud
100 ms before.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from neuralbum.audio.loudness import LoudnessMeter
from neuralbum.radio.params import RATE
from neuralbum.radio.playlist import FILE, Segment, parse
from report import Row, print_report, row

CACHE = Path.home() / ".cache" / "neuralbum-bench" / "radio"
N_LISTENERS = 50
AWAITED = 3  #: segments a player holds before it begins
DROP_OUT_S, QUIET = 0.010, 10 ** (-80 / 20)
SMALL_DISK_MB = 400
DEATH_S = 1.0  #: a drop-out so near to the place where the encoder was started anew is the encoder's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="one minute, ten listeners")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--faults", action="store_true", help="break things on the way")
    parser.add_argument("--project", type=Path, help="a project with a model and some takes")
    options = parser.parse_args()
    seconds, n = (60.0, 10) if options.quick else (60 * options.minutes, N_LISTENERS)
    project = options.project or small_project()
    with small_disk(project / "artefacts" / "radio", wanted=options.faults) as disk, on_air(project) as radio:
        radio.wait_for_sound()
        rows = soak(radio, seconds, n, disk if options.faults else None, faults=options.faults)
    print_report(rows, as_json=options.json)


def small_project() -> Path:
    """The built-in band, a net trained for a moment, two takes for the archive; kept for the next time."""
    folder = CACHE / "project"
    if not list(folder.glob("takes/*.flac")):
        shutil.rmtree(folder, ignore_errors=True)
        words = ["demo", str(folder), "--set", "demo.songs=6", "--set", "demo.song_s=60", "--set", "demo.train_s=20"]
        more = ["--set", "demo.flesh_s=0", "--set", "demo.takes=4", "--set", "demo.take_s=30", "--set", "demo.keep=3"]
        subprocess.run([sys.executable, "-m", "neuralbum", *words, *more], check=True, stdout=subprocess.DEVNULL)
    return folder


@contextlib.contextmanager
def small_disk(folder: Path, *, wanted: bool) -> Iterator[Path | None]:
    """A small file system for what the radio writes; None where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", str(folder)]
    try:
        if not wanted or subprocess.run(mount, capture_output=True).returncode:
            yield None
            return
    except FileNotFoundError:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


class Radio:
    """The program as a user starts it."""

    def __init__(self, project: Path) -> None:
        self.folder = project / "artefacts" / "radio"
        command = [sys.executable, "-m", "neuralbum", "radio", "-p", str(project), "--port", "0", "--json"]
        self.process = subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, text=True)
        text = ""
        while True:
            text += self.process.stdout.readline()  # type: ignore[union-attr]
            if self.process.poll() is not None:
                raise SystemExit("the radio did not start")
            with contextlib.suppress(ValueError):
                self.port = int(json.loads(text)["links"][0]["url"].rstrip("/").rpartition(":")[2])
                break

    def get(self, path: str, link: http.client.HTTPConnection | None = None) -> tuple[int, bytes]:
        own = link or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        own.request("GET", path)
        answer = own.getresponse()
        data = answer.read()
        if link is None:
            own.close()
        return answer.status, data

    def health(self) -> dict[str, Any]:
        """Patiently: fifty listeners and a busy machine may be before us."""
        for _ in range(20):
            with contextlib.suppress(OSError, http.client.HTTPException):
                return dict(json.loads(self.get("/health")[1]))
            time.sleep(0.5)
        raise SystemExit("the radio does not answer")

    def pid(self, name: str) -> int | None:
        return self.health()["processes"][name]["pid"]  # type: ignore[no-any-return]

    def wait_for_sound(self) -> None:
        end = time.monotonic() + 300
        while self.get(f"/{FILE}")[0] != 200:
            if time.monotonic() > end:
                raise SystemExit("no sound after five minutes")
            time.sleep(0.5)


@contextlib.contextmanager
def on_air(project: Path) -> Iterator[Radio]:
    radio = Radio(project)
    try:
        yield radio
    finally:
        radio.process.terminate()
        radio.process.wait(60)


class Listener(threading.Thread):
    """A player without a loudspeaker: fetches, and notes when sound was due and not there."""

    def __init__(self, radio: Radio, heard: Callable[[Segment, bytes], None] | None = None) -> None:
        super().__init__(daemon=True)
        self.radio, self.heard = radio, heard
        self.over = threading.Event()
        self.stalls: list[float] = []  #: seconds without sound
        self.missed = 0  #: segments that were gone
        self.lags: list[tuple[float, float]] = []  #: (when it came, how long after its last sample was due)
        self.n_segments = 0

    def run(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.radio.port, timeout=10)
        last: int | None = None
        n_held, due = 0, 0.0  # due: when what is held will have been played
        while not self.over.wait(0.25 if self.heard else 0.8):
            try:
                status, text = self.radio.get(f"/{FILE}", link)
                listed = parse(text.decode())[0] if status == 200 else []
                for one in [s for s in listed if last is None or s.number > last][-AWAITED if last is None else 0 :]:
                    status, data = self.radio.get(f"/{one.name}", link)
                    now = time.monotonic()
                    self.missed += (one.number - last - 1 if last is not None else 0) + (status != 200)
                    last = one.number
                    self.n_segments += 1
                    n_held += 1
                    if n_held == AWAITED:
                        due = now + AWAITED * one.duration_s
                    elif n_held > AWAITED:
                        if now > due:
                            self.stalls.append(now - due)
                            due = now
                        due += one.duration_s
                    if one is listed[-1]:
                        self.lags.append((now, time.time() - one.end_at))
                    if self.heard:
                        self.heard(one, data)
            except (OSError, http.client.HTTPException, ValueError):
                link.close()
                link = http.client.HTTPConnection("127.0.0.1", self.radio.port, timeout=10)


class Ear:
    """Decodes all it is given with one decoder, as a player does, and looks for holes."""

    def __init__(self) -> None:
        import av

        self._decoder = av.CodecContext.create("aac", "r")
        self.meter = LoudnessMeter(RATE, 2)
        self.n_samples = self.discontinuities = 0
        self.breaks: list[float] = []  #: seconds at which the encoder was new
        self.holes: list[tuple[float, float]] = []  #: (begin, length) in s
        self.sums = np.zeros(2)
        self._quiet = 0
        self._loud_at = float("-inf")
        self.first = True

    def __call__(self, one: Segment, data: bytes) -> None:
        if one.discontinuity and not self.first:
            self.discontinuities += 1
            self.breaks.append(self.n_samples / RATE)
        for packet in self._decoder.parse(data[10 + data[9] :]):
            for frame in self._decoder.decode(packet):  # type: ignore[attr-defined]
                if self.first:  # a decoder's first frame has no predecessor
                    self.first = False
                    continue
                self._hear(frame.to_ndarray())

    def _hear(self, sound: np.ndarray[Any, Any]) -> None:
        self.meter.feed(sound)
        self.sums += sound.sum(axis=1, dtype=np.float64)
        peak = np.abs(sound).max(axis=0)
        for quiet, run in _runs(peak < QUIET):
            at = self.n_samples + run[0]
            if quiet:
                self._quiet += run[1] - run[0]
                continue
            self._close_hole(at)
        if peak.max() > 0.01:
            self._loud_at = self.n_samples / RATE
        self.n_samples += sound.shape[1]

    def _close_hole(self, end: int) -> None:
        length = self._quiet / RATE
        if length > DROP_OUT_S and end / RATE - length - self._loud_at < 0.1:
            self.holes.append((end / RATE - length, length))
        self._quiet = 0


def _runs(flags: np.ndarray[Any, Any]) -> Iterator[tuple[bool, tuple[int, int]]]:
    edges = np.flatnonzero(np.diff(flags.astype(np.int8))) + 1
    bounds = [0, *edges.tolist(), len(flags)]
    for a, b in pairwise(bounds):
        yield bool(flags[a]), (a, b)


def break_things(radio: Radio, seconds: float, disk: Path | None, done: list[str], over: threading.Event) -> None:
    """The faults, one after the other."""

    def signal_to(name: str, number: int) -> int | None:
        pid = radio.pid(name)
        if pid is not None:
            os.kill(pid, number)
            done.append(f"{name} {signal.Signals(number).name}")
        return pid

    over.wait(0.15 * seconds)
    stopped = signal_to("maker", signal.SIGSTOP)
    over.wait(min(150.0, seconds / 6))
    if stopped is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)
    over.wait(0.05 * seconds)
    signal_to("encoder", signal.SIGKILL)
    over.wait(0.1 * seconds)
    signal_to("maker", signal.SIGKILL)
    over.wait(0.05 * seconds)
    signal_to("encoder", signal.SIGSTOP)  # its queue fills until the radio notices
    over.wait(0.15 * seconds)
    if disk is not None:
        filler = disk / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while not over.is_set():
                file.write(bytes(1 << 16))
        done.append("disk full")
        over.wait(10.0)
        filler.unlink(missing_ok=True)
    over.wait(0.1 * seconds)
    signal_to("encoder", signal.SIGKILL)


def rss_mb(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):  # gone, or a zombie, which has no memory
            text = Path(f"/proc/{pid}/status").read_text()
            total += float(text.partition("VmRSS:")[2].split()[0]) / 1024
    return total


def cpu_s(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def soak(radio: Radio, seconds: float, n: int, disk: Path | None, *, faults: bool) -> list[Row]:
    ear, over, done = Ear(), threading.Event(), []  # type: ignore[var-annotated]
    listeners = [Listener(radio, ear), *(Listener(radio) for _ in range(n - 1))]
    breaker = threading.Thread(target=break_things, args=(radio, seconds, disk, done, over), daemon=True)
    memory, stored, began = [], 0.0, time.monotonic()
    used: dict[int, float] = {}
    first_cpu: dict[int, float] = {}
    for listener in listeners:
        listener.start()
    if faults:
        breaker.start()
    while time.monotonic() - began < seconds:
        time.sleep(min(5.0, seconds / 20))
        health = radio.health()
        pids = [radio.process.pid, *(p["pid"] for p in health["processes"].values() if p["pid"])]
        for pid in pids:
            first_cpu.setdefault(pid, 0.0 if memory else cpu_s(pid))
            used[pid] = max(used.get(pid, 0.0), cpu_s(pid) - first_cpu[pid])
        memory.append(rss_mb(pids))
        files = [p for p in radio.folder.rglob("*") if p.is_file() and p.name != "filler"]
        stored = max(stored, sum(p.stat().st_size for p in files if p.exists()) / 1e6)
    over.set()
    health = radio.health()
    for listener in listeners:
        listener.over.set()
    for listener in listeners:
        listener.join(15)
    wall = time.monotonic() - began
    deaths = health["processes"]["encoder"]["deaths"]
    outside = [h for h in ear.holes if all(abs(h[0] - at) > DEATH_S for at in ear.breaks)]
    stalls = [s for one in listeners for s in one.stalls]
    lines = [line for path in (radio.folder / "log").glob("*.jsonl") for line in path.read_text().splitlines()]
    restarts = [r for r in map(json.loads, lines) if r["event"] == "restart"]
    thirds = np.array_split(np.array(memory), 3)
    heard = ear.meter.result()
    longest = max([0.0, *stalls, *(length for _, length in ear.holes), health["longest_silence_s"]])
    lags = listeners[0].lags or [(began, float("nan"))]
    early = [lag for at, lag in lags if at < lags[0][0] + 60.0]
    late = [lag for at, lag in lags if at > lags[-1][0] - 60.0]
    growth = 100 * (statistics.median(thirds[2]) / statistics.median(thirds[1]) - 1)
    return [
        row("sound heard", ear.n_samples / RATE, "s", f">= {0.9 * seconds - 20:.0f}"),
        row("faults made", len(done), reason=", ".join(done)),
        row("drop-outs > 10 ms outside of encoder deaths", len(outside), "", "<= 0"),
        row("discontinuities per encoder death", ear.discontinuities / max(deaths, 1), f"of {deaths}", "<= 1"),
        row("restarts", len(restarts), reason="; ".join(f"{r['process']}: {r['why']}" for r in restarts)),
        row("segments missed by any listener", sum(one.missed for one in listeners), "", "<= 0"),
        row(f"listeners of {n} without a stall", sum(not one.stalls for one in listeners), "", f">= {n}"),
        row("longest dead air", longest, "s", "<= 5"),
        row("drift of the clock", 1000 * abs(min(late) - min(early)), "ms", "< 50"),
        row("memory, last third against the second", growth, "%", "<= 5"),
        row("memory at most", max(memory), "MB"),
        row("disk at most", stored, "MB"),
        row("live share", 100 * (health["live_share"] or 0.0), "%", ">= 95"),
        row("loudness", heard.integrated_lufs, "LUFS", reason="asked for: -16"),
        row("true peak after AAC", heard.true_peak_db, "dBTP"),
        row("DC", float(np.abs(ear.sums / max(ear.n_samples, 1)).max()), "", "< 0.001"),
        row("processor, all processes", sum(used.values()) / wall, "cores"),
    ]


if __name__ == "__main__":
    main()
