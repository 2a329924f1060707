from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum.cli.run import run as command_line
from neuralbum.footprint import Params, run, training_grams
from neuralbum.project.stage import activity
from neuralbum.records import Activity, Song

NOW = 1_795_000_000.0  # 2026-11-18
PLAIN = Params(g_per_kwh=500.0, grid_spread=0.0, pue=(1.0, 1.0, 1.0), core_watts=(10.0, 10.0, 10.0))


def work(project, stage="generate", hours=100.0, **more):
    project.catalogue.add_activity(Activity(stage, NOW, 3600 * hours, 3600 * hours, **more))


def test_an_empty_project_has_cost_nothing(project):
    report = run(project)
    assert report.total.kg.high == 0.0
    assert report.kg_per_released_hour is None


def test_discarded_takes_and_failed_work_are_in_the_cost_per_released_hour(project, add_take):
    takes = [add_take(np.zeros(16_000 * 36), number=n) for n in range(10)]
    project.catalogue.set_songs([(Song(1, takes[0].id, "mock melancholy"), "mock melancholy")])
    work(project, hours=100.0, n_done=10)
    work(project, stage="skeleton", hours=100.0, n_failed=1)
    report = run(project, PLAIN)
    assert (report.made_s, report.released_s) == (360.0, 36.0)
    assert report.total.kg.best == pytest.approx(1.0)
    assert report.kg_per_released_hour.best == pytest.approx(100.0)  # 1 kg over a hundredth of an hour


def test_the_loops_own_time_ends_in_the_report(project):
    with activity(project, "screen") as log:
        log(done=3)
    assert run(project).stages["screen"].n_done == 3


def test_eight_times_the_best_estimate_is_what_there_is_to_offset(project):
    work(project, hours=1000.0)  # 5 kg
    assert run(project, PLAIN).to_offset_kg == pytest.approx(40.0)


def test_the_model_cards_emissions_are_grams_of_its_training_alone(project):
    work(project, "generate", 100.0)
    work(project, "skeleton", 100.0, detail={"model": "a"})
    work(project, "skeleton", 200.0, detail={"model": "b"}, n_failed=1)
    assert training_grams(project, "a", PLAIN) == pytest.approx(500.0)
    assert training_grams(project, "b", PLAIN) == pytest.approx(1000.0)
    assert training_grams(project, "c", PLAIN) == 0


def test_the_command_prints_text_or_json(project, capsys):
    at = ["footprint", "--project", str(project.root)]
    work(project)
    assert command_line([*at, "--set", "footprint.region=FRA"]) == 0
    text = capsys.readouterr().out
    assert "56 (42 to 70) g CO2e/kWh" in text
    assert "not counted" in text
    assert "to offset 8 times the best estimate: " in text
    assert "next: " in text
    assert command_line([*at, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["kwh"]["best"] == pytest.approx(1.0)
    assert command_line([*at, "--set", "footprint.region=XX"]) == 2
