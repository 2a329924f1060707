"""The room on a project: findings, files, resuming, the wall."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from neuralbum import screen
from neuralbum.screen.run import DUPLICATES_STAGE, STAGE, WALL_STAGE

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


def test_the_wall_holds_every_take_and_grows_with_them(project, add_take):
    takes = [add_take(noise(2, seed=i), number=i) for i in range(3)]
    screen.run(project)
    takes.append(add_take(noise(2, seed=9), number=9))
    screen.run(project)
    wall = project.catalogue.latest(WALL_STAGE)["atlas-0000"]
    assert set(wall.values["cells"]) == {take.id for take in takes}
    assert wall.values["cells"][takes[1].id] == [240, 0]
    with Image.open(project.root / wall.files["atlas"]) as image:
        assert image.size == (15 * 240, 96)


def test_the_same_take_again_quieter_and_later_is_named_a_duplicate(project, add_take):
    song = band(20, seed=4)
    first = add_take(song)
    second = add_take(np.concatenate([noise(2, level=0.05), 0.3 * song[: 16 * RATE]]), number=1)
    add_take(band(20, seed=5, bpm=97), number=2)
    screen.run(project)
    pairs = project.catalogue.latest(DUPLICATES_STAGE)["takes"].values["pairs"]
    assert [{p["take"], p["other"]} for p in pairs] == [{first.id, second.id}]


def test_a_damaged_take_fails_alone(project, add_take):
    take = add_take(band(3))
    broken = add_take(band(3, seed=2), number=1)
    (project.root / broken.path).write_bytes(b"not a sound")
    outcome = screen.run(project)
    assert (outcome.done, outcome.failed) == (1, 1)
    assert outcome.errors[0][0] == broken.id
    assert take.id in project.catalogue.latest(STAGE)


def test_the_verb_is_found_by_name_even_after_it_ran(project, add_take):
    from neuralbum.stage import verb

    add_take(noise(1))
    assert verb("screen")(project).done == 1
    assert verb("screen")(project).skipped == 1
