"""Write, for every prepared track, what a skeleton draws while it is shown the real past.

    FOLDER/<track id>.npy   float32 (n_samples,), aligned with corpus/<track id>.mono.npy
    FOLDER/forced.json      by which recipe they are made

``neuralbum train flesh --forced FOLDER`` learns from them. A folder made by another
recipe is made anew; one that was cut short goes on with the tracks that are missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import model_folder
from ..dsp import front_end
from ..errors import ToolError
from ..prepared import PreparedTrack, to_float
from ..progress import SILENT, Reporter
from ..project import Project, atomic
from ..records import digest
from ..skeleton import find_model, open_skeleton
from ..stage import activity, file_digest
from . import streams
from .params import GenerateParams
from .run import STAGE, corpus_for

RECIPE = "forced.json"
VERSION = 1
FORCED_KEY = 2_000_003
"""Sub-key of these dice, apart from those that draw takes."""
HEAT_S = 1.0
"""Where a range of temperatures is asked for, each second has its own from it."""


@dataclass(frozen=True)
class Forced:
    """What was written."""

    folder: str
    model_id: str
    step: int
    tracks: int
    skipped: int
    seconds: float
    snr_db: float | None  #: of what was written now against the original, mean over its tracks


def force(
    project: Project,
    folder: Path,
    params: GenerateParams | None = None,
    *,
    expected: bool = False,
    splits: Sequence[str] = ("train", "valid", "heldout"),
    again: bool = False,
    device: str = "cpu",
    reporter: Reporter = SILENT,
) -> Forced:
    """Draw every sample of every track given its true past.

    Parameters
    ----------
    params : ``model`` and ``temperature`` are heeded; of a range of temperatures each second of a
        track draws its own, so that the errors come in several strengths.
    expected : the expected amplitude instead of a draw: the net's blur without its noise.
    again : write also what is there already.

    Raises
    ------
    CatalogueError, CheckpointError
        No model, or one that does not load or does not fit the corpus.
    """
    params = project.params(STAGE, GenerateParams) if params is None else params
    path, step = find_model(project, params.model)
    net, about = open_skeleton(path, step)
    net.to(device)
    weights = model_folder.step_path(path, about.step)
    recipe = {
        "version": VERSION, "model": about.id, "step": about.step,
        "weights": file_digest(weights)[:20] if weights.exists() else "",
        "temperature": None if expected else sorted(params.temperature), "seed": project.settings.seed,
    }  # fmt: skip
    corpus = corpus_for(project, about)
    songs = [song for split in splits for song in corpus.split(split)]
    _settle_recipe(folder, recipe, songs)
    todo = [song for song in songs if again or not (folder / f"{song.track.id}.npy").exists()]
    total = sum(song.mono.size for song in todo) / corpus.sample_rate
    reporter.begin("force", total, "s of music")
    ratios = []
    try:
        with activity(project, STAGE, detail={"model": about.id, "step": about.step, "forced": True}) as tick:
            for song in todo:
                started = time.monotonic()
                made = _of_track(net, about, song, params, project.settings.seed, expected, corpus.sample_rate)
                _write(folder / f"{song.track.id}.npy", made)
                ratios.append(_snr_db(to_float(song.mono), made))
                seconds = made.size / corpus.sample_rate
                rate = seconds / max(time.monotonic() - started, 1e-9)
                reporter.advance(seconds, f"{song.track.title}: {ratios[-1]:.1f} dB, {rate:.1f} x real time")
                tick(done=1)
    finally:
        reporter.end()
    return Forced(
        str(folder), about.id, about.step, len(todo), len(songs) - len(todo), total,
        float(np.mean(ratios)) if ratios else None,
    )  # fmt: skip


def _of_track(
    net: Any, about: Any, song: PreparedTrack, params: GenerateParams, seed: int, expected: bool, rate: int
) -> npt.NDArray[np.float32]:
    """One track's samples; its dice depend on the project's seed and the track alone."""
    from ..skeleton.forcing import forced_samples
    from ..skeleton.songs import Song

    n = song.mono.size
    rng = streams.dice(seed, int(digest(song.track.id)[:8], 16), FORCED_KEY)
    low, high = min(params.temperature), max(params.temperature)
    heat = rng.uniform(low, high, size=int(n / (HEAT_S * rate)) + 1)
    levels = front_end.levels_of(np.asarray(song.mono), about.n_levels)
    return forced_samples(
        net,
        Song(song.track.title, levels),
        uniforms=None if expected else rng.random(n),
        temperatures=heat[np.arange(n) // int(HEAT_S * rate)],
    )


def _settle_recipe(folder: Path, recipe: dict[str, Any], songs: Sequence[PreparedTrack]) -> None:
    """Note how the folder's files are made; those of another recipe go."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RECIPE
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if known == json.loads(json.dumps(recipe)):
        return
    for song in songs:
        (folder / f"{song.track.id}.npy").unlink(missing_ok=True)
    with atomic(path) as part:
        part.write_text(json.dumps(recipe, indent=2), encoding="utf-8")


def _write(path: Path, samples: npt.NDArray[np.float32]) -> None:
    try:
        with atomic(path) as part:
            np.save(part, samples)
    except OSError as cause:
        raise ToolError(f"{path}: cannot be written ({cause}); is the disk full?") from cause


def _snr_db(clean: npt.NDArray[np.float32], worse: npt.NDArray[np.float32]) -> float:
    signal, noise = float(np.mean(clean**2)), float(np.mean((worse - clean) ** 2))
    return float(10 * np.log10((signal + 1e-10) / (noise + 1e-12)))
