"""Look whether this machine and this project can do the work; say what to do where not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import NeuralbumError, in_one_line
from . import Project

GIB = 1024**3
ENOUGH_DISK = 5 * GIB
PROBE_TIMEOUT_S = 120

LIBRARIES = ("torch", "numba", "numpy", "scipy", "soundfile", "soxr", "av", "sqlalchemy")
EXTRAS = {
    "postgres": "psycopg",
    "cluster": "ray",
    "store": "s3fs",
    "provenance": "c2pa-python",
    "services": "httpx",
}
ENCODERS = {"libx264": "MP4 videos", "libopus": "Opus", "libmp3lame": "MP3", "aac": "sound in MP4", "gif": "GIF"}


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``ok`` None: optional and absent."""

    name: str
    ok: bool | None
    found: str
    advice: str = ""


def examine(project_folder: Path | None = None) -> list[Check]:
    """Look at Python, libraries, accelerator, codecs, disk, extras and, if given, a project."""
    checks = [_python(), *map(_library, LIBRARIES), _machine(), _accelerator(), _disk(project_folder or Path.cwd())]
    checks.append(_cache())
    checks += _codecs()
    checks += [_extra(extra, package) for extra, package in EXTRAS.items()]
    if project_folder is not None:
        checks.append(_project(project_folder))
    return checks


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok, platform.python_version(), "" if ok else "neuralbum needs Python 3.11 or newer")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _library(package: str) -> Check:
    version = _version(package)
    return Check(package, version is not None, version or "missing", "" if version else f"pip install {package}")


def _extra(extra: str, package: str) -> Check:
    version = _version(package)
    advice = "" if version else f"optional: pip install 'neuralbum[{extra}]'"
    return Check(f"extra {extra}", True if version else None, version or "not installed", advice)


def _machine() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GIB:.0f} GiB memory"
    return Check("machine", True, f"{platform.system()} {platform.machine()}, {cores} cores{memory}")


def _accelerator() -> Check:
    """Ask torch in a process of its own: importing it here would cost everyone seconds."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return Check("GPU", None, "torch did not answer", "is the machine very busy?")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Check("GPU", False, f"torch cannot be imported: {last}", "install torch again")
    name = done.stdout.strip()
    return Check("GPU", True if name else None, name or "none", "" if name else "training and generation use the CPU")


def _disk(folder: Path) -> Check:
    folder = next(f for f in (folder.resolve(), *folder.resolve().parents) if f.exists())
    free = shutil.disk_usage(folder).free
    advice = "" if free >= ENOUGH_DISK else "an hour of takes needs about 0.2 GiB, 1000 songs with videos some 30 GiB"
    return Check("disk", free >= ENOUGH_DISK, f"{free / GIB:.1f} GiB free in {folder}", advice)


def _cache() -> Check:
    """Where compiled kernels are kept; without a place for them every start compiles again."""
    from ..kernels import kept_in

    folder, lasting = kept_in()
    advice = "" if lasting else "compiled anew in every process: set NUMBA_CACHE_DIR to a folder you may write to"
    return Check("compiled kernels", True if lasting else None, str(folder or "nowhere"), advice)


def _codecs() -> list[Check]:
    try:
        from av.codec import codecs_available
    except ImportError as cause:
        return [Check("codecs", False, f"PyAV cannot be imported: {cause}", "pip install av")]
    return [
        Check(f"encoder {name}", name in codecs_available, use, "" if name in codecs_available else f"no {use}")
        for name, use in ENCODERS.items()
    ]


def _project(folder: Path) -> Check:
    try:
        project = Project.open(folder)
        n_takes = len(project.catalogue.take_paths())
    except (NeuralbumError, OSError) as error:
        return Check("project", False, in_one_line(error))
    if not os.access(folder, os.W_OK):
        found = f"{folder}: {len(project.catalogue.tracks())} tracks, {n_takes} takes, can only be read"
        return Check("project", None, found, "status, why and export work; for the rest make it writable")
    return Check("project", True, f"{folder}: {len(project.catalogue.tracks())} tracks, {n_takes} takes")
