"""Two folders of sound files held side by side, without a project."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ... import audio
from ...errors import AudioError, NeuralbumError
from .. import mfcc
from ..compare import compare as compare_styles
from ..params import Params
from ..portrait import Portrait, cut
from .compare import Likeness, compare
from .measures import CUT_S, EXCERPT_S, SongMeasures, measure

STYLE_RATE = 16_000  #: Hz; style is compared at the rate musicnn hears at too


def measure_folder(folder: Path, *, cut_s: float) -> tuple[list[SongMeasures], dict[str, Portrait]]:
    """Every sound file in a folder, sorted by name; what cannot be measured is told on stderr and left out.

    Raises
    ------
    AudioError
        Nothing in the folder can be measured.
    """
    songs, portraits = [], {}
    for path in _files(folder):
        try:
            sound, sample_rate = audio.read(path)
            song = measure(sound, sample_rate, name=path.name, cut_s=cut_s)
        except AudioError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        songs.append(song)
        mono = audio.resample(sound.mean(axis=0, keepdims=True), sample_rate, STYLE_RATE)[0]
        patches = cut(mono, STYLE_RATE, Params().patch_s, Params().patches)
        points = mfcc.embed(patches, STYLE_RATE)
        portraits[path.name] = Portrait(
            points, song.base_bpm, song.clarity, song.loudness_lufs, song.centroid_hz, song.key
        )
    if not songs:
        raise AudioError(f"{folder}: holds no sound of at least {EXCERPT_S:g} s")
    return songs, portraits


def common_cut_s(folders: Sequence[Path]) -> float:
    """60 s, or the median length of the takes if they are shorter: form is measured over the same time on both sides."""
    lengths = [[d for p in _files(f) if (d := _duration_s(p)) is not None and d >= EXCERPT_S] for f in folders]
    return float(min([CUT_S, *(float(np.median(side)) for side in lengths if side)]))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise AudioError(f"{folder}: is no folder")
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _duration_s(path: Path) -> float | None:
    try:
        return audio.probe(path).duration_s
    except AudioError:
        return None


def judge(band_folder: Path, takes_folder: Path, *, seed: int = 0, cut_s: float | None = None) -> tuple[Likeness, dict[str, Any]]:
    """Likeness of the takes in a folder to the band in another, and the comparison of styles."""
    cut_s = cut_s or common_cut_s([band_folder, takes_folder])
    band, their_portraits = measure_folder(band_folder, cut_s=cut_s)
    takes, our_portraits = measure_folder(takes_folder, cut_s=cut_s)
    found = compare(band, takes, np.random.default_rng([seed, 7]))
    styles: dict[str, Any] = {"cut_s": cut_s}
    if len(takes) > 1:
        plain = compare_styles(their_portraits, our_portraits, Params(), seed=seed).plain
        effective = plain["effective_styles"]
        styles |= {
            "frechet_over_floor": plain["frechet_over_floor"],
            "spread_share": plain["spread_ratio"],
            "effective_styles_share": effective["album"] / max(effective["band"], 1e-9),
        }
    return found, styles


def text(found: Likeness, styles: dict[str, Any]) -> str:
    """The comparison as a table, the worst first."""
    lines = [f"{found.n_takes} takes beside {found.n_songs} songs; form on cuts of {styles['cut_s']:g} s"]
    lines.append(
        f"core (beat, tone, form): {found.core:.2f} inside the band's 5-95 %, floor {found.core_floor:.2f}; "
        + ", ".join(f"{g} {v['inside']:.2f} ({v['floor']:.2f})" for g, v in found.groups.items())
    )
    lines.append(
        f"takes that run away: {found.runaway_share:.0%} (band's own songs {found.runaway_floor:.0%}), unsteady in any way: "
        f"{found.unsteady_share:.0%} ({found.unsteady_floor:.0%}); "
        f"sections and repetition both within 10-90 %: {found.form_in_80:.0%} ({found.form_in_80_floor:.0%})"
    )
    if "spread_share" in styles:
        lines.append(
            f"Fréchet over floor {styles['frechet_over_floor']:.2f}, style spread {styles['spread_share']:.2f}, "
            f"effective styles {styles['effective_styles_share']:.2f} of the band's"
        )
    lines.append("")
    head = f"{'measure':<26}{'unit':<6}{'band 5%':>9}{'25%':>9}{'50%':>9}{'75%':>9}{'95%':>9}"
    lines.append(head + f"{'takes 50%':>11}{'inside':>8}{'floor':>7}{'>=10%':>7}  median in quartiles")
    for m in found.measures:
        q = m.band
        lines.append(
            f"{m.words:<26}{m.unit:<6}"
            + "".join(f"{_number(q[p]):>9}" for p in ("p5", "p25", "p50", "p75", "p95"))
            + f"{_number(m.takes['p50']):>11}{m.inside:>8.2f}{m.floor:>7.2f}{m.at_least_p10:>7.2f}"
            + f"  {'yes' if m.median_in_quartiles else 'no'}"
        )
    lines.append("")
    apart = found.told_apart
    if apart is None:
        lines.append("two-sample test: too few songs or takes (4 of each are needed)")
    else:
        lines.append(f"two-sample AUC {apart.auc:.2f} ({apart.low:.2f}-{apart.high:.2f}); told apart by:")
        lines += [
            f"  {'more' if r.weight > 0 else 'less'} {r.name} (weight {r.weight:+.2f}, mean {r.shift:+.1f} band deviations)"
            for r in apart.reasons
        ]
    lines += [
        f"{'runs away' if s.runs_away else 'unsteady'}: {s.name}: {', '.join(s.reasons)} (loud cells {s.loud_share:.1%}, crest {s.crest_db:.1f} dB, rise {s.rise_db:+.1f} dB)"
        for s in found.unsteady
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def main(words: Sequence[str] | None = None) -> int:
    """``python -m neuralbum.resemblance.likeness BAND_FOLDER TAKES_FOLDER [--json]``."""
    parser = argparse.ArgumentParser(
        prog="python -m neuralbum.resemblance.likeness",
        description="Hold a folder of takes beside a folder of a band's songs (any sound files).",
    )
    parser.add_argument("band", type=Path)
    parser.add_argument("takes", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cut", type=float, default=None, help="seconds of the cuts for form (60, or the takes' length)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    try:
        found, styles = judge(options.band, options.takes, seed=options.seed, cut_s=options.cut)
    except NeuralbumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({**asdict(found), **styles}, indent=1) if options.json else text(found, styles))
    return 0
