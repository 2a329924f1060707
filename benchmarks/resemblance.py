"""Does the comparison tell two bands apart, and one band from itself?

Two bands of one genre (electronic game music), a minute of each track at 16 kHz. *Apart*: band against band, over the
floor of halves of one band. *Itself*: the tracks' first half minutes against their second ones. *Collapsed*: one track
copied eight times. *Count*: second half minutes, noises and the other band beside a band's first half minutes, as
`neuralbum label --suggest` hears takes.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import soundfile

import music
import report
from neuralbum import audio
from neuralbum.resemblance.label_suggestions import near_takes
from neuralbum.resemblance.params import Params
from neuralbum.resemblance.style import SongStyle, measure_style
from neuralbum.resemblance.width import compare_width

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


def styles(sounds: dict[str, np.ndarray], n_patches: int) -> dict[str, SongStyle]:
    return {n: measure_style(s, RATE, patch_s=3.0, n_patches=n_patches, name=n) for n, s in sounds.items()}


def noises(n_samples: int) -> dict[str, np.ndarray]:
    """White noise, and a rumble falling with frequency: what a young net sings."""
    rng = np.random.default_rng(SEED)
    white, walk = rng.normal(size=(2, n_samples))
    walk = np.cumsum(walk)
    walk -= np.convolve(walk, np.ones(801) / 801, "same")
    return {name: (0.1 * s / s.std()).astype(np.float32) for name, s in (("white", white), ("rumble", walk))}


def counted(bands: list[dict[str, np.ndarray]], n_patches: int) -> list[report.Row]:
    """Whether a take would count for the track it comes from, and noise for none."""
    params, half = Params(patches=n_patches), round(LENGTH_S / 2) * RATE
    n_songs = n_right = n_wrong = n_foreign = n_false = 0
    for band, other in (bands, bands[::-1]):
        early = styles({n: s[:half] for n, s in band.items()}, n_patches // 2)
        late = near_takes(early, styles({n: s[half:] for n, s in band.items()}, n_patches // 2), params)
        strangers = noises(half) | {n: s[half:] for n, s in other.items()}
        strange = near_takes(early, styles(strangers, n_patches // 2), params)
        right = sum(track in takes for track, takes in late.of_track.items())
        n_songs, n_foreign = n_songs + len(band), n_foreign + len(strangers)
        n_right, n_wrong = n_right + right, n_wrong + len(band) - late.n_unlike - right
        n_false += len(strangers) - strange.n_unlike
    return [
        report.row("second halves that count for their own track", 100 * n_right / n_songs, "%", ">= 50 %"),
        report.row("second halves that count for another one", 100 * n_wrong / n_songs, "%", "<= 10 %"),
        report.row("noises and others' songs that count", 100 * n_false / n_foreign, "%", "<= 10 %"),
    ]


def measured(bands: list[dict[str, np.ndarray]], n_patches: int) -> list[report.Row]:
    params = Params(patches=n_patches)
    start = time.process_time()
    first, second = (styles(band, n_patches) for band in bands)
    spent = time.process_time() - start
    seconds = LENGTH_S * sum(map(len, bands))
    half = round(LENGTH_S / 2) * RATE
    early = styles({n: s[:half] for n, s in bands[1].items()}, n_patches // 2)
    late = styles({n: s[half:] for n, s in bands[1].items()}, n_patches // 2)
    apart = compare_width(second, first, params, seed=SEED).plain
    itself = compare_width(early, late, params, seed=SEED).plain
    copied = {f"copy {i}": next(iter(second.values())) for i in range(8)}
    collapsed = compare_width(second, copied, params, seed=SEED).plain
    nearest = [
        row["nearest_track"] for row in compare_width({**first, **second}, late, params, seed=SEED).plain["songs"]
    ]
    return [
        report.row("band from band, Fréchet over floor", apart["frechet_over_floor"], "x", "> 1.5 x"),
        report.row("band from itself, Fréchet over floor", itself["frechet_over_floor"], "x", "< 1 x"),
        report.row("band from band, coverage", apart["album"]["coverage"]),
        report.row("band from itself, coverage", itself["album"]["coverage"]),
        report.row(
            "effective styles of one track copied",
            collapsed["effective_styles"]["album"],
            "",
            "< 1.01",
            reason=f"the band: {collapsed['effective_styles']['band']:.1f}",
        ),
        report.row(
            "second halves nearest to a track of their band",
            100 * float(np.mean([n in second for n in nearest])),
            "%",
            ">= 90 %",
        ),
        report.row("styles", 1000 * spent / seconds, "CPU-ms/s"),
        *counted(bands, n_patches),
    ]


def main() -> None:
    options = report.arguments(__doc__ or "")
    bands = [{p.stem: excerpt(p) for p in music.tracks(artist)} for artist in ("blkrbt", "elysis")]
    n_patches = 8 if options.quick else 16
    report.print_report(measured(bands, n_patches), as_json=options.json)


if __name__ == "__main__":
    main()
