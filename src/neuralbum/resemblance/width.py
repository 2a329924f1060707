"""The album against the band: is it as wide, or has the model collapsed into one thing?

What stands first in the report is where the album is least like the band. Every number of the
comparison has its own unit, so each is divided by what counts as clearly different; what exceeds 1 is
named, the worst first. A summary that began with what is alike would be true and misleading.

Pure: styles of songs in, a comparison out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.features import NOTE_NAMES
from ..errors import ParameterError
from . import distances
from .params import Params
from .style import SongStyle

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

MOST_PATCHES = 2000  #: of each side: distances grow with the square
LEAST_SONGS = 2
NARROW, WIDE = 0.7, 1.4  #: of the band's spread
COLLAPSED = 0.35  #: of the band's effective number of styles

CLEAR_SHARE = 0.25  #: of the songs without a tempo, more or fewer than in the band
CLEAR_KEYS = 0.5  #: of the songs whose key would have to change
CLEAR_RANGE = 0.5  #: of the band's own range (5 % to 95 %), by which the songs would have to move
NUMBERS = (("tempo_bpm", "tempo", "BPM"), ("loudness_lufs", "loudness", "LUFS"), ("centroid_hz", "brightness", "Hz"))


@dataclass(frozen=True)
class Width:
    """What ``compare_width`` found; ``plain`` is stored, the clouds are drawn."""

    plain: dict[str, Any]
    band_map: Floats  #: (n_patches, 2) the first two principal components
    album_map: Floats


def compare_width(band: Mapping[str, SongStyle], album: Mapping[str, SongStyle], params: Params, *, seed: int) -> Width:
    """Compare two collections of songs.

    Raises
    ------
    ParameterError
        Fewer than two songs on either side.
    """
    for name, songs in (("band", band), ("album", album)):
        if len(songs) < LEAST_SONGS:
            raise ParameterError(f"the {name} has {len(songs)} songs to compare; at least {LEAST_SONGS} are needed")
    rng = np.random.default_rng([seed, 6])
    scale = distances.fit_scale(np.concatenate([song.points for song in band.values()]), params.components)
    theirs = {name: scale(song.points) for name, song in band.items()}
    ours = {name: scale(song.points) for name, song in album.items()}
    their_cloud, our_cloud = np.concatenate(list(theirs.values())), np.concatenate(list(ours.values()))
    width = distances.bandwidth(_some(their_cloud, 1000, rng))
    n_songs = min(len(theirs), len(ours))
    plain: dict[str, Any] = {
        "n_tracks": len(band),
        "n_takes": len(album),
        "n_patches": {"band": len(their_cloud), "album": len(our_cloud)},
        **_beside_floors(theirs, our_cloud, params, rng),
        "spread_ratio": distances.spread(our_cloud) / max(distances.spread(their_cloud), 1e-9),
        "effective_styles": {
            "band": _styles(theirs, n_songs, width, params.splits, rng),
            "album": _styles(ours, n_songs, width, params.splits, rng),
            "songs": n_songs,
        },
        "songs": song_by_song(theirs, ours),
        "distributions": distributions(band, album),
    }
    plain["words"] = headline(plain, verdict(plain))
    return Width(plain, their_cloud[:, :2], our_cloud[:, :2])


def _beside_floors(
    theirs: Mapping[str, Floats], our_cloud: Floats, params: Params, rng: np.random.Generator
) -> dict[str, Any]:
    """Distance and coverage of the album, and the same of halves of the band: of other songs, and of the same songs."""
    their_cloud = np.concatenate(list(theirs.values()))
    owners = np.repeat(np.arange(len(theirs)), [len(cloud) for cloud in theirs.values()])

    def measure(band_rows: Rows, other: Floats) -> dict[str, float]:
        """Of clouds cut to the same size, because these numbers depend on it."""
        n = min(len(band_rows), len(other), MOST_PATCHES)
        rows, other = _some(band_rows, n, rng), _some(other, n, rng)
        a = their_cloud[rows]
        reached = distances.coverage(a, other, params.neighbours, owners[rows])
        return {"frechet": distances.frechet(a, other), "coverage": reached}

    floors, found, same = [], [], []
    for _ in range(params.splits):
        first, second = _halves(owners, rng)
        floors.append(measure(first, their_cloud[second]))
        found.append(measure(first, our_cloud))
        mixed = rng.permutation(len(their_cloud))
        same.append(measure(mixed[::2], their_cloud[mixed[1::2]]))
    floor, album = _mean(floors), _mean(found)
    return {
        "album": album,
        "floor": floor,
        "floor_spread": {name: float(np.std([f[name] for f in floors])) for name in floor},
        "floor_same_songs": _mean(same),
        "frechet_over_floor": album["frechet"] / max(floor["frechet"], 1e-9),
    }


def song_by_song(theirs: Mapping[str, Floats], ours: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """Each take's distance from the band as a whole, and the band's track it sounds most like.

    The distance is that of the take's centre from the nearest track's centre, over the
    median of the same among the band's own tracks: 1 is as odd as a song of theirs.
    """
    names = list(theirs)
    rows = [
        {
            "take": take,
            "distance": float(row.min()),
            "nearest_track": names[int(np.argmin(row))],
            "spread": distances.spread(cloud),
        }
        for (take, cloud), row in zip(ours.items(), away(theirs, ours), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row["distance"], row["take"]))


def away(theirs: Mapping[str, Floats], ours: Mapping[str, Floats]) -> Floats:
    """Distances of takes' centres from tracks', (n_takes, n_tracks); 1: as far as tracks lie from their nearest."""
    centres = np.stack([cloud.mean(axis=0) for cloud in theirs.values()])
    among = np.sqrt(distances.squared_distances(centres, centres))
    np.fill_diagonal(among, np.inf)
    usual = float(np.median(among.min(axis=1)))
    takes = np.stack([cloud.mean(axis=0) for cloud in ours.values()])
    return np.asarray(np.sqrt(distances.squared_distances(takes, centres)) / max(usual, 1e-9))


def distributions(band: Mapping[str, SongStyle], album: Mapping[str, SongStyle]) -> dict[str, Any]:
    """Tempo, loudness, colour and key of both, song by song, with how far apart they are."""
    from scipy.stats import wasserstein_distance

    table: dict[str, Any] = {}
    readers = {
        "tempo_bpm": lambda p: p.base_bpm or None,
        "clarity": lambda p: p.clarity,
        "loudness_lufs": lambda p: p.loudness_lufs,
        "centroid_hz": lambda p: p.centroid_hz,
    }
    for name, reader in readers.items():
        theirs = [v for v in map(reader, band.values()) if v is not None]
        ours = [v for v in map(reader, album.values()) if v is not None]
        table[name] = {
            "band": _quantiles(theirs),
            "album": _quantiles(ours),
            "moved": float(wasserstein_distance(theirs, ours)) if theirs and ours else None,
            "band_values": theirs,
            "album_values": ours,
        }
    table["no_tempo_share"] = {
        side: float(np.mean([p.base_bpm == 0 for p in songs.values()]))
        for side, songs in (("band", band), ("album", album))
    }
    keys = [f"{note} {mode}" for mode in ("major", "minor") for note in NOTE_NAMES]
    counts = {
        side: [sum(p.key == key for p in songs.values()) for key in keys]
        for side, songs in (("band", band), ("album", album))
    }
    shares = [np.array(c) / max(sum(c), 1) for c in counts.values()]
    table["key"] = {"names": keys, **counts, "moved": float(np.abs(shares[0] - shares[1]).sum() / 2)}
    return table


def mismatches(distributions: Mapping[str, Any]) -> list[tuple[float, str]]:
    """(how often the clear difference, a sentence) of everything clearly different, the worst first."""
    found = []
    share = distributions["no_tempo_share"]
    found.append(
        (
            abs(share["album"] - share["band"]) / CLEAR_SHARE,
            f"{share['album']:.0%} of the album's songs have no tempo, {share['band']:.0%} of the band's.",
        )
    )
    keys = distributions["key"]["moved"]
    found.append((keys / CLEAR_KEYS, f"The key of {keys:.0%} of the songs would have to change."))
    for name, words, unit in NUMBERS:
        row = distributions[name]
        if row["moved"] is None:
            continue
        usual = max(row["band"]["p95"] - row["band"]["p5"], 0.05 * abs(row["band"]["p50"]), 1e-9)
        middles = f"{row['album']['p50']:.0f} {unit} in the middle, the band's at {row['band']['p50']:.0f}"
        found.append((row["moved"] / usual / CLEAR_RANGE, f"The songs' {words} lies elsewhere ({middles})."))
    return sorted((entry for entry in found if entry[0] > 1), key=lambda entry: -entry[0])


def headline(plain: Mapping[str, Any], summary: str) -> str:
    """The report's first sentences: what is least like the band, then ``summary``."""
    worst = [sentence for _, sentence in mismatches(plain["distributions"])]
    return " ".join(["Least like the band:", *worst, summary]) if worst else summary


def style_shares(plain: Mapping[str, Any]) -> dict[str, float]:
    """The three numbers of a comparison that say how wide the album is and where it lies, as shares of the band's."""
    styles = plain["effective_styles"]
    return {
        "frechet_over_floor": plain["frechet_over_floor"],
        "spread_share": plain["spread_ratio"],
        "effective_styles_share": styles["album"] / max(styles["band"], 1e-9),
    }


def verdict(plain: Mapping[str, Any]) -> str:
    """What the numbers mean, in a sentence or two."""
    styles, ratio = plain["effective_styles"], plain["spread_ratio"]
    share = style_shares(plain)["effective_styles_share"]
    if share < COLLAPSED or ratio < NARROW / 2:
        width = "has nearly collapsed into one thing"
    elif ratio < NARROW:
        width = "is narrower than the band"
    elif ratio > WIDE:
        width = "is wider than the band"
    else:
        width = "spreads about as wide as the band"
    away = plain["frechet_over_floor"]
    where = (
        "lies where the band lies" if away < 1.5 else "lies beside the band" if away < 4 else "lies far from the band"
    )
    covered = plain["album"]["coverage"]
    return (
        f"The album {width} (spread {ratio:.2f} of the band's, {styles['album']:.1f} against {styles['band']:.1f} "
        f"effective styles among {styles['songs']} songs) and {where} (Fréchet distance {away:.1f} times the band's "
        f"own floor). It reaches {covered:.0%} of the band's sounds; half of the band reaches "
        f"{plain['floor']['coverage']:.0%} of the other half."
    )


def _halves(owners: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows of a random half of the songs, and of the others."""
    mixed = rng.permutation(int(owners.max()) + 1)
    first = np.isin(owners, mixed[: len(mixed) // 2])
    return np.flatnonzero(first), np.flatnonzero(~first)


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _styles(clouds: Mapping[str, Floats], n: int, width: float, repeats: int, rng: np.random.Generator) -> float:
    """Effective number of different songs among ``n``, averaged over random choices of them."""
    centres = np.stack([cloud.mean(axis=0) for cloud in clouds.values()])
    return float(
        np.mean([distances.effective_number(_some(centres, n, rng), width / 2) for _ in range(max(1, repeats))])
    )


def _some(points: Any, n: int, rng: np.random.Generator) -> Any:
    """``n`` of the points, drawn without putting back; all if there are no more."""
    return points if len(points) <= n else points[rng.choice(len(points), n, replace=False)]


def _quantiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    low, first, middle, third, high = np.percentile(values, [5, 25, 50, 75, 95])
    return {"p5": float(low), "p25": float(first), "p50": float(middle), "p75": float(third), "p95": float(high)}
