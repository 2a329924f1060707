"""Do takes behave as the band's songs do?

``python benchmarks/likeness.py BAND_FOLDER TAKES_FOLDER [--quick] [--json]`` measures two folders of sound files as
`neuralbum resemblance BAND TAKES` does (seed 0). The bars are those of a net trained within `make album`'s time; a
floor is what the band's songs score against one another. Without folders the procedural band plays both sides, eight
songs of a minute from two seeds: what misses its bar then (the joint share of form, whose floor lies below 60 % with so
few songs) says something of the bar, not of the takes. ``--quick`` measures eight files of a folder at most (and half
a minute a song of the procedural band).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import report
from neuralbum.demo.band import write_band
from neuralbum.resemblance.likeness.compare import Likeness
from neuralbum.resemblance.likeness.folders import judge

QUICK_FILES = 8
CLOSE_TO_FLOOR = 0.05
NAMED = ("tonality", "chroma")  #: measures whose median take shall lie within the band's quartiles


def rows_of(found: Likeness, styles: dict[str, float]) -> list[report.Row]:
    """The table's rows; measure by measure after the ones with a bar."""
    by_name = {m.name: m for m in found.measures}
    floor = f"floor {found.core.floor:.2f}"
    rows = [
        report.row("takes that run away", 100 * found.run_away.takes, "%", "<= 0 %"),
        report.row(
            "takes with a tempo as clear as the band's 10th percentile",
            100 * by_name["cut_clarity"].at_least_p10,
            "%",
            ">= 80 %",
        ),
        report.row(
            "inside the band's 5-95 %, mean over beat, tone and form",
            found.core.takes,
            "",
            f">= {found.core.floor - CLOSE_TO_FLOOR:.3f}",
            reason=floor,
        ),
        *(
            report.Row(
                f"{by_name[name].words}: median take within the band's quartiles",
                "yes" if by_name[name].median_in_quartiles else "no",
                bar="yes",
                ok=by_name[name].median_in_quartiles,
            )
            for name in NAMED
        ),
        report.row(
            "cuts with sections and repetition within the band's 10-90 %",
            100 * found.form.takes,
            "%",
            ">= 60 %",
            reason=f"floor {100 * found.form.floor:.0f} %",
        ),
        report.row("style spread, of the band's", styles.get("spread_share"), "", ">= 0.8"),
        report.row("effective styles, of the band's", styles.get("effective_styles_share"), "", ">= 0.6"),
        report.row("Fréchet distance over floor", styles.get("frechet_over_floor"), "x", "<= 1.5 x"),
    ]
    apart = found.told_apart
    interval = "" if apart is None else f"{apart.low:.2f} to {apart.high:.2f}"
    reason = interval or "too few songs or takes (4 of each are needed)"
    rows.append(report.row("two-sample AUC", apart and apart.auc, "", "<= 0.95", reason=reason))
    for m in found.measures:
        detail = f"takes {m.takes['p50']:.4g}, band {m.band['p50']:.4g} {m.unit}".rstrip()
        rows.append(report.row(f"inside: {m.words}", m.inside, "", reason=f"floor {m.floor:.2f}; medians: {detail}"))
    return rows


def some_of(folder: Path, work: Path, most: int | None) -> Path:
    """A folder of links to the first files of another; the folder itself where all are wanted."""
    if most is None:
        return folder
    some = Path(tempfile.mkdtemp(dir=work))
    for i, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())[:most]):
        (some / f"{i:03d}{path.suffix}").symlink_to(path.resolve())
    return some


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="the band's, and the takes'")
    parser.add_argument("--quick", action="store_true", help="a smaller run that still measures every row it can")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if len(options.folders) not in (0, 2):
        parser.error("name two folders, the band's and the takes', or none")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if options.folders:
            band, takes = (some_of(folder, work, QUICK_FILES if options.quick else None) for folder in options.folders)
        else:
            band, takes = work / "band", work / "takes"
            for folder, seed in ((band, 0), (takes, 5)):
                write_band(folder, seed=seed, n_songs=8, duration_s=30.0 if options.quick else 60.0)
        start = time.process_time()
        found, styles = judge(band, takes)
        spent = time.process_time() - start
    rows = [*rows_of(found, styles), report.row("CPU time", spent, "s")]
    report.print_report(rows, as_json=options.json, more={"likeness": json.loads(json.dumps(found.plain())), **styles})


if __name__ == "__main__":
    main()
