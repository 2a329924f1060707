from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum.cli.run import run as command_line
from neuralbum.errors import AudioError, CatalogueError, ParameterError
from neuralbum.footprint import Params, bring_in, card, offsets, run
from neuralbum.project.stage import activity
from neuralbum.records import Activity, Song

NOW = 1_795_000_000.0  # 2026-11-18
PLAIN = Params(g_per_kwh=500.0, grid_spread=0.0, pue=(1.0, 1.0, 1.0), core_watts=(10.0, 10.0, 10.0))


def work(project, stage="generate", hours=100.0, **more):
    project.catalogue.add_activity(Activity(stage, NOW, 3600 * hours, 3600 * hours, **more))


def buy(project, kg=10.0, serial="S1", **more):
    return offsets.enter(project, kg, registry="Gold Standard", serial=serial, retired="2026-11-01", now=NOW, **more)


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
    with activity(project, "screen") as tick:
        tick(done=3)
    assert run(project).stages["screen"].n_done == 3


def test_the_report_is_a_finding_others_may_read(project):
    work(project)
    run(project, PLAIN)
    assert project.catalogue.latest("footprint")["album"].values["kg"]["best"] == pytest.approx(0.5)
    run(project, PLAIN)
    assert len(project.catalogue.findings("footprint")) == 1


def test_offsets_stand_beside_the_footprint_and_are_never_subtracted(project):
    work(project, hours=1000.0)  # 5 kg
    buy(project, 10.0)
    report = run(project, PLAIN)
    assert report.total.kg.best == pytest.approx(5.0)
    assert (report.retired_kg, report.owed_kg) == pytest.approx((10.0, 30.0))  # eight times 5 kg, less 10
    buy(project, 100.0, "S2")
    assert run(project, PLAIN).owed_kg == 0.0


def test_a_certificate_counts_once_and_needs_its_papers(project):
    buy(project)
    with pytest.raises(ParameterError, match="counts once"):
        buy(project, serial="s1 ")
    with pytest.raises(ParameterError, match="registry and its serial"):
        buy(project, serial=" ")
    for day in ("tomorrow", "2099-01-01"):
        with pytest.raises(ParameterError, match="retired"):
            offsets.enter(project, 1.0, registry="GS", serial="9", retired=day, now=NOW)


def test_taking_an_offset_back_keeps_both_lines(project):
    bought = buy(project, note="line\nbreak\x1b[2J")
    assert bought.note.isprintable()
    offsets.void(project, bought.id, why="entered twice", now=NOW)
    assert offsets.read(project) == []
    assert len(offsets.path_of(project).read_text().splitlines()) == 2
    with pytest.raises(ParameterError, match="no such offset"):
        offsets.void(project, bought.id, why="", now=NOW)
    buy(project)  # may be entered again


def test_a_damaged_line_is_named(project):
    buy(project)
    with open(offsets.path_of(project), "a") as file:
        file.write('{"id": "torn\n')
    with pytest.raises(CatalogueError, match="line 2"):
        offsets.read(project)


def test_the_model_cards_emissions_are_grams_of_training_alone(project):
    work(project, "generate", 100.0)
    work(project, "skeleton", 100.0, detail={"model": "a"})
    work(project, "skeleton", 200.0, detail={"model": "b"}, n_failed=1)
    assert card(project, PLAIN)["emissions"] == pytest.approx(1500.0)  # 1.5 kg
    assert card(project, PLAIN, model_id="a")["emissions"] == pytest.approx(500.0)


def test_codecarbons_rows_enter_once(project, tmp_path):
    path = tmp_path / "emissions.csv"
    path.write_text(
        "timestamp,project_name,run_id,duration,emissions,energy_consumed\n"
        "2026-11-01T10:00:00,album,r1,3600,0.19,0.5\n2026-11-02T10:00:00,album,r2,60,0.1,0.25\n"
    )
    assert bring_in(project, path) == 2
    assert bring_in(project, path) == 0
    report = run(project, PLAIN)
    assert report.total.kwh.best == pytest.approx(0.75)
    assert report.total.methods == ("measured (codecarbon)",)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(AudioError, match=r"not an emissions\.csv"):
        bring_in(project, path)


def test_the_commands_print_text_or_json(project, capsys):
    at = ["--project", str(project.root)]
    work(project)
    assert command_line(["footprint", *at, "--set", "footprint.region=FRA"]) == 0
    text = capsys.readouterr().out
    assert "56 (42 to 70) g CO2e/kWh" in text
    assert "not counted" in text
    words = ["footprint", "offset", "0.5 t", "--registry", "GS", "--serial", "7", "--retired", "2026-01-01", *at]
    assert command_line(words) == 0
    assert command_line(words) == 2
    capsys.readouterr()
    assert command_line(["footprint", "offsets", *at, "--json"]) == 0
    standing = json.loads(capsys.readouterr().out)
    assert standing[0]["kg"] == 500.0
    assert command_line(["footprint", "offsets", "--void", standing[0]["id"], *at]) == 0
    capsys.readouterr()
    assert command_line(["footprint", "--json", *at]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["retired_kg"] == 0
    assert command_line(["footprint", "card", *at, "--json"]) == 0
    assert "co2_eq_emissions" in json.loads(capsys.readouterr().out)
    assert command_line(["footprint", "mint", "1000", "--on", "2021-10-07"]) == 0
    assert "24.6 t" in capsys.readouterr().out
    assert command_line(["footprint", "mint", "5", "--on", "yesterday"]) == 2
    assert command_line(["footprint", *at, "--set", "footprint.region=XX"]) == 2
