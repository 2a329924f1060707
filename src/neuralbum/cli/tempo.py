"""``neuralbum tempo FILE…``: the tempo as a spectrum and an octave family, never one bare number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import print_json, print_table
from .options import JsonOption
from .screen import each_file

if TYPE_CHECKING:
    from ..screen.tempo import Tempo, TempoSpectrum


def command(
    files: Annotated[list[Path], typer.Argument(help="Sound files of any format.")],
    parts: Annotated[bool, typer.Option("--parts", help="Also every 10 seconds.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the tempo of files: base and family, peaks, clarity; 0 means nothing repeats.

    Example: neuralbum tempo song.flac --parts
    """
    from ..audio import apart
    from ..audio.tempogram import BPM
    from ..screen import tempo
    from ..screen.analysis import analyse

    def measure(path: Path) -> Tempo:
        heard = analyse(apart.blocks(path), name=str(path))
        return tempo.measure(heard.onset, heard.frame_rate)

    results: list[dict[str, object]] = []
    rows: list[tuple[object, ...]] = []
    for path, found, error in each_file(files, "tempo", measure, json):
        if found is None:
            results.append({"file": str(path), "error": error})
            continue
        results.append(
            {
                "file": str(path),
                **found.song.plain(),
                "spectrum": [round(float(x), 4) for x in found.song.spectrum],
                "parts": [{"start_s": s, "end_s": round(e, 2), **part.plain()} for s, e, part in found.parts],
            }
        )
        rows.append((path.name, *_cells(found.song)))
        if parts:
            rows += [(f"  {s:.0f}–{e:.0f} s", *_cells(part)) for s, e, part in found.parts]
    if json:
        print_json({"bpm": [round(float(b), 3) for b in BPM], "files": results})
    elif rows:
        print_table(("file", "base BPM", "clarity", "peaks (strength)", "family"), rows)
    raise typer.Exit(1 if any("error" in one for one in results) else 0)


def _cells(found: TempoSpectrum) -> tuple[str, str, str, str]:
    peaks = "  ".join(f"{p.bpm:.1f} ({p.strength:.2f})" for p in found.peaks)
    family = "  ".join(f"{r.relation} {r.bpm:.0f}" for r in found.family if r.strength >= 0.05)
    return (f"{found.base_bpm:.1f}" if found.base_bpm else "none", f"{found.clarity:.2f}", peaks, family)
