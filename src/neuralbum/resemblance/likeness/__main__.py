"""``python -m neuralbum.resemblance.likeness BAND_FOLDER TAKES_FOLDER [--json]``."""

from __future__ import annotations

from .loose import main

raise SystemExit(main())
