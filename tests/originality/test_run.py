"""The stage: takes in, findings out; the report; the test of a model."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from neuralbum import audio, originality, prepared
from neuralbum.errors import CheckpointError
from neuralbum.originality import building, model
from neuralbum.originality.params import Params
from neuralbum.originality.run import index_path, open_corpus, settle_album
from neuralbum.records import Model, Recipe, Track

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
    assert [found[take.id]["original"] for take in (own, copy, heldout)] == [True, False, True]
    segment = found[copy.id]["segments"][0]
    assert segment["reference"] == "Title of song 1"
    assert [segment["q_start_s"], segment["r_start_s"]] == pytest.approx([4.0, 9.0], abs=0.25)
    assert found[copy.id]["longest_s"] == pytest.approx(3.0, abs=0.4)
    assert found[heldout.id]["heldout_longest_s"] == pytest.approx(3.0, abs=0.4)
    assert found[own.id]["n_segments"] == 0
    assert found[copy.id]["q"] == pytest.approx(min(1.0, 3 * found[copy.id]["p"]))
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


def test_q_is_settled_over_all_takes_whatever_order_they_came_in(stocked):
    project, takes = stocked
    originality.run(project, EXACT, takes=[takes[1].id])
    alone = project.catalogue.latest("originality")[takes[1].id].values["q"]
    originality.run(project, EXACT)
    settle_album(project, EXACT)
    together = project.catalogue.latest("originality")[takes[1].id].values
    assert together["q"] == pytest.approx(3 * alone)


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
        hear_query=lambda name: sound,
        hear_reference=lambda name: sound,
    )
    assert "<script>alert" not in Path(page).read_text(encoding="utf-8")


def test_a_net_that_quotes_is_told_from_one_that_does_not(stocked, tracks, others, monkeypatch):
    project, _ = stocked
    project.catalogue.add_model(Model("net-1", "samplernn", "tiny", RATE, "c"))
    project.catalogue.add_curve("net-1", [("heldout_bits", 100, 4.0), ("heldout_bits", 200, 3.5)])
    steps = project.models_dir / "net-1" / "steps"
    steps.mkdir(parents=True)
    for step in (100, 200):
        (steps / f"{step}.safetensors").write_bytes(b"%d" % step)

    def recipes(project, params, seed):
        return [Recipe(params.model, "", 0, seed, n, ((0.0, 1.0),), 1, RATE, "test") for n in range(2)]

    def sampled(project, params, seed):
        step = int(params.model.partition("@")[2])
        for number in range(2):
            sound = others[number][: 12 * RATE].copy()
            if step == 200:
                sound[2 * RATE : 8 * RATE] = tracks["song 0"][10 * RATE : 16 * RATE]
            yield sound

    monkeypatch.setattr(model, "sampled", sampled)
    monkeypatch.setattr("neuralbum.generate.recipes", recipes)
    asked = {"temperatures": (1.0,), "seconds": 24.0, "take_s": 12.0, "params": EXACT}
    assert originality.measure_model(project, "net", **asked).done == 2
    assert originality.measure_model(project, "net", **asked).skipped == 2
    page, rows = model.write_model_report(project, "net")
    young, old = rows
    assert young["matched_s_per_hour"] == 0
    assert old["matched_s_per_hour"] == pytest.approx(1800, rel=0.1)
    assert old["excess_low"] > 0
    assert [row["reversed_s_per_hour"] for row in rows] == [0, 0]
    assert old["heldout_bits"] == 3.5
    assert young["sensitivity"] >= 0.7
    assert "<svg" in page.read_text(encoding="utf-8")


def test_an_unknown_model_or_step_names_those_there_are(stocked):
    project, _ = stocked
    with pytest.raises(CheckpointError, match="none yet"):
        originality.measure_model(project, "x")
    project.catalogue.add_model(Model("net-1", "samplernn", "tiny", RATE, "c"))
    with pytest.raises(CheckpointError, match="no checkpoints"):
        originality.measure_model(project, "net-1")
