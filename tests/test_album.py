"""A whole album with a debug net on the CPU: every stage, small, for real."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from neuralbum.audio import probe, read
from neuralbum.demo.album import make_album
from neuralbum.demo.budget import SONG_COST, TAKE_COST, plan
from neuralbum.errors import ParameterError
from neuralbum.project import Project
from neuralbum.screen.default_order import scores

SMALL = [
    "demo.preset=debug",
    "demo.train_s=6.0",
    "demo.songs=4",
    "demo.song_s=14.0",
    "demo.takes=4",
    "demo.take_s=11.0",
    "demo.keep=3",
    "demo.workers=1",
    "demo.flesh_preset=debug",
    "demo.flesh_s=4.0",
    "corpus.min_minutes=0.2",
]


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    folder = tmp_path_factory.mktemp("album") / "demo"
    return make_album(folder, words=SMALL), Project.open(folder, SMALL)


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "poster") and value]


def test_every_stage_did_its_work(album):
    result, project = album
    assert result.failed == 0
    assert result.songs == 3
    assert result.takes == 4
    catalogue = project.catalogue
    for stage in ("screen", "originality"):
        assert len(catalogue.latest(stage)) == 4, stage
    assert len(catalogue.latest("visualise")) == 3
    assert {m.kind for m in catalogue.models()} == {"skeleton", "flesh"}
    assert all(take.recipe.flesh for take in catalogue.takes()), "takes go through the flesh that was trained"


def test_auto_kept_the_best_ranked_takes_and_says_it_was_auto(album):
    _, project = album
    judged = project.catalogue.judgements()
    assert {j.actor for j in judged.values()} == {"auto"}
    score = scores(project.catalogue.latest("screen"), project.catalogue.latest("likeness"))
    kept = set(project.catalogue.kept())
    assert min(score[i] for i in kept) >= max(score[i] for i in score if i not in kept)


def test_the_album_folder_plays(album):
    _, project = album
    index = json.loads((project.album_dir / "index.json").read_text())
    assert len(index["songs"]) == 3
    for suffix, codec in (("flac", "flac"), ("opus", "opus")):
        files = sorted(project.album_dir.rglob(f"*.{suffix}"))
        assert len(files) == 3
        for path in files:
            assert probe(path).codec.startswith(codec)
            audio, rate = read(path)
            assert audio.shape[1] / rate == pytest.approx(11.0, abs=1.5)
            assert np.abs(audio).max() > 1e-3, "an album of silence is no album"
    assert len(list(project.album_dir.rglob("*.mp4"))) >= 3


def test_every_link_of_the_gallery_leads_to_a_file(album):
    result, project = album
    page = project.album_dir / "index.html"
    assert str(page) == result.gallery
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    elsewhere = ("data:", "#", "mailto:")
    local = [t.split("#")[0].split("?")[0] for t in links.found if "://" not in t and not t.startswith(elsewhere)]
    assert local
    assert not [t for t in local if t and not (page.parent / t).exists()]


def test_a_second_call_does_nothing_again(album):
    _, project = album
    before = {f.key: f.created_at for f in project.catalogue.findings()}
    stamps = {p: p.stat().st_mtime_ns for p in project.album_dir.rglob("*.flac")}
    again = make_album(project.root, words=SMALL)
    assert again.failed == 0
    assert {f.key: f.created_at for f in project.catalogue.findings()} == before
    assert {p: p.stat().st_mtime_ns for p in project.album_dir.rglob("*.flac")} == stamps


def test_a_time_and_a_number_of_songs_become_a_plan_that_fits():
    planned = plan(8 * 3600.0, 200, cores=2)
    assert planned.takes >= planned.songs == 200
    cpu = planned.takes * planned.take_s * TAKE_COST + planned.songs * planned.take_s * SONG_COST
    assert planned.train_s + planned.flesh_s + cpu / 2 <= 8 * 3600.0


def test_more_songs_than_fit_the_time_are_refused_with_a_time_that_does():
    with pytest.raises(ParameterError, match="200 songs in 10 min: too many") as told:
        plan(600.0, 200, cores=2)
    minutes = int(str(told.value).split("give it ")[1].split()[0])
    assert plan(60.0 * minutes, 200, cores=2).take_s >= 30.0


def test_music_without_a_band_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ParameterError, match="--artist"):
        make_album(tmp_path / "album", music=[tmp_path])
    assert not (tmp_path / "album").exists()
