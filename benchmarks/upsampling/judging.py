"""How far renderings are from the originals, and how sure that is."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from neuralbum import audio
from neuralbum.dsp import fidelity
from neuralbum.flesh import scores

from .excerpts import HELD_OUT, INPUT_RATE, OUTPUT_RATE, SEED

Renderings = dict[str, list[np.ndarray]]  #: name -> stereo of each held-out song
BLOCK_PATCHES = 20  #: of 93 ms: the bootstrap draws blocks of about 2 s
DRAWS = 400


def visqol(originals: Sequence[np.ndarray], made: Renderings, seconds: float) -> tuple[dict[str, float], str]:
    """Mean MOS-LQO of each rendering, and why there is none."""
    try:
        from visqol import VisqolApi
    except ImportError:
        return {}, "needs visqol-python (pip install 'neuralbum[bench]')"
    judge = VisqolApi()
    try:
        judge.create(mode="audio")
    except ImportError as cause:
        return {}, str(cause)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:

        def stored(name: str, sound: np.ndarray) -> str:
            path = Path(folder) / f"{name}.wav"
            at48 = audio.resample(sound[:, : round(seconds * OUTPUT_RATE)], OUTPUT_RATE, 48_000)
            soundfile.write(path, np.clip(at48.mean(axis=0), -1, 1), 48_000, subtype="PCM_16")
            return str(path)

        for number, original in enumerate(originals):
            reference = stored("original", original)
            for name, sounds in made.items():
                score = float(judge.measure(reference, stored("rendering", sounds[number])).moslqo)
                found.setdefault(name, []).append(score)
    return {name: float(np.mean(scored)) for name, scored in found.items()}, ""


def measured(originals: Sequence[np.ndarray], sounds: Sequence[np.ndarray]) -> dict[str, float]:
    return scores.measures(originals, sounds, INPUT_RATE)


def timbres(sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [fidelity.stereo_timbre(sound, OUTPUT_RATE) for sound in sounds]


def per_song(originals: Sequence[np.ndarray], sounds: Sequence[np.ndarray]) -> str:
    """Each song's own Fréchet distance, in words."""
    pairs = zip(HELD_OUT, timbres(originals), timbres(sounds), strict=True)
    return ", ".join(f"{name} {fidelity.frechet_distance(a, b):.1f}" for name, a, b in pairs)


def ratio_interval(
    originals: Sequence[np.ndarray], ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> tuple[float, float]:
    """95 % interval of the ratio of two Fréchet distances, ours to theirs: the same blocks are drawn for both."""
    blocks: list[list[np.ndarray]] = []
    for group in (originals, ours, theirs):
        blocks.append([b for t in timbres(group) for b in np.array_split(t, max(2, len(t) // BLOCK_PATCHES))])
    rng, ratios = np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(blocks[0]), len(blocks[0]))
        original, ours_, theirs_ = (np.concatenate([group[i] for i in drawn]) for group in blocks)
        ratios.append(fidelity.frechet_distance(original, ours_) / fidelity.frechet_distance(original, theirs_))
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)
