"""Labels suggested for tracks: measured tempi, and the tags of kept takes that sound like them."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.corpus import prepared
from neuralbum.corpus.labels import Labels, read_labels
from neuralbum.errors import CatalogueError, ParameterError
from neuralbum.records import Event, Track
from neuralbum.resemblance import suggest
from neuralbum.resemblance.label_suggestions import near_takes, shared_tags, tempo_of
from neuralbum.resemblance.params import Params
from neuralbum.resemblance.style import SongStyle

RATE = 16_000
SMALL = Params(patches=6, patch_s=1.0)
BPM = {"slow": 90.0, "fast": 160.0, "bright": 120.0}
ROOT_HZ = {"slow": 70.0, "fast": 240.0, "bright": 900.0}
BPM_TOLERANCE = 0.01


def tune(name: str, *, seed: int = 0, seconds: float = 12.0) -> np.ndarray:
    """Struck tones of that song's tempo and colour over a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * ROOT_HZ[name] * k * time + k) / k for k in range(1, 6))
    struck = tone * np.exp(-8 * (time % (60.0 / BPM[name])))
    return (0.3 * struck + 0.01 * rng.normal(size=time.size)).astype(np.float32)


def track(name: str) -> Track:
    return Track(name, f"/m/{name}.wav", name.title(), "B", name, 12.0, RATE, 1, "train", -12.0, -3.0)


def fill(project, sounds):
    project.corpus_dir.mkdir()
    for name, sound in sounds.items():
        pcm = prepared.to_int16(sound)
        np.save(prepared.mono_path(project.corpus_dir, name), pcm)
        np.save(prepared.stereo_path(project.corpus_dir, name), np.stack([pcm, pcm]))
    tracks = [track(name) for name in sounds]
    project.catalogue.add_tracks(tracks)
    prepared.describe(project, sample_rate=RATE, gain=1.0, tracks=tracks)
    return tracks


@pytest.fixture
def band(project):
    """A project of three songs: slow, fast, bright."""
    fill(project, {name: tune(name) for name in BPM})
    return project


@pytest.fixture
def curated(band, add_take):
    """Says (sound, verdict, tags) of takes, as a curator does."""

    def curate(*said):
        for i, (sound, verdict, tags) in enumerate(said):
            take = add_take(sound, number=i)
            events = [("verdict", {"value": verdict}), *(("tag", {"tag": tag}) for tag in tags)]
            band.catalogue.say(
                Event(f"{i}-{k}", 1.7e9 + k, "ann", kind, take.id, payload) for k, (kind, payload) in enumerate(events)
            )
        return band

    return curate


def labels_path(project):
    return project.root / "labels.toml"


def by_track(found):
    return {one.track: one for one in found.suggestions}


def test_tempi_are_measured_and_takes_hand_their_tags_to_the_track_they_sound_like(curated):
    project = curated(
        (tune("slow", seed=1), "keep", ["doom", "live"]),
        (tune("slow", seed=2), "keep", ["doom"]),
        (tune("slow", seed=3), "drop", ["live"]),  # not kept: has no say
        (tune("fast", seed=4), "keep", ["blastbeat"]),  # alone: not enough
        (tune("bright", seed=5), "keep", []),
    )
    found = suggest(project, labels_path(project), params=SMALL)
    rows = by_track(found)
    for name, bpm in BPM.items():
        assert rows[name].tempo == pytest.approx(bpm, rel=BPM_TOLERANCE)
        assert rows[name].because["tempo"].startswith("measured, clarity 0.")
    assert {name: row.tags for name, row in rows.items()} == {"slow": ("doom",), "fast": (), "bright": ()}
    assert rows["slow"].because["tags"] == "of 2 tagged takes that sound most like it: 2 doom"
    assert not labels_path(project).exists()
    assert not found.written


def test_accepted_suggestions_are_written_beside_what_a_person_wrote(curated):
    project = curated(*((tune("slow", seed=i), "keep", ["doom"]) for i in range(3)))
    path = labels_path(project)
    path.write_text('# ours\n[tags]\nSlow = []  # none, really\n[tempo]\n"fast.wav" = 80  # I feel it so\n')
    found = suggest(project, path, accept=True, params=SMALL)
    assert found.written == str(path)
    labels = read_labels(path, project.catalogue.tracks())
    assert labels["slow"].none_fit
    assert labels["fast"] == Labels((), 80.0)
    assert labels["slow"].tempo == pytest.approx(90, rel=BPM_TOLERANCE)
    text = path.read_text()
    assert all(part in text for part in ("# ours", "# none, really", "# I feel it so", "# suggested: measured"))
    again = suggest(project, path, accept=True, params=SMALL)
    assert not again.suggestions
    assert path.read_text() == text


def test_a_second_look_measures_nothing_anew(band):
    first = suggest(band, labels_path(band), params=SMALL)
    n_known = len(band.catalogue.findings("portrait"))
    assert n_known == len(BPM)
    assert suggest(band, labels_path(band), params=SMALL) == first
    assert len(band.catalogue.findings("portrait")) == n_known


def test_only_the_named_songs_are_looked_at(band):
    assert set(by_track(suggest(band, labels_path(band), songs=["FAST"], params=SMALL))) == {"fast"}
    with pytest.raises(ParameterError, match="no song 'fats' in the corpus; did you mean 'Fast'"):
        suggest(band, labels_path(band), songs=["fats"], params=SMALL)


def test_without_curated_takes_it_says_so_and_still_measures_tempi(band):
    found = suggest(band, labels_path(band), params=SMALL)
    assert any("no kept take has one yet" in note and "neuralbum curate" in note for note in found.notes)
    assert all(row.tempo and not row.tags for row in found.suggestions)


def cloud(*centre):
    """A style whose patches lie around a point."""
    points = np.asarray(centre) + 0.1 * np.random.default_rng(0).normal(size=(20, len(centre)))
    return SongStyle(points.astype(np.float32), 0.0, 0.0, None, 100.0, "C major")


def test_a_take_counts_only_for_a_track_it_is_near_and_clearly_nearest_to():
    band = {"a": cloud(0, 0), "b": cloud(10, 0), "c": cloud(0, 10)}
    takes = {"near": cloud(1, 1), "between": cloud(4.8, 0), "far": cloud(-12, -12), "other": cloud(11, 1)}
    near = near_takes(band, takes, Params())
    assert near.of_track == {"a": ["near"], "b": ["other"]}
    assert near.n_unlike == 2


def test_takes_that_count_for_no_track_are_counted(curated):
    whistle = (0.3 * np.sin(2 * np.pi * 3000 * np.arange(12 * RATE) / RATE)).astype(np.float32)
    project = curated((whistle, "keep", ["whistle"]), (whistle / 2, "keep", ["whistle"]))
    found = suggest(project, labels_path(project), params=SMALL)
    assert not any(row.tags for row in found.suggestions)
    assert any(note.startswith("2 of 2 kept and tagged takes sound like no track") for note in found.notes)


def test_songs_without_a_beat_or_without_sound_are_named_with_the_reason(project):
    drone = np.sin(2 * np.pi * 110 * np.arange(12 * RATE) / RATE).astype(np.float32) / 3
    fill(project, {"slow": tune("slow"), "fast": drone, "bright": np.zeros(12 * RATE, np.float32)})
    found = suggest(project, labels_path(project), params=SMALL)
    assert found.n_failed == 1
    assert any(note.startswith("Fast: no tempo") for note in found.notes)
    assert any(note.startswith("Bright: could not be measured") and "silent" in note for note in found.notes)


def test_a_project_without_music_says_what_to_do(project):
    with pytest.raises(CatalogueError, match="neuralbum add"):
        suggest(project, labels_path(project))


def test_two_takes_and_half_of_them_must_agree():
    tags = {"a": ("x", "y"), "b": ("x",), "c": ("z", "z"), "d": ("x", "w"), "e": ("w",)}
    assert shared_tags("ab", tags) == {"x": 2}
    assert shared_tags("abc", tags) == {"x": 2}
    assert shared_tags("abcde", tags) == {"x": 3}
    assert shared_tags("c", tags) == {}


@pytest.mark.parametrize(("base", "said"), [(0.0, None), (35.0, 70.0), (92.26, 92.3), (400.0, 200.0)])
def test_a_measured_tempo_comes_by_octaves_into_the_range_of_labels(base, said):
    assert tempo_of(SongStyle(np.zeros((1, 1)), base, 0.5, None, 100.0, "C major")) == said
