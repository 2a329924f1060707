"""The only home of numba: inner loops, each beside the plain NumPy twin it must agree with.

A kernel takes and gives arrays, allocates its output once, and says in its
docstring how much faster than its twin it was measured. Import the module you
need; this package imports none of them.

What numba has compiled is kept in a folder that belongs to all sources together. Kernels contain one another, and
numba by itself looks only at the file a function stands in: after an update it would go on with old ones inside
new ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numba


def compiled_of(sources: Path) -> str:
    """The name of the folder for what these sources compile to."""
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*.py")):
        digest.update(path.read_bytes())
    return f"kernels-{digest.hexdigest()[:16]}"


def kept_in() -> tuple[Path | None, bool]:
    """Where what is compiled is kept, and whether it is still there for the next process."""
    config: Any = numba.config
    return (Path(config.CACHE_DIR), not _brief) if config.CACHE_DIR else (None, False)


def _keep_apart(sources: Path) -> tempfile.TemporaryDirectory[str] | None:
    """Let numba use that folder: in ``NUMBA_CACHE_DIR``, else beside the sources (older ones go there), else in the
    user's cache. Where none of these can be written, in one that ends with the process, which is returned."""
    config: Any = numba.config  # settings it makes from the environment: no type checker knows their names
    name, beside = compiled_of(sources), sources / "__pycache__"
    places = [beside, _cache_of_user() / "neuralbum"]
    if config.CACHE_DIR:
        places.insert(0, Path(config.CACHE_DIR))
    for place in places:
        if _can_hold(place / name):
            if place == beside:
                for other in beside.glob("kernels-*"):
                    if other.name != name:
                        shutil.rmtree(other, ignore_errors=True)
            config.CACHE_DIR = str(place / name)
            return None
    brief = tempfile.TemporaryDirectory(prefix="neuralbum-kernels-", ignore_cleanup_errors=True)
    config.CACHE_DIR = brief.name
    return brief


def _cache_of_user() -> Path:
    """XDG's cache folder; a home that does not exist gives one that cannot be made."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))


def _can_hold(folder: Path) -> bool:
    """Whether files can be written there; makes the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


_brief = _keep_apart(Path(__file__).parent)
