"""The stage: takes in, findings out; the report; the test of a model."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuralbum import audio, originality
from neuralbum.cli.run import run as command
from neuralbum.corpus import prepared
from neuralbum.errors import CheckpointError
from neuralbum.originality import building, memorisation
from neuralbum.originality.params import Params
from neuralbum.originality.run import index_path, judge_album, open_corpus
from neuralbum.project import Project
from neuralbum.records import Finding, Model, Recipe, Track, canonical, digest

RATE = 16_000
EXACT = Params(lanes=("exact",))


@pytest.fixture
def stocked(project, add_take, tracks, others, monkeypatch):
    """A project with two train songs, one held-out, and three takes: own, copy of train, copy of held-out."""
    monkeypatch.setattr(building, "DECOYS", ((3.0, 8),))
    monkeypatch.setattr(building, "COVER_DECOYS", ((15.0, 4),))
    project.corpus_dir.mkdir(exist_ok=True)
    rows = []
    for name, split in (("song 0", "train"), ("song 1", "train"), ("song 2", "heldout")):
        mono = prepared.to_int16(tracks[name])
        stereo = prepared.to_int16(np.repeat(audio.resample(tracks[name][None], RATE, 44_100), 2, axis=0))
        np.save(prepared.mono_path(project.corpus_dir, name), mono)
        np.save(prepared.stereo_path(project.corpus_dir, name), stereo)
        rows.append(Track(name, f"{name}.flac", f"Title of {name}", "x", name, 24.0, 44_100, 2, split, -12.0, -1.0))
    project.catalogue.add_tracks(rows)
    prepared.describe(project, sample_rate=RATE, gain=1.0, tracks=rows)
    takes = []
    for number, name in enumerate((None, "song 1", "song 2")):
        sound = others[0][: 10 * RATE].copy()
        if name:
            sound[4 * RATE : 7 * RATE] = tracks[name][9 * RATE : 12 * RATE]
        takes.append(add_take(sound, number=number))
    return project, takes


def test_copies_of_what_the_net_heard_are_called_and_held_out_material_is_only_shown(stocked):
    project, (own, copy, heldout) = stocked
    outcome = originality.run(project, EXACT)
    assert (outcome.done, outcome.failed) == (3, 0)
    found = {take: f.values for take, f in project.catalogue.latest("originality").items()}
    settled = judge_album(project, EXACT)
    assert [settled[take.id]["original"] for take in (own, copy, heldout)] == [True, False, True]
    segment = found[copy.id]["segments"][0]
    assert segment["reference"] == "Title of song 1"
    assert [segment["q_start_s"], segment["r_start_s"]] == pytest.approx([4.0, 9.0], abs=0.25)
    assert found[copy.id]["longest_s"] == pytest.approx(3.0, abs=0.4)
    assert found[heldout.id]["heldout_longest_s"] == pytest.approx(3.0, abs=0.4)
    assert found[own.id]["n_segments"] == 0
    assert settled[copy.id]["q"] == pytest.approx(min(1.0, 3 * found[copy.id]["p"]))
    assert found[copy.id]["index_digest"] != found[copy.id]["heldout_index_digest"]
    assert "exact" in found[copy.id]["null"]


def test_a_second_run_does_nothing_and_a_damaged_index_is_made_again(stocked, add_take, others):
    project, _ = stocked
    originality.run(project, EXACT)
    again = originality.run(project, EXACT)
    assert (again.done, again.skipped) == (0, 3)
    path = index_path(project, open_corpus(project), "train")
    good = path.read_bytes()
    path.write_bytes(good[:3000])
    add_take(others[1][: 6 * RATE], number=9)
    assert originality.run(project, EXACT).done == 1
    assert path.read_bytes() == good


def test_q_is_settled_over_all_takes_of_the_same_settings_and_no_finding_is_ever_rewritten(stocked):
    project, takes = stocked
    copy = takes[1].id
    originality.run(project, EXACT, takes=[copy])
    first = project.catalogue.findings("originality")
    alone = judge_album(project, EXACT)
    assert set(alone) == {copy}
    other = replace(EXACT, shortest_s=EXACT.shortest_s * 2)  # another family of tests, corrected by itself
    originality.run(project, other, takes=[takes[0].id])
    assert judge_album(project, EXACT) == alone
    assert set(judge_album(project, other)) == {takes[0].id}
    originality.run(project, EXACT)
    together = judge_album(project, EXACT)
    assert together[copy]["q"] == pytest.approx(3 * alone[copy]["q"])
    assert [f for f in project.catalogue.findings("originality") if f.key in {g.key for g in first}] == first
    assert "q" not in first[0].values
    reports = project.catalogue.findings("originality.album")
    assert [len(f.values["takes"]) for f in reports] == [1, 1, 3]
    assert judge_album(project, EXACT) == together
    assert project.catalogue.findings("originality.album") == reports


def test_findings_about_fleshed_takes_of_an_older_version_are_kept_and_survive_a_copy(stocked, tmp_path, monkeypatch):
    project, takes = stocked
    fleshed = project.fleshed_dir / f"{takes[0].id}.flac"
    fleshed.parent.mkdir()
    shutil.copyfile(project.root / takes[0].path, fleshed)
    about, corpus = fleshed.stat(), open_corpus(project)
    inputs = {"audio": f"{takes[0].sha256}:{about.st_size}:{about.st_mtime_ns}", "corpus": corpus.digest}
    values = {"p": 0.5, "q": 0.5, "original": True, "segments": [], "heldout_segments": [], "duration_s": 10.0}
    values |= {"longest_s": 0.0, "heldout_longest_s": 0.0, "matched_s": 0.0, "n_segments": 0, "null": {}}
    key = digest("originality", 1, EXACT, inputs, takes[0].id)
    old = Finding(key, "originality", 1, takes[0].id, canonical(EXACT), inputs, values, created_at=5.0)
    project.catalogue.record(old)
    room = sys.modules["neuralbum.originality.run"]
    monkeypatch.setattr(room, "search_take", lambda *words, **named: pytest.fail("searched again"))
    assert originality.run(project, EXACT, takes=[takes[0].id]).skipped == 1
    assert project.catalogue.finding(key) == old
    project.catalogue.close()
    shutil.copytree(project.root, tmp_path / "copy", copy_function=shutil.copyfile)
    copied = Project.open(tmp_path / "copy")
    assert originality.run(copied, EXACT, takes=[takes[0].id]).skipped == 1
    copied.catalogue.close()


def test_the_report_is_one_folder_with_a_player_for_both_sides(stocked):
    project, _ = stocked
    originality.run(project, EXACT)
    page = originality.draw_report(project, EXACT)
    text = page.read_text(encoding="utf-8")
    assert text.count("<article>") == 2
    assert "a held-out song" in text
    linked = set(re.findall(r'src="([^"]+)"', text))
    assert len(linked) == 8
    assert all((page.parent / name).stat().st_size > 0 for name in linked)
    assert "http" not in text


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path):
    from neuralbum.originality.report import Pair, write_report

    evil = '<script>alert("x")</script>'
    segment = {"query": evil, "reference": evil, "lane": "exact", "score": 9.0, "p": 1e-9, "pitch_semitones": 0}
    segment |= {"speed": 1.0, "q_start_s": 0.0, "q_end_s": 1.0, "r_start_s": 0.0, "r_end_s": 1.0}
    sound = np.zeros(2 * RATE, np.float32)
    page = write_report(
        tmp_path,
        [Pair(segment, evil, "train")],
        heading=evil,
        facts={evil: evil},
        null={},
        read_query=lambda name: sound,
        read_reference=lambda name: sound,
    )
    assert "<script>alert" not in Path(page).read_text(encoding="utf-8")


ASKED = {"temperatures": (1.0,), "seconds": 24.0, "take_s": 12.0, "params": EXACT}


@pytest.fixture
def sampling(stocked, tracks, others, monkeypatch):
    """A project whose net copies six seconds at step 200 and nothing at step 100; only the sampling is made up."""
    project, _ = stocked
    project.catalogue.add_model(Model("net-1", "samplernn", "tiny", RATE, "c"))
    project.catalogue.add_curve("net-1", [("heldout_bits", 100, 4.0), ("heldout_bits", 200, 3.5)])
    steps = project.models_dir / "net-1" / "steps"
    steps.mkdir(parents=True)
    for step in (100, 200):
        (steps / f"{step}.safetensors").write_bytes(b"%d" % step)

    def recipes(project, params, seed):
        warmth = ((0.0, params.temperature[0]),)
        return [Recipe(params.model, "", 0, seed, n, warmth, 1, RATE, "test") for n in range(2)]

    def sampled(project, params, seed):
        for number in range(2):
            sound = others[number][: 12 * RATE].copy()
            if params.model.endswith("@200"):
                sound[2 * RATE : 8 * RATE] = tracks["song 0"][10 * RATE : 16 * RATE]
            yield sound

    monkeypatch.setattr(memorisation, "sampled", sampled)
    monkeypatch.setattr("neuralbum.generate.recipes", recipes)
    return project


def test_a_net_that_memorises_is_told_from_one_that_does_not(sampling):
    assert originality.measure_model(sampling, "net", **ASKED).done == 2
    assert originality.measure_model(sampling, "net", **ASKED).skipped == 2
    page, (young, old) = memorisation.write_model_report(sampling, "net", **ASKED)
    assert young["matched_s_per_hour"] == 0
    assert old["matched_s_per_hour"] == pytest.approx(1800, rel=0.1)
    assert old["excess_low"] > 0
    assert [row["reversed_s_per_hour"] for row in (young, old)] == [0, 0]
    assert old["heldout_bits"] == 3.5
    assert young["sensitivity"] >= 0.7
    assert "<svg" in page.read_text(encoding="utf-8")


def test_the_report_of_a_model_shows_one_setting_at_a_time_and_rewrites_nothing(sampling):
    originality.measure_model(sampling, "net", **ASKED)
    before = sampling.catalogue.findings("memorisation")
    stricter = {**ASKED, "params": replace(EXACT, shortest_s=EXACT.shortest_s * 2), "steps": [200]}
    originality.measure_model(sampling, "net", **stricter)
    originality.measure_model(sampling, "net", **{**ASKED, "temperatures": (1.1,), "steps": [100]})
    page, rows = memorisation.write_model_report(sampling, "net", **ASKED)
    assert [(row["step"], row["temperature"]) for row in rows] == [(100, 1.0), (100, 1.1), (200, 1.0)]
    assert "1 more with other settings are not shown" in page.read_text(encoding="utf-8")
    _, rows = memorisation.write_model_report(sampling, "net", **stricter)
    assert [(row["step"], row["temperature"]) for row in rows] == [(200, 1.0)]
    assert [f for f in sampling.catalogue.findings("memorisation") if f.key in {g.key for g in before}] == before


def test_findings_of_an_older_version_are_neither_measured_again_nor_lost_to_the_report(sampling):
    asked = {**ASKED, "steps": [100]}
    planned = memorisation.experiment(sampling, "net", **asked)
    (item,) = planned.items()
    no_match = {"matched_s_per_hour": 0.0, "longest_s": 0.0, "sources": 0}
    values = {"model": "net-1", "step": 100, "temperature": 1.0, "heldout_bits": 4.0, "matched_s_per_hour": 0.0}
    values |= dict.fromkeys(("generated", "heldout", "self", "reversed"), no_match)
    values |= {
        "excess_s_per_hour": {"value": 0.0, "low": 0.0, "high": 0.0},
        "spiked": {"sensitivity": 0.85},
        "null": {},
    }
    key = digest("memorisation", 2, EXACT, item.inputs, "net-1@100@1")
    old = Finding(key, "memorisation", 2, item.subject, canonical(EXACT), item.inputs, values, created_at=5.0)
    sampling.catalogue.record(old)
    assert originality.measure_model(sampling, "net", **asked).skipped == 1
    (row,) = memorisation.write_model_report(sampling, "net", **asked)[1]
    assert row["sensitivity"] == 0.85


def test_the_command_reaches_the_stage_and_says_what_to_run_next(sampling, capsys):
    words = ["originality", "model", "net", "-p", str(sampling.root), "--step", "200", "--temperature", "1"]
    words += ["--seconds", "24", "--take-s", "12", "--set", "originality.lanes=['exact']"]
    assert command(words) == 0
    said = capsys.readouterr().out
    assert re.search(r"200\s+1\s+3.5", said)
    assert "next: neuralbum" in said


def test_an_unknown_model_or_step_names_those_there_are(stocked):
    project, _ = stocked
    with pytest.raises(CheckpointError, match="no model yet"):
        originality.measure_model(project, "x")
    project.catalogue.add_model(Model("net-1", "samplernn", "tiny", RATE, "c"))
    with pytest.raises(CheckpointError, match="no checkpoints"):
        originality.measure_model(project, "net-1")
