"""Two folders of sound files held side by side, without a project."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ... import audio
from ...errors import AudioError, NeuralbumError
from .. import mfcc
from ..compare import LEAST_SONGS, style_shares
from ..compare import compare as compare_styles
from ..params import Params
from ..portrait import Portrait, draw
from .compare import Likeness, compare
from .measures import CUT_S, EXCERPT_S, SongMeasures, measure
from .words import text

STYLE_RATE = 16_000  #: Hz; style is compared at the rate musicnn hears at too


def measure_folder(folder: Path, *, cut_s: float) -> tuple[list[SongMeasures], dict[str, Portrait]]:
    """Every sound file in a folder, sorted by name; what cannot be measured is told on stderr and left out.

    Raises
    ------
    AudioError
        Nothing in the folder can be measured.
    """
    songs, portraits, shape = [], {}, Params()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            sound, sample_rate = audio.read(path)
            song = measure(sound, sample_rate, name=name, cut_s=cut_s)
            mono = audio.resample(sound.mean(axis=0, keepdims=True), sample_rate, STYLE_RATE)[0]
            portrait = draw(
                mono, STYLE_RATE, embed=mfcc.embed, patch_s=shape.patch_s, n_patches=shape.patches, name=name
            )
        except AudioError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        songs.append(song)
        portraits[name] = portrait
    if not songs:
        raise AudioError(f"{folder}: holds no sound of at least {EXCERPT_S:g} s")
    return songs, portraits


def common_cut_s(folders: Sequence[Path]) -> float:
    """60 s, or the median length of songs or takes if that is shorter: form takes the same time on both sides."""
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


def judge(
    band_folder: Path, takes_folder: Path, *, seed: int = 0, cut_s: float | None = None
) -> tuple[Likeness, dict[str, float]]:
    """Likeness of the takes in a folder to the band in another, and the comparison of styles."""
    cut_s = cut_s or common_cut_s([band_folder, takes_folder])
    band, their_portraits = measure_folder(band_folder, cut_s=cut_s)
    takes, our_portraits = measure_folder(takes_folder, cut_s=cut_s)
    found = compare(band, takes, np.random.default_rng([seed, 7]))
    styles = {"cut_s": cut_s}
    if len(takes) >= LEAST_SONGS:
        styles |= style_shares(compare_styles(their_portraits, our_portraits, Params(), seed=seed).plain)
    return found, styles


def main(words: Sequence[str] | None = None) -> int:
    """``python -m neuralbum.resemblance.likeness BAND_FOLDER TAKES_FOLDER [--json]``."""
    parser = argparse.ArgumentParser(
        prog="python -m neuralbum.resemblance.likeness",
        description="Hold a folder of takes beside a folder of a band's songs (any sound files).",
    )
    parser.add_argument("band", type=Path)
    parser.add_argument("takes", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--cut", type=float, default=None, help="seconds of the cuts for form (60, or the takes' length)"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    try:
        found, styles = judge(options.band, options.takes, seed=options.seed, cut_s=options.cut)
    except NeuralbumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({**found.plain(), **styles}, indent=1) if options.json else text(found, styles))
    return 0
