"""The project that is curated: thumbnails that all differ, and a few sounds that takes share."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np

import music
from neuralbum import audio
from neuralbum.catalogue import schema
from neuralbum.catalogue.database import writing
from neuralbum.curate import pictures
from neuralbum.curate.media_cache import MediaCache
from neuralbum.curate.params import Params
from neuralbum.project import Project
from neuralbum.records import Finding, Recipe, Take, canonical, digest
from neuralbum.screen.analysis import FRAME_RATE, PICTURE_FRAMES, analyse

TAKE_S = 30.0
RATE = 32_000
SOUNDS = 16
MATERIAL = 2
"""Counts changes of ``make_project``, so that an old copy is not taken for a new one."""


def fresh_project(root: Path, n_takes: int) -> Project:
    """A copy of the project that was made once and kept in the cache; big files are linked."""
    kept = music.cache() / f"curate-{MATERIAL}-{n_takes}"
    if not kept.exists():
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        make_project(part, n_takes).catalogue.close()
        part.rename(kept)

    def put(source: str, target: str) -> None:
        if Path(source).name.startswith(("catalogue.db", "neuralbum.toml")):
            shutil.copy2(source, target)
            return
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)

    shutil.copytree(kept, root, copy_function=put)
    return Project.open(root)


def make_project(root: Path, n_takes: int) -> Project:
    """Takes whose thumbnails all differ; the sounds are shared among them."""
    from PIL import Image

    project = Project.create(root, artist="The Benchmarks", album="Three Thousand Takes")
    thumbnails = root / "artefacts" / "screen"
    thumbnails.mkdir(parents=True)
    (root / "takes").mkdir()
    rng = np.random.default_rng(0)
    songs = []
    for path in music.tracks("blkrbt")[:4]:
        sound, _ = audio.read(path, sample_rate=RATE)
        songs.append((sound, analyse([(sound, RATE)]).picture))
    for i in range(SOUNDS):
        sound = songs[i % len(songs)][0]
        start = int(rng.integers(0, sound.shape[1] - TAKE_S * RATE))
        audio.write_flac(root / "takes" / f"s{i}.flac", sound[:, start : start + int(TAKE_S * RATE)], RATE)
    n_frames = round(TAKE_S * FRAME_RATE / PICTURE_FRAMES)
    captions = (
        "loud, dense",
        "sparse, falls silent at 0:22",
        "guitars and drums",
        "noise",
        "slow, clean",
        "blast beats",
    )
    takes, findings = [], []
    for i in range(n_takes):
        recipe = Recipe("net", "0" * 8, 1, 0, i, ((0.0, 0.98 + 0.005 * (i % 9)),), int(TAKE_S * RATE), RATE, "bench 1")
        path = f"takes/s{i % SOUNDS}.flac"
        take = Take(recipe.take_id, recipe, path, "0" * 64, RATE, 2, recipe.n_samples, created_at=float(i))
        takes.append(asdict(take) | {"recipe": canonical(recipe), "events": []})
        levels = songs[i % len(songs)][1]
        start = int(rng.integers(0, levels.shape[1] - n_frames))
        picture = pictures.coloured(levels[:, start : start + n_frames])
        file = thumbnails / f"{take.id}.webp"
        Image.fromarray(picture).save(file, "WEBP", quality=70, method=2)
        flags = [{"name": "silence", "value": 0.3, "threshold": 0.2, "ranges": [[22.0, 26.0]]}] if i % 7 == 0 else []
        values = {"score": round(float(rng.beta(2, 2)), 4), "caption": captions[i % len(captions)], "flags": flags}
        files = {"thumbnail": project.relative(file)}
        findings.append(asdict(Finding(digest("bench", take.id), "screen", 1, take.id, {}, {}, values, files)))
    with writing(project.catalogue.engine) as connection:  # one transaction instead of six thousand
        connection.execute(schema.take.insert(), takes)
        connection.execute(schema.finding.insert(), findings)
    return project


def share_copies(project: Project, take_ids: list[str]) -> None:
    """Listening copies for these takes: one encoding a sound, linked under every take's name."""
    media = MediaCache(project, opus_kbps=Params().opus_kbps)
    made: dict[str, tuple[Path, Path]] = {}
    for take in project.catalogue.takes(take_ids):
        if take.path not in made:
            made[take.path] = (media.opus(take), media.mel(take, None))
        for source, suffix in zip(made[take.path], ("opus", "mel.gz"), strict=True):
            target = media._file(take, suffix)
            if not target.exists():
                os.link(source, target)
    media.close()
