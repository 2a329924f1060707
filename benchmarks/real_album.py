"""The whole chain on real music: the tracks by blkrbt from Debian's nexuiz-music, made into an album.

    python benchmarks/real_album.py [--quick] [--json] [--keep FOLDER]

Prints what the run needs to be judged by: minutes of music, training seconds,
bits per sample on the held-out song beside the two lines, seconds per stage,
peak memory. The folder (``--keep``) can be looked at and listened to afterwards.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import music
from neuralbum.cli.console import reporter
from neuralbum.demo.album import make_album
from neuralbum.project import Project
from report import Row, print_report, row

GIB = 1024**3
WORDS = {
    True: [
        "skeleton.time_s=60",
        "flesh.time_s=30",
        "demo.flesh_s=30",
        "generate.count=4",
        "generate.length_s=10",
        "demo.keep=3",
    ],
    False: [],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="train for a minute, make four short takes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", type=Path, help="make the album here and leave it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch) / "real-album"
        print_report(measure(folder, asked.quick), as_json=asked.json)


def measure(folder: Path, quick: bool) -> list[Row]:
    """Make the album and gather the rows."""
    tracks = music.tracks("blkrbt")
    result = make_album(folder, music=tracks, artist="blkrbt", words=WORDS[quick], reporter=reporter())
    project = Project.open(folder, WORDS[quick])
    trained = result.outcomes["skeleton"]
    takes = project.catalogue.takes()
    originality = project.catalogue.latest("originality")
    copied = sum(not f.values.get("original", True) for f in originality.values())
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    minutes = sum(t.duration_s for t in project.catalogue.tracks()) / 60
    total_s = sum(result.seconds.values())
    rows = [
        row("music", minutes, "min"),
        row("songs train / valid / held out", None, reason=_splits(project)),
        row("held-out bits per sample, skeleton", trained.heldout_bits, "bits"),
        row("held-out bits per sample, LPC-32 line", trained.lines["lpc"], "bits"),
        row("held-out bits per sample, histogram line", trained.lines["histogram"], "bits"),
        row("takes", float(len(takes))),
        row("takes with a copied segment", float(copied)),
        row("songs on the album", float(result.songs), "", ">= 1"),
        row("items that failed", float(result.failed), "", "<= 0"),
        row("whole album", total_s / 60, "min wall", "<= 15"),
        row("peak memory of a process", peak * 1024 / GIB, "GiB", "<= 4"),
    ]
    return rows + [row(f"seconds: {name}", seconds, "s wall") for name, seconds in result.seconds.items()]


def _splits(project: Project) -> str:
    return " / ".join(
        ", ".join(t.title for t in project.catalogue.tracks(split)) for split in ("train", "valid", "heldout")
    )


if __name__ == "__main__":
    sys.exit(main())
