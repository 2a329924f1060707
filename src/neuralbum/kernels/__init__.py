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
import shutil
from pathlib import Path
from typing import Any

import numba


def compiled_of(sources: Path) -> str:
    """The name of the folder for what these sources compile to."""
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*.py")):
        digest.update(path.read_bytes())
    return f"kernels-{digest.hexdigest()[:16]}"


def _keep_apart(sources: Path) -> None:
    """Let numba use that folder, in ``NUMBA_CACHE_DIR`` or beside the sources; there older ones go."""
    config: Any = numba.config  # settings it makes from the environment: no type checker knows their names
    name, beside = compiled_of(sources), sources / "__pycache__"
    for other in beside.glob("kernels-*"):
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)
    config.CACHE_DIR = str(Path(config.CACHE_DIR or beside) / name)


_keep_apart(Path(__file__).parent)
