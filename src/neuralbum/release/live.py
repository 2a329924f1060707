"""The picture drawn live: a song's levels as a script that a page may load even from a file.

A page opened with file:// cannot fetch, but it can load scripts. So the levels
``visualise`` wrote (the song's ``arrays``) are packed with zlib, written as
base64 into a call of ``neuralbumLive``, and unpacked by the browser
(DecompressionStream); ``visualise``'s own live.js draws them.
"""

from __future__ import annotations

import base64
import json
import zlib
from importlib import resources
from pathlib import Path

PLAYER = "assets/live.js"


def live_script(slug: str, levels: Path) -> bytes:
    """The script of one song."""
    packed = base64.b64encode(zlib.compress(levels.read_bytes(), 6)).decode("ascii")
    return f"neuralbumLive({json.dumps(slug)},{json.dumps(packed)});\n".encode("ascii")


def player_script() -> bytes | None:
    """The script that draws, as ``visualise`` ships it; None where it is not there."""
    script = resources.files("neuralbum").joinpath("visualise", "live.js")
    return script.read_bytes() if script.is_file() else None
