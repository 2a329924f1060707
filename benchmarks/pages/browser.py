"""A real Chromium without a window, and the CPU that it takes."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--autoplay-policy=no-user-gesture-required", "--enable-precise-memory-info"),
]


def launch(playwright: Any) -> Any:
    """Debian's Chromium, else playwright's own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


def cpu_s() -> float:
    """CPU seconds of all of Chromium and of our server, below this process."""
    parents: dict[int, int] = {}
    times: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                command = (entry / "cmdline").read_bytes()
                if b"chrom" in command or b"\0neuralbum\0curate" in command:
                    times[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_ours(pid: int) -> bool:
        while pid > 1:
            if pid == os.getpid():
                return True
            pid = parents.get(pid, 0)
        return False

    return sum(t for pid, t in times.items() if is_ours(pid))
