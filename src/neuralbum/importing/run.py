"""``import``: from sound files to takes. A take is named by its sound, so nothing is taken in twice."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio
from ..audio import apart
from ..audio.files import scan, show_path
from ..errors import AudioError, NeuralbumError, ToolError
from ..progress import SILENT, Reporter
from ..project import Project, atomic
from ..project.stage import activity, file_digest
from ..records import Recipe, Take, canonical

STAGE = "import"
ENGINE = "imported"
UNKNOWN = "unknown"
HIGHEST_RATE = 48_000  #: Hz; above, sound is resampled to this
SHORTEST_S = 1.0
LARGEST_SIDECAR = 256 * 1024  #: bytes
LONGEST_NAME = 80  #: characters of a generator's name


@dataclass(frozen=True)
class Imported:
    """What became of one file."""

    path: str
    status: str  #: "added", "known" or "failed"
    take: str = ""
    generator: str = ""
    note: str = ""  #: why it failed, what it is the same as


def run(project: Project, places: Iterable[Path | str], *, by: str = "", reporter: Reporter = SILENT) -> list[Imported]:
    """Take files in; the same command goes on where it stopped.

    Parameters
    ----------
    places : files, and folders to search through
    by : the generator's name, for files whose sidecar does not tell

    Returns
    -------
    list of Imported
        One per file, in order; a file that cannot be used is named with the reason and the others go on.

    Raises
    ------
    AudioError
        No sound files there.
    """
    places = list(places)
    found = scan(places, leave_out=project.root)
    if not found.files and not found.missing:
        raise AudioError(f"no sound files in {', '.join(map(show_path, places))}")
    done = [Imported(show_path(path), "failed", note=why) for path, why in found.missing]
    known = set(project.catalogue.take_paths())
    began = time.time()
    reporter.begin("import", len(found.files), "files")
    with activity(project, STAGE, detail={"by": by}) as log:
        for number, path in enumerate(found.files):
            try:
                one = _take_in(project, path, by, known, began + number * 1e-3)
            except (NeuralbumError, OSError) as error:
                if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError):
                    raise  # a full disk: the next file would fare no better
                one = Imported(show_path(path), "failed", note=str(error).removeprefix(f"{path}: "))
            done.append(one)
            log(done=one.status == "added", failed=one.status == "failed")
            reporter.advance(1, one.status)
    reporter.end()
    return done


def _take_in(project: Project, path: Path, by: str, known: set[str], created_at: float) -> Imported:
    sound, rate = apart.read(path)
    if len(sound) > 2:
        raise AudioError(f"{len(sound)} channels; takes have one or two, mix it down first")
    if sound.shape[1] < SHORTEST_S * rate:
        raise AudioError(f"{sound.shape[1] / rate:.2f} s long; takes have at least {SHORTEST_S:g} s")
    if rate > HIGHEST_RATE:
        sound, rate = audio.resample(sound, rate, HIGHEST_RATE), HIGHEST_RATE
    told = told_of(path)
    generator = _generator(told, by)
    recipe = Recipe(
        model_id=f"{ENGINE}: {generator}",
        model_digest="",
        step=0,
        seed=0,
        number=0,
        temperature=(),
        n_samples=sound.shape[1],
        sample_rate=rate,
        engine=ENGINE,
        origin={"sound": sound_digest(sound), "generator": generator, "file": show_path(path.name), "recipe": told},
    )
    take = recipe.take_id
    if take in known:
        return Imported(show_path(path), "known", take, generator, "the same sound is a take already")
    target = project.takes_dir / f"{take}.flac"
    with atomic(target) as part:
        if path.suffix.lower() == ".flac" and rate == apart.probe(path).sample_rate:
            shutil.copyfile(path, part)
        else:
            audio.write_flac(part, sound, rate, bits=16 if _fits_16_bits(sound) else 24)
    project.catalogue.add_take(
        Take(
            id=take,
            recipe=recipe,
            path=project.relative(target),
            sha256=file_digest(target),
            sample_rate=rate,
            channels=len(sound),
            n_samples=sound.shape[1],
            created_at=created_at,
        )
    )
    known.add(take)
    return Imported(show_path(path), "added", take, generator)


def sound_digest(sound: audio.Audio) -> str:
    """SHA-256 over the samples at 24 bits: the same for a WAV and its FLAC."""
    whole = np.round(np.clip(sound, -1, 1) * 2**23).astype("<i4")
    return hashlib.sha256(bytes(f"{len(sound)} ", "ascii") + whole.T.tobytes()).hexdigest()


def _fits_16_bits(sound: audio.Audio) -> bool:
    scaled = sound * np.float32(2**15)
    return bool((scaled == np.round(scaled)).all())


def told_of(path: Path) -> dict[str, Any]:
    """What the sidecar says: ``song.json`` or ``song.wav.json`` beside ``song.wav``; empty if there is none.

    Raises
    ------
    ToolError
        A sidecar is there and is no JSON object, or too large to be one of a single file.
    """
    for beside in (path.with_suffix(".json"), path.with_name(f"{path.name}.json")):
        try:
            data = beside.read_bytes()
        except FileNotFoundError:
            continue
        try:
            if len(data) > LARGEST_SIDECAR:
                raise ValueError(f"larger than {LARGEST_SIDECAR >> 10} kB")
            said = canonical(json.loads(data))
        except (ValueError, TypeError, RecursionError) as cause:
            raise ToolError(f"{show_path(beside)}: no usable sidecar ({cause}); mend it or take it away") from cause
        if not isinstance(said, Mapping):
            raise ToolError(f"{show_path(beside)}: no usable sidecar (not a JSON object); mend it or take it away")
        return dict(said)
    return {}


def _generator(told: Mapping[str, Any], by: str) -> str:
    """Who made it: the sidecar's word, else what was said with the command, else unknown."""
    words = next((str(told[k]) for k in ("generator", "model", "model_name") if isinstance(told.get(k), str)), "") or by
    shown = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return shown[: LONGEST_NAME - len(f"{ENGINE}: ")] or UNKNOWN
