"""Small projects with takes, findings and sounds for the curation tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralbum.audio import write_flac
from neuralbum.project import Project
from neuralbum.records import Finding, Recipe, Take, digest

RATE = 16_000


def make_project(root: Path, **settings) -> Project:
    return Project.create(root, artist="The Testers", album="Fake Feelings", **settings)


def make_recipe(number: int, *, n_samples: int, temperature: float = 1.0) -> Recipe:
    return Recipe("net", "0" * 8, 1, 0, number, ((0.0, temperature),), n_samples, RATE, "test 1")


def beat(number: int, *, duration_s: float) -> np.ndarray:
    """A pulse over a chord: different for each number, (1, n_samples)."""
    rng = np.random.default_rng(number)
    time_s = np.arange(round(duration_s * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * f * time_s) for f in rng.uniform(80, 900, 3)) / 3
    pulse = np.exp(-12 * (time_s % (60 / rng.uniform(90, 220))))
    noise = rng.normal(0, 0.2, time_s.size)
    return (0.5 * tone * (0.3 + 0.7 * pulse) + noise * pulse * 0.6).clip(-0.95, 0.95).astype(np.float32)[None]


def make_take(project: Project, number: int, *, duration_s: float = 4.0, audio: bool = True) -> Take:
    n_samples = round(duration_s * RATE)
    recipe = make_recipe(number, n_samples=n_samples, temperature=0.98 + 0.01 * (number % 5))
    path = f"takes/{recipe.take_id}.flac"
    if audio:
        (project.root / "takes").mkdir(exist_ok=True)
        write_flac(project.root / path, beat(number, duration_s=duration_s), RATE)
    take = Take(recipe.take_id, recipe, path, "0" * 64, RATE, 1, n_samples, created_at=float(number))
    project.catalogue.add_take(take)
    return take


def screened(take: Take, *, score: float, thumbnail: str | None = None, **values) -> Finding:
    """What the screen would say of a take."""
    plain = {
        "score": score,
        "caption": "loud, dense",
        "flags": [],
        "tempo": {"base_bpm": 140.0, "clarity": 0.5, "peaks": [{"bpm": 140.0, "strength": 1.0}], "family": [70, 140]},
        **values,
    }
    files = {"thumbnail": thumbnail} if thumbnail else {}
    return Finding(digest("screen", take.id), "screen", 1, take.id, {}, {}, plain, files, created_at=1.0)
