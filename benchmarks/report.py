"""The one form of every benchmark: rows with a value, a unit, a bar and whether it was reached.

``python benchmarks/NAME.py [--quick] [--json]`` prints a table, or one object
``{"machine": …, "rows": [{"name", "value", "unit", "bar", "ok", "reason"}]}``.
``ok`` is None where the bar could not be measured here; ``reason`` says why.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    name: str
    value: float | int | str | None
    unit: str = ""
    bar: str = ""  #: as text, such as ">= 10 x"
    ok: bool | None = None
    reason: str = ""


def row(name: str, value: float | None, unit: str = "", bar: str = "", *, reason: str = "") -> Row:
    """A row whose ``ok`` follows from a bar that starts with >=, <=, > or <; None without a value."""
    return Row(name, value, unit, bar, _reached(value, bar), reason)


def _reached(value: float | None, bar: str) -> bool | None:
    words = bar.replace(",", "").split()
    if value is None or len(words) < 2 or words[0] not in {">=", "<=", ">", "<"}:
        return None
    limit = float(words[1].rstrip("x%"))
    return {">=": value >= limit, "<=": value <= limit, ">": value > limit, "<": value < limit}[words[0]]


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), model)
    except OSError:
        pass
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def arguments(about: str, **flags: str) -> argparse.Namespace:
    """The two flags every benchmark has, and its own: name -> what it is for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="a smaller run that still measures every row it can")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for name, purpose in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=purpose)
    return parser.parse_args()


def print_report(rows: Iterable[Row], *, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print the rows, as a table or as JSON."""
    rows = list(rows)
    if as_json:
        print(json.dumps({"machine": machine(), "rows": [asdict(r) for r in rows], **(more or {})}, indent=2))
        return
    print(" · ".join(f"{key} {value}" for key, value in machine().items()))
    marks = {True: "ok", False: "MISSED", None: "-"}
    for r in rows:
        value = f"{r.value:.4g}" if isinstance(r.value, float) else str(r.value)
        print(f"{r.name:<58} {value:>12} {r.unit:<12} {r.bar:<22} {marks[r.ok]:<7} {r.reason}")


def peak_mib(code: str, *words: str) -> float | None:
    """Peak resident memory of a fresh process that runs ``code`` with ``sys.argv[1:] = words``; None without /proc.

    Not ``ru_maxrss``: that starts with what the parent held.
    """
    if not Path("/proc/self/status").exists():
        return None
    code = f"import sys\n{code}\nprint(next(w for w in open('/proc/self/status') if w.startswith('VmHWM')))"
    done = subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-2]) / 1024


def cpu_seconds(work: Callable[[], object], *, repeats: int = 3, warm_up: bool = True) -> float:
    """Median CPU seconds (user + system, this process) of calling ``work``."""
    if warm_up:
        work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def side_by_side(plain: Callable[[], object], fast: Callable[[], object], *, repeats: int = 3) -> tuple[float, float]:
    """Median CPU seconds of two ways to do the same, taken in turns after a warm-up."""
    plain()
    fast()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(repeats):
        theirs.append(cpu_seconds(plain, repeats=1, warm_up=False))
        ours.append(cpu_seconds(fast, repeats=1, warm_up=False))
    return statistics.median(theirs), statistics.median(ours)
