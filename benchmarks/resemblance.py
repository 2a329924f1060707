"""Does the comparison tell two bands apart, and one band from itself?

Two bands of one genre (electronic game music), a minute of each track at 16 kHz. *Apart*: band against band, over the
floor of halves of one band. *Itself*: the tracks' first half minutes against their second ones. *Collapsed*: one track
copied eight times. *Speak*: second half minutes, noises and the other band beside a band's first half minutes, as
`neuralbum label --suggest` hears takes. With musicnn's wheel named in $MUSICNN_WHEEL the trained embedding is measured
too.
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
from neuralbum.resemblance.voices import voices

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


def noises(n_samples: int) -> dict[str, np.ndarray]:
    """White noise, and a rumble falling with frequency: what a young net sings."""
    rng = np.random.default_rng(SEED)
    white, walk = rng.normal(size=(2, n_samples))
    walk = np.cumsum(walk)
    walk -= np.convolve(walk, np.ones(801) / 801, "same")
    return {name: (0.1 * s / s.std()).astype(np.float32) for name, s in (("white", white), ("rumble", walk))}


def heard(name: str, embed: Embed, bands: list[dict[str, np.ndarray]], n_patches: int) -> list[report.Row]:
    """Whether a take would speak for the track it comes from, and noise for none."""
    params, half = Params(patches=n_patches), round(LENGTH_S / 2) * RATE
    n_songs = n_right = n_wrong = n_foreign = n_false = 0
    for band, other in (bands, bands[::-1]):
        early = portraits({n: s[:half] for n, s in band.items()}, embed, n_patches // 2)
        late = voices(early, portraits({n: s[half:] for n, s in band.items()}, embed, n_patches // 2), params)
        strangers = noises(half) | {n: s[half:] for n, s in other.items()}
        strange = voices(early, portraits(strangers, embed, n_patches // 2), params)
        right = sum(track in takes for track, takes in late.of_track.items())
        n_songs, n_foreign = n_songs + len(band), n_foreign + len(strangers)
        n_right, n_wrong = n_right + right, n_wrong + len(band) - late.n_mute - right
        n_false += len(strangers) - strange.n_mute
    return [
        report.row(f"{name}: second halves that speak for their own track", 100 * n_right / n_songs, "%", ">= 50 %"),
        report.row(f"{name}: second halves that speak for another one", 100 * n_wrong / n_songs, "%", "<= 10 %"),
        report.row(f"{name}: noises and others' songs that speak", 100 * n_false / n_foreign, "%", "<= 10 %"),
    ]


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
        *heard(name, embed, bands, n_patches),
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
