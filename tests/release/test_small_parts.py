"""Names, licences, chapters, order, playlists, feed, disclosure, cards: pure parts, one law each."""

from __future__ import annotations

import csv
import io
import itertools
import json
from dataclasses import replace
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralbum.audio.tags import Chapter, timestamp
from neuralbum.errors import CatalogueError, SettingsError
from neuralbum.records import Judgement, Model, Note, Recipe, Song, Take
from neuralbum.release import contents, listings, rights
from neuralbum.release.disclosure import answers, model_card
from neuralbum.release.params import Params
from neuralbum.release.song_metadata import (
    Album,
    AlbumSong,
    Distinction,
    clock,
    plain_text,
    slug,
    slugs,
    song_metadata,
)
from neuralbum.release.songs import album_loudness
from neuralbum.release.tags import chapters

RECIPE = {
    "model_id": "samplernn-1",
    "model_digest": "d1gest",
    "step": 100,
    "seed": 0,
    "number": 1,
    "temperature": [[0.0, 1.0]],
    "n_samples": 480_000,
    "sample_rate": 16_000,
    "engine": "test 1",
    "prime": {},
}


def a_song(number: int, title: str = "Mock Melancholy", **more: object) -> AlbumSong:
    song = AlbumSong(number, f"take{number}", slug(title) or f"s{number}", title, 30.0, 16_000, 1, RECIPE, 1.0)
    return replace(song, files={"opus": f"audio/{song.slug}.opus"}, **more)


def an_album(*songs: AlbumSong, **more: object) -> Album:
    return Album(
        title="Fake Feelings",
        artist="Silver Stones",
        date="2026-11-22",
        licence=rights.check("CC-BY-NC-4.0"),
        rights_holder="Silver Stones GbR",
        contact="hello@example.org",
        permission="our own recordings",
        songs=songs or (a_song(1),),
        disclosure=dict.fromkeys(answers.CATEGORIES, "generated") | {"images": "programmed", "texts": "human"},
        **more,
    )


# ---- names -------------------------------------------------------------------------


@given(st.text(max_size=400))
def test_a_slug_is_always_one_harmless_path_part(title):
    name = slugs([("take1", title)])["take1"]
    assert name.isascii()
    assert len(name) <= 80
    assert PurePosixPath(name).name == name
    assert not name.startswith(".")
    assert all(c.isalnum() or c == "-" for c in name)


@given(st.lists(st.text(max_size=8), max_size=12))
def test_slugs_are_unique_whatever_the_titles(titles):
    made = slugs((f"take{i}", title) for i, title in enumerate(titles))
    assert len(set(made.values())) == len(titles)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Mock Melancholy", "mock-melancholy"),
        ("../../etc/passwd", "etc-passwd"),
        ("Ångström's Ärger", "angstrom-s-arger"),
        ("CON", "con-song"),
        ("💔", ""),
        ("a" * 300, "a" * 60),
    ],
)
def test_slugs_of_known_titles(title, expected):
    assert slug(title) == expected


@given(st.text())
def test_plain_text_is_one_line_and_stays_as_it_is(text):
    once = plain_text(text)
    assert plain_text(once) == once
    assert "\n" not in once
    assert "\0" not in once


# ---- licence --------------------------------------------------------------------------


def test_all_missing_fields_are_named_at_once():
    with pytest.raises(CatalogueError) as caught:
        rights.require("", "hello@example.org", "  ")
    assert "rights_holder" in str(caught.value)
    assert "permission" in str(caught.value)
    assert "contact =" not in str(caught.value)


@pytest.mark.parametrize(
    ("spdx", "url"),
    [
        ("CC-BY-NC-4.0", "https://creativecommons.org/licenses/by-nc/4.0/"),
        ("CC-BY-SA-3.0-DE", "https://creativecommons.org/licenses/by-sa/3.0/de/"),
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("Apache-2.0", "https://spdx.org/licenses/Apache-2.0.html"),
    ],
)
def test_licences_point_to_their_text(spdx, url):
    assert rights.check(spdx).url == url


def test_an_unknown_licence_is_refused_with_the_nearest_one():
    with pytest.raises(SettingsError, match=r"did you mean 'CC-BY-NC-4.0'"):
        rights.check("CC-BY-NC-4")


def test_a_format_that_does_not_exist_is_refused_by_name():
    with pytest.raises(SettingsError, match="'ogg' is not one of flac, opus, mp3, m4a"):
        Params(formats=("ogg",))


# ---- chapters ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "00:00:00.000"), (72.5, "00:01:12.500"), (3661.0006, "01:01:01.001"), (-1, "00:00:00.000")],
)
def test_a_chapter_comment_counts_hours_minutes_seconds_and_milliseconds(seconds, text):
    assert timestamp(seconds) == text


def test_a_song_starts_under_its_own_title_until_something_is_heard():
    marks = [Distinction(72.0, 80.0, "breakdown in 6/8"), Distinction(12.0, 13.0, "doom riff")]
    assert chapters(marks, title="Mock Melancholy", duration_s=90.0) == (
        Chapter(0.0, 12.0, "Mock Melancholy"),
        Chapter(12.0, 72.0, "doom riff"),
        Chapter(72.0, 90.0, "breakdown in 6/8"),
    )


@given(st.lists(st.tuples(st.floats(0, 100), st.text(min_size=1, max_size=3)), max_size=20))
def test_chapters_cover_the_song_without_gaps(marks):
    found = chapters([Distinction(at, at, text) for at, text in marks], title="T", duration_s=100.0)
    assert bool(found) == bool(marks)
    if found:
        assert (found[0].start_s, found[-1].end_s) == (0.0, 100.0)
        assert all(a.end_s == b.start_s and a.start_s < b.start_s for a, b in itertools.pairwise(found))


def test_clock_says_minutes_as_people_do():
    assert [clock(s) for s in (0, 72.9, 3725)] == ["0:00", "1:12", "1:02:05"]


# ---- song metadata ----------------------------------------------------------------------------


def fold(judgement: Judgement | None = None, **screen: object) -> AlbumSong:
    recipe = Recipe("m", "d", 1, 0, 1, ((0.0, 0.98), (30.0, 1.02)), 480_000, 16_000, "e")
    take = Take("t", recipe, "takes/t.flac", "0" * 64, 16_000, 1, 480_000)
    return song_metadata(Song(1, "t", "Mock Melancholy"), take, "mock", judgement=judgement, screen=screen)


def test_a_tapped_tempo_wins_over_a_measured_one():
    tempo = {"base_bpm": 70.0, "clarity": 0.7, "family": []}
    assert (fold(tempo=tempo).bpm, fold(tempo=tempo).bpm_from) == (70.0, "measured")
    assert (fold(Judgement("t", bpm=140.0), tempo=tempo).bpm_from) == "tapped"


def test_what_has_no_clear_pulse_has_no_tempo():
    assert fold(tempo={"base_bpm": 113.0, "clarity": 0.05, "family": []}).bpm == 0.0
    assert fold().bpm is None


def test_the_family_is_of_octaves_that_are_heard():
    family = [(74.0, 1.0), (148.9, 0.5), (111.0, 0.9), (37.0, 0.1)]  # itself, double, 3:2, a faint half
    relatives = [{"relation": "", "bpm": bpm, "strength": strength} for bpm, strength in family]
    assert fold(tempo={"base_bpm": 74.0, "clarity": 0.7, "family": relatives}).bpm_family == (74.0, 148.9)


def test_notes_are_cut_to_the_song():
    notes = (Note("a", -3.0, 99.0, "  doom\nriff ", "ann"), Note("b", 5.0, 4.0, "\0", "ann"))
    assert fold(Judgement("t", notes=notes)).distinctions == (Distinction(0.0, 30.0, "doom riff"),)


# ---- order ------------------------------------------------------------------------------------


def test_flow_does_not_depend_on_the_order_it_is_given():
    songs = [a_song(i, f"s {i}", loudness_lufs=-20.0 + (7 * i) % 11, bpm=60.0 + 13 * i) for i in range(12)]
    assert contents.flow(songs) == contents.flow(songs[::-1])
    assert sorted(s.number for s in contents.flow(songs)) == list(range(12))


def test_flow_starts_calm_and_keeps_octaves_together():
    calm = [a_song(i, f"c {i}", loudness_lufs=-22.0, bpm=bpm) for i, bpm in enumerate((70.0, 140.0))]
    loud = [a_song(i, f"l {i}", loudness_lufs=-8.0, bpm=bpm) for i, bpm in enumerate((70.0, 99.0), 2)]
    assert {s.number for s in contents.flow([*loud, *calm])[:2]} == {0, 1}


def test_the_album_gain_is_the_mean_power_in_whole_decibels():
    # two songs of equal length at -10 and -20 LUFS: 10 log10((0.1 + 0.01) / 2) = -12.6
    assert album_loudness([a_song(1, loudness_lufs=-10.0), a_song(2, loudness_lufs=-20.0)]) == -13.0
    assert album_loudness([a_song(1)]) is None


# ---- files for machines ------------------------------------------------------------------------


HOSTILE = "</script><b>&\"'=💔\u2028 x"


def test_playlists_hold_every_song_and_survive_any_title():
    album = an_album(a_song(1), a_song(2, plain_text(HOSTILE)))
    lines = listings.m3u8(album).splitlines()
    assert len(lines) == 2 + 2 * 2
    assert lines[3] == "audio/mock-melancholy.opus"
    tracks = ET.fromstring(listings.xspf(album)).findall(".//{*}track")
    assert [t.findtext("{*}title") for t in tracks] == ["Mock Melancholy", plain_text(HOSTILE)]
    assert tracks[0].findtext("{*}duration") == "30000"


def test_the_feed_is_atom_with_enclosures():
    root = ET.fromstring(listings.atom(an_album(a_song(1, HOSTILE), sizes={"audio/script-b-x.opus": 99})))
    entry = root.find("{http://www.w3.org/2005/Atom}entry")
    enclosure = next(e for e in entry if e.get("rel") == "enclosure")
    assert (enclosure.get("length"), enclosure.get("type")) == ("99", "audio/ogg")
    assert entry.findtext("{http://www.w3.org/2005/Atom}title") == HOSTILE


def test_a_title_that_looks_like_a_formula_is_text_in_the_disclosure_sheet():
    rows = list(csv.DictReader(io.StringIO(answers.sheet_csv(an_album(a_song(1, "=HYPERLINK(1)"))))))
    assert rows[0]["title"] == "'=HYPERLINK(1)"
    assert rows[0]["vocals"] == "generated"


@pytest.mark.parametrize(
    ("songs", "finished"),
    [
        ([{"chosen_by": "auto"}, {"chosen_by": "auto", "flesh": "flesh-1"}], "generated"),
        ([{"chosen_by": "ana"}, {"chosen_by": "auto"}], "assisted"),
        ([{"chosen_by": "ana", "flesh": "flesh-1"}], "assisted"),
        ([{"chosen_by": "ana"}, {"chosen_by": "bo"}], "human"),
    ],
)
def test_the_disclosure_of_finishing_follows_from_who_chose_and_what_the_flesh_did(songs, finished):
    assert answers.finishing([a_song(n, **more) for n, more in enumerate(songs, 1)]) == finished


def test_token_metadata_points_into_the_folder_it_is_given():
    files = {"mp3": "audio/a b.mp3", "flac": "audio/a.flac", "poster": "pictures/a.webp"}
    song = replace(a_song(1, style="doom"), files=files)
    made = listings.tokens(an_album(song), "ipfs://bafy")
    assert set(made) == {"tokens/1.json", "tokens/collection.json"}
    token = json.loads(made["tokens/1.json"])
    assert (token["image"], token["animation_url"]) == ("ipfs://bafy/pictures/a.webp", "ipfs://bafy/audio/a%20b.mp3")
    assert token["properties"]["files"]["flac"] == "ipfs://bafy/audio/a.flac"
    assert {"trait_type": "Style", "value": "doom"} in token["attributes"]
    assert json.loads(made["tokens/collection.json"])["name"] == "Fake Feelings — Silver Stones"


def test_the_index_names_files_with_their_digests():
    about = json.loads(listings.index(an_album(), {"audio/mock-melancholy.opus": "ab"}))
    assert about["songs"][0]["files"]["opus"] == {"path": "audio/mock-melancholy.opus", "sha256": "ab"}
    assert about["songs"][0]["recipe"]["seed"] == 0


def test_a_model_card_says_what_the_net_was_trained_on_and_its_grams():
    model = Model("samplernn-1", "samplernn", "debug", 16_000, "c0ffee", {"dim": 8})
    card = model_card.model_card(
        an_album(), model, tracks=[], curve={"heldout_bits": [(1, 6.0), (2, 4.5)]}, emissions_g=12.34
    )
    assert "emissions: 12.3\n" in card
    assert "our own recordings" in card
    assert "| heldout\\_bits | 6 | 4.5 | 4.5 | 2 |" in card
