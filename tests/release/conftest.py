"""A project with kept, titled takes, made without any net: sines and what stages would have said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralbum.audio import write_flac
from neuralbum.project import Project
from neuralbum.project.stage import file_digest
from neuralbum.records import Event, Finding, Model, Recipe, Song, Take

RIGHTS = {
    "artist": "Silver Stones",
    "album": "Fake Feelings",
    "rights_holder": "Silver Stones GbR",
    "contact": "hello@example.org",
    "permission": "our own recordings",
}
MODEL = Model("samplernn-1", "samplernn", "debug", 16_000, "c0ffee", {"dim": 8}, 1.0)


def add_take(
    project: Project, number: int, *, seconds: float = 1.0, temperature: float = 1.0, prime: dict | None = None
) -> Take:
    """One take of a sine, stored as ``generate`` would."""
    n = round(seconds * 16_000)
    recipe = Recipe(
        model_id=MODEL.id,
        model_digest="d1gest",
        step=100,
        seed=0,
        number=number,
        temperature=((0.0, temperature),),
        n_samples=n,
        sample_rate=16_000,
        engine="test 1",
        prime=prime or {},
    )
    path = project.takes_dir / f"{recipe.take_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(n) / 16_000
    audio = 0.3 * np.sin(2 * np.pi * (110 + 7 * number) * time)
    write_flac(path, audio[None].astype(np.float32), 16_000)
    take = Take(
        recipe.take_id, recipe, project.relative(path), file_digest(path), 16_000, 1, n, created_at=1e9 + number
    )
    project.catalogue.add_take(take)
    return take


def say(project: Project, take: Take, kind: str, **payload: object) -> None:
    n = len(project.catalogue.events())
    project.catalogue.say([Event(f"e{n}", float(n), "ann", kind, take.id, payload)])


def found(project: Project, stage: str, take: Take, values: dict, files: dict[str, str] | None = None) -> None:
    project.catalogue.record(
        Finding(f"{stage}-{take.id}", stage, 1, take.id, {}, {}, values, files or {}, created_at=2e9)
    )


def title(project: Project, titles: dict[str, str]) -> None:
    """Take id -> title, in order."""
    project.catalogue.set_songs((Song(i, t, text), f"{i}") for i, (t, text) in enumerate(titles.items(), 1))


def draw_poster(path: Path, colour: tuple[int, int, int] = (200, 30, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 36), colour).save(path)


@pytest.fixture
def empty_project(tmp_path: Path) -> Project:
    project = Project.create(tmp_path / "album-project", **RIGHTS)
    project.catalogue.add_model(MODEL)
    return project


@pytest.fixture
def project(empty_project: Project) -> Project:
    """Three kept and titled songs: one with everything, one bare, one without a pulse."""
    p = empty_project
    rich, bare, calm = (add_take(p, n, temperature=t) for n, t in ((1, 1.0), (2, 0.99), (3, 1.01)))
    for take in (rich, bare, calm):
        say(p, take, "verdict", value="keep")
    say(p, rich, "style", style="doom")
    say(p, rich, "tag", tag="doom riff")
    say(p, rich, "note", note_id="n1", start_s=0.4, end_s=0.8, text="breakdown in 6/8")
    say(p, rich, "tap", bpm=140.0, times_s=[])
    poster = p.artefacts_dir / "visualise" / "rich.webp"
    draw_poster(poster)
    found(p, "visualise", rich, {}, {"poster": p.relative(poster)})
    family = [{"relation": "x1", "bpm": 70.0, "strength": 1.0}, {"relation": "x2", "bpm": 140.0, "strength": 0.6}]
    family.append({"relation": "x4", "bpm": 280.0, "strength": 0.05})
    tempo = {"base_bpm": 70.0, "clarity": 0.6, "peaks": [{"bpm": 70.0, "strength": 1.0}], "family": family}
    found(p, "screen", rich, {"loudness_lufs": -14.0, "true_peak_db": -1.0, "tempo": tempo, "centroid_hz": 900.0})
    found(p, "screen", calm, {"tempo": {"base_bpm": 0.0, "clarity": 0.01, "peaks": [], "family": []}})
    original = {"original": True, "n_segments": 0, "longest_s": 0.4, "p": 0.5, "q": 0.8, "heldout_longest_s": 0.3}
    found(p, "originality", rich, original)
    title(p, {rich.id: "Mock Melancholy", bare.id: "Bootleg Abasement", calm.id: "Deceptive Sadness"})
    return p
