"""The room on a project: findings, files, resuming."""

from __future__ import annotations

import pytest
from PIL import Image

from neuralbum import screen
from neuralbum.screen.run import STAGE

from .sounds import RATE, band, noise

NAMES = [
    *("silent_share", "collapse_s", "loop_score", "loop_period_s", "clip_share", "dc", "bandwidth_hz"),
    *("loudness_lufs", "true_peak_db", "flatness", "tempo", "centroid_hz", "caption", "flags", "score", "features"),
]


def test_a_take_gets_its_numbers_flags_and_pictures(project, add_take):
    audio = band(12)
    audio[6 * RATE :] = 0
    take = add_take(audio)
    outcome = screen.run(project)
    assert (outcome.done, outcome.failed) == (1, 0)
    finding = project.catalogue.latest(STAGE)[take.id]
    assert [name for name in NAMES if name not in finding.values] == []
    assert finding.values["collapse_s"] == pytest.approx(6.0, abs=0.2)
    assert "falls silent at 0:0" in finding.values["caption"]
    (flag,) = [f for f in finding.values["flags"] if f["name"] == "collapse"]
    assert flag["ranges"][0] == pytest.approx([6.0, 12.0], abs=0.2)
    with Image.open(project.root / finding.files["thumbnail"]) as image:
        assert (image.format, image.size) == ("WEBP", (240, 96))
    with Image.open(project.root / finding.files["spectrogram"]) as image:
        assert (image.mode, image.size[1]) == ("L", 128)


def test_what_was_screened_is_not_screened_again(project, add_take):
    add_take(band(4))
    screen.run(project)
    add_take(noise(4), number=1)
    outcome = screen.run(project)
    assert (outcome.done, outcome.skipped) == (1, 1)


def test_a_damaged_take_fails_alone(project, add_take):
    take = add_take(band(3))
    broken = add_take(band(3, seed=2), number=1)
    (project.root / broken.path).write_bytes(b"not a sound")
    outcome = screen.run(project)
    assert (outcome.done, outcome.failed) == (1, 1)
    assert outcome.errors[0][0] == broken.id
    assert take.id in project.catalogue.latest(STAGE)


def test_the_verb_is_found_by_name_even_after_it_ran(project, add_take):
    from neuralbum.project import registry

    add_take(noise(1))
    assert registry.stage("screen")(project).done == 1
    assert registry.stage("screen")(project).skipped == 1
