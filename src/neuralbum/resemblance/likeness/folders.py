"""Two folders of sound files held side by side, without a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ... import audio
from ...audio import apart
from ...audio.files import scan, show_path
from ...errors import AudioError
from ..params import Params
from ..style import SongStyle, measure_style
from ..width import LEAST_SONGS, compare_width, style_shares
from .compare import LEAST_SONGS as LEAST_OF_BAND
from .compare import Likeness, compare
from .measures import CUT_S, EXCERPT_S, SongMeasures, measure

STYLE_RATE = 16_000  #: Hz


def judge(
    band_folder: Path,
    takes_folder: Path,
    *,
    seed: int = 0,
    cut_s: float | None = None,
    left_out: Callable[[str], object] = print,
) -> tuple[Likeness, dict[str, float]]:
    """Likeness of the takes in a folder to the band in another, and the comparison of styles.

    Parameters
    ----------
    cut_s : seconds of the cuts for form; default 60, or the takes' median length where they are shorter
    left_out : told of every file that cannot be measured

    Raises
    ------
    AudioError
        Nothing in a folder can be measured, or there are too few songs to compare.
    """
    cut_s = cut_s or common_cut_s([band_folder, takes_folder])
    band, their_styles = measure_folder(band_folder, cut_s=cut_s, left_out=left_out)
    if len(band) < LEAST_OF_BAND:
        raise AudioError(f"{band_folder}: {len(band)} songs can be compared; at least {LEAST_OF_BAND} are needed")
    takes, our_styles = measure_folder(takes_folder, cut_s=cut_s, left_out=left_out)
    found = compare(band, takes, np.random.default_rng([seed, 7]))
    styles = {"cut_s": cut_s}
    if len(takes) >= LEAST_SONGS:
        styles |= style_shares(compare_width(their_styles, our_styles, Params(), seed=seed).plain)
    return found, styles


def measure_folder(
    folder: Path, *, cut_s: float, left_out: Callable[[str], object]
) -> tuple[list[SongMeasures], dict[str, SongStyle]]:
    """Every sound file in a folder, sorted by name."""
    songs, styles, shape = [], {}, Params()
    for path in sound_files(folder):
        name = show_path(path.relative_to(folder))
        try:
            sound, sample_rate = apart.read(path)
            song = measure(sound, sample_rate, name=name, cut_s=cut_s)
            mono = audio.resample(sound.mean(axis=0, keepdims=True), sample_rate, STYLE_RATE)[0]
            style = measure_style(mono, STYLE_RATE, patch_s=shape.patch_s, n_patches=shape.patches, name=name)
        except AudioError as error:
            left_out(f"left out: {error}")
            continue
        songs.append(song)
        styles[name] = style
    if not songs:
        raise AudioError(f"{folder}: holds no sound of at least {EXCERPT_S:g} s")
    return songs, styles


def common_cut_s(folders: Sequence[Path]) -> float:
    """60 s, or the median length of songs or takes if that is shorter: form takes the same time on both sides."""
    lengths = [[d for path in sound_files(f) if (d := _duration_s(path)) >= EXCERPT_S] for f in folders]
    return float(min([CUT_S, *(float(np.median(side)) for side in lengths if side)]))


def sound_files(folder: Path) -> list[Path]:
    """The sound files of a folder, as ``neuralbum add`` would take them."""
    if not folder.is_dir():
        raise AudioError(f"{folder}: is no folder")
    return scan([folder]).files


def _duration_s(path: Path) -> float:
    try:
        return apart.probe(path).duration_s or 0.0
    except AudioError:
        return 0.0
