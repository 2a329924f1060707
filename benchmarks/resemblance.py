"""Does the comparison tell two bands apart, and one band from itself?

Two bands of one genre (electronic game music), a minute of each track at 16 kHz. *Apart*: band against band, over the
floor of halves of one band. *Itself*: the tracks' first half minutes against their second ones. *Collapsed*: one track
copied eight times. With musicnn's wheel named in $MUSICNN_WHEEL the trained embedding is measured too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import soundfile

import music
import report
from neuralbum import audio
from neuralbum.resemblance import mfcc, musicnn
from neuralbum.resemblance.compare import compare
from neuralbum.resemblance.params import Params
from neuralbum.resemblance.portrait import Embed, Portrait, draw

RATE = 16_000
START_S, LENGTH_S = 30.0, 60.0
SEED = 3


def excerpt(path: Path) -> np.ndarray:
    """A minute of a track, mono at RATE."""
    rate = soundfile.info(path).samplerate
    sound, _ = soundfile.read(
        path, start=round(START_S * rate), frames=round(LENGTH_S * rate), dtype="float32", always_2d=True
    )
    return audio.resample(sound.mean(axis=1)[None], rate, RATE)[0]


def portraits(sounds: dict[str, np.ndarray], embed: Embed, n_patches: int) -> dict[str, Portrait]:
    return {
        name: draw(sound, RATE, embed=embed, patch_s=3.0, n_patches=n_patches, name=name)
        for name, sound in sounds.items()
    }


def measured(name: str, embed: Embed, bands: list[dict[str, np.ndarray]], n_patches: int) -> list[report.Row]:
    params = Params(patches=n_patches)
    start = time.process_time()
    first, second = (portraits(band, embed, n_patches) for band in bands)
    spent = time.process_time() - start
    seconds = LENGTH_S * sum(map(len, bands))
    half = round(LENGTH_S / 2) * RATE
    early = portraits({n: s[:half] for n, s in bands[1].items()}, embed, n_patches // 2)
    late = portraits({n: s[half:] for n, s in bands[1].items()}, embed, n_patches // 2)
    apart = compare(second, first, params, seed=SEED).plain
    itself = compare(early, late, params, seed=SEED).plain
    copied = {f"copy {i}": next(iter(second.values())) for i in range(8)}
    collapsed = compare(second, copied, params, seed=SEED).plain
    nearest = [row["nearest_track"] for row in compare({**first, **second}, late, params, seed=SEED).plain["songs"]]
    return [
        report.row(f"{name}: band from band, Fréchet over floor", apart["frechet_over_floor"], "x", "> 1.5 x"),
        report.row(f"{name}: band from itself, Fréchet over floor", itself["frechet_over_floor"], "x", "< 1 x"),
        report.row(f"{name}: band from band, coverage", apart["album"]["coverage"]),
        report.row(f"{name}: band from itself, coverage", itself["album"]["coverage"]),
        report.row(
            f"{name}: effective styles of one track copied",
            collapsed["effective_styles"]["album"],
            "",
            "< 1.01",
            reason=f"the band: {collapsed['effective_styles']['band']:.1f}",
        ),
        report.row(
            f"{name}: second halves nearest to a track of their band",
            100 * float(np.mean([n in second for n in nearest])),
            "%",
            ">= 90 %",
        ),
        report.row(f"{name}: portraits", 1000 * spent / seconds, "CPU-ms/s"),
    ]


def main() -> None:
    options = report.arguments(__doc__ or "")
    bands = [{p.stem: excerpt(p) for p in music.tracks(artist)} for artist in ("blkrbt", "elysis")]
    n_patches = 8 if options.quick else 16
    rows = measured("mfcc", mfcc.embed, bands, n_patches)
    wheel = os.environ.get("MUSICNN_WHEEL", "")
    if wheel:
        weights = musicnn.load(wheel)
        rows += measured("musicnn", lambda patches, rate: musicnn.embed(patches, rate, weights), bands, n_patches)
    else:
        rows.append(report.row("musicnn", None, reason="name its wheel in $MUSICNN_WHEEL to measure it"))
    report.print_report(rows, as_json=options.json)


if __name__ == "__main__":
    main()
