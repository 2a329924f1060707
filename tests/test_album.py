"""A whole album with a debug net on the CPU: every stage, small, for real."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from neuralbum.audio import probe, read
from neuralbum.demo.album import make_album
from neuralbum.errors import ParameterError
from neuralbum.generate import GenerateParams
from neuralbum.generate import run as run_generate
from neuralbum.project import Project

SMALL = [
    "demo.preset=debug",
    "demo.train_s=6.0",
    "demo.songs=4",
    "demo.song_s=8.0",
    "demo.takes=4",
    "demo.take_s=3.0",
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
    for stage in ("screen", "originality", "flesh"):
        assert len(catalogue.latest(stage)) == 4, stage
    assert len(catalogue.latest("visualise")) == 3
    assert {m.kind for m in catalogue.models()} >= {"flesh"}


def test_auto_kept_the_best_ranked_takes_and_says_it_was_auto(album):
    _, project = album
    judged = project.catalogue.judgements()
    assert {j.actor for j in judged.values()} == {"auto"}
    score = {i: f.values["score"] for i, f in project.catalogue.latest("screen").items()}
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
            assert audio.shape[1] / rate == pytest.approx(3.0, abs=0.1)
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


def test_takes_left_bare_by_other_settings_are_fleshed_by_the_next_call(album):
    _, project = album
    assert run_generate(project, GenerateParams(count=1, length_s=1.0, prime_s=0.0, flesh="never")).done == 1
    bare = {t.id for t in project.catalogue.takes()} - set(project.catalogue.latest("flesh"))
    assert len(bare) == 1
    assert make_album(project.root, words=SMALL).failed == 0
    assert bare <= set(project.catalogue.latest("flesh"))


def test_music_without_a_band_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ParameterError, match="--artist"):
        make_album(tmp_path / "album", music=[tmp_path])
    assert not (tmp_path / "album").exists()
