"""Real music for trials: free soundtracks from Debian's packages, kept outside of the repository.

``apt-get download`` and ``dpkg -x`` need no root. The cache lies in
``$NEURALBUM_BENCH_CACHE``, by default ``~/.cache/neuralbum-bench``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "nexuiz-music"


def cache() -> Path:
    folder = Path(os.environ.get("NEURALBUM_BENCH_CACHE", Path.home() / ".cache" / "neuralbum-bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpack_package(name: str) -> Path:
    """The unpacked tree of a Debian package; downloaded once."""
    tree = cache() / name
    if tree.exists():
        return tree
    with tempfile.TemporaryDirectory(dir=cache()) as work:
        fetched = subprocess.run(["apt-get", "download", name], cwd=work, capture_output=True, text=True)
        if fetched.returncode:
            raise SystemExit(f"cannot fetch Debian's {name} (run `apt-get update` once?): {fetched.stderr.strip()}")
        (package,) = Path(work).glob("*.deb")
        subprocess.run(["dpkg", "-x", package, f"{work}/tree"], check=True)
        os.replace(f"{work}/tree", tree)
    return tree


def nexuiz() -> Path:
    """The folder of ogg files of the game's soundtrack."""
    music = cache() / "nexuiz-ogg"
    if not music.exists():
        (pack,) = unpack_package(PACKAGE).rglob("music.pk3")
        part = music.with_suffix(".part")
        with zipfile.ZipFile(pack) as archive:
            archive.extractall(part)
        os.replace(part, music)
    return music


def tracks(artist: str) -> list[Path]:
    """The soundtrack's files whose artist tag contains ``artist`` (any case), in order of names."""
    from neuralbum.audio import probe

    found = [path for path in sorted(nexuiz().rglob("*.ogg")) if artist.lower() in probe(path).artist.lower()]
    if not found:
        raise SystemExit(f"no track by {artist!r} in {PACKAGE}")
    return found


if __name__ == "__main__":
    for path in tracks(sys.argv[1] if len(sys.argv) > 1 else "blkrbt"):
        print(path)
