"""The only home of numba: inner loops, each beside the plain NumPy twin it must agree with.

A kernel takes and gives arrays, allocates its output once, and says in its
docstring how much faster than its twin it was measured. Import the module you
need; this package imports none of them.

What numba compiled is kept for all kernels as they are now: kernels contain one another, and numba looks at the one
file a function stands in, so that after an update it would go on with an old one inside.
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
    """Let numba keep it in that folder, in ``NUMBA_CACHE_DIR`` or beside the sources, and drop older ones."""
    config: Any = numba.config  # settings it makes from the environment: no type checker knows their names
    kept = Path(config.CACHE_DIR or sources / "__pycache__") / compiled_of(sources)
    for other in kept.parent.glob("kernels-*"):
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)
    config.CACHE_DIR = str(kept)


_keep_apart(Path(__file__).parent)
