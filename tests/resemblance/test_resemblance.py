"""The album against the band, on a project and on clouds of known shape."""

from __future__ import annotations

import html.parser
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from neuralbum import resemblance
from neuralbum.corpus import prepared
from neuralbum.errors import CatalogueError, ParameterError
from neuralbum.records import Track, digest
from neuralbum.resemblance.findings import STYLE_STAGE
from neuralbum.resemblance.params import Params
from neuralbum.resemblance.run import STAGE
from neuralbum.resemblance.style import (
    FLOOR_DB,
    HIGH_HZ,
    HOP,
    LOW_HZ,
    N_FFT,
    N_MELS,
    N_MFCC,
    SongStyle,
    cut,
    mfcc_statistics,
)
from neuralbum.resemblance.width import compare_width, mismatches

RATE = 16_000
SMALL = Params(patches=6, patch_s=1.0, splits=4)


def song(seed: int, seconds: float = 8.0) -> np.ndarray:
    """A made song whose colour, speed and pitch follow the seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    root = 60 * 2 ** rng.uniform(0, 3)
    tone = sum(np.sin(2 * np.pi * root * k * time + k) / k ** rng.uniform(0.5, 2) for k in range(1, 12))
    pulse = np.exp(-((time * rng.uniform(1, 4)) % 1) * rng.uniform(2, 12))
    out = tone * pulse + rng.uniform(0, 0.3) * rng.normal(0, 1, time.size)
    return (0.7 * out / np.abs(out).max()).astype(np.float32)


@pytest.fixture
def with_corpus(project):
    tracks = []
    for seed in range(4):
        track = Track(
            id=f"track{seed}",
            path=f"{seed}.wav",
            title=f"Song <{seed}> & more",
            artist="The Test Band",
            sha256=f"{seed}" * 64,
            duration_s=8.0,
            sample_rate=RATE,
            channels=1,
            split="train",
            level_db=-12.0,
            peak_db=-3.0,
        )
        project.corpus_dir.mkdir(exist_ok=True)
        mono = prepared.to_int16(song(seed))
        np.save(prepared.mono_path(project.corpus_dir, track.id), mono)
        np.save(prepared.stereo_path(project.corpus_dir, track.id), np.stack([mono, mono]))
        tracks.append(track)
    project.catalogue.add_tracks(tracks)
    prepared.describe(project, sample_rate=RATE, gain=1.0, tracks=tracks)
    return project


def test_an_album_gets_numbers_beside_their_floors_a_picture_and_a_page(with_corpus, add_take):
    takes = [add_take(song(100 + i), number=i) for i in range(4)]
    outcome = resemblance.run(with_corpus, SMALL)
    assert outcome.ok
    finding = with_corpus.catalogue.latest(STAGE)["album"]
    v = finding.values
    for name in ("frechet", "coverage"):
        assert name in v["album"]
        assert name in v["floor"]
    assert {row["take"] for row in v["songs"]} == {take.id for take in takes}
    assert set(v["distributions"]) >= {"tempo_bpm", "loudness_lufs", "centroid_hz", "key"}
    with Image.open(with_corpus.root / finding.files["picture"]) as image:
        assert image.format == "PNG"
    page = (with_corpus.root / finding.files["report"]).read_text(encoding="utf-8")
    assert "Song &lt;" in page
    assert "Song <" not in page
    html.parser.HTMLParser().feed(page)


def test_a_second_run_measures_only_new_takes(with_corpus, add_take):
    for i in range(3):
        add_take(song(100 + i), number=i)
    resemblance.run(with_corpus, SMALL)
    before = {f.key for f in with_corpus.catalogue.findings(STYLE_STAGE)}
    assert resemblance.run(with_corpus, SMALL).skipped == 1
    add_take(song(110), number=10)
    assert resemblance.run(with_corpus, SMALL).done == 1
    after = {f.key for f in with_corpus.catalogue.findings(STYLE_STAGE)}
    assert len(after - before) == 1
    assert before <= after


def test_a_silent_take_fails_with_its_name_and_the_rest_is_compared(with_corpus, add_take):
    for i in range(3):
        add_take(song(100 + i), number=i)
    silent = add_take(np.zeros(8 * RATE), number=9)
    outcome = resemblance.run(with_corpus, SMALL)
    assert [subject for subject, _ in outcome.errors] == [silent.id]
    assert with_corpus.catalogue.latest(STAGE)["album"].values["n_takes"] == 3


def test_without_takes_it_says_what_is_needed(with_corpus):
    with pytest.raises(CatalogueError, match="0 takes can be compared, at least 2"):
        resemblance.run(with_corpus, SMALL)


# ---- clouds of known shape --------------------------------------------------------


def cloud(centre: float, width: float, seed: int, n_songs: int = 12) -> dict[str, SongStyle]:
    rng = np.random.default_rng(seed)
    songs = {}
    for i in range(n_songs):
        middle = centre + width * rng.normal(0, 1, 8)
        points = (middle + 0.3 * width * rng.normal(0, 1, (12, 8))).astype(np.float32)
        songs[f"{seed}-{i}"] = SongStyle(points, float(rng.uniform(90, 180)), 0.5, -12.0, 1500.0, "E minor")
    return songs


def test_another_draw_of_the_same_band_lies_at_the_floor_and_is_as_wide():
    found = compare_width(cloud(0, 1, 1, 40), cloud(0, 1, 2, 40), Params(), seed=0).plain
    assert found["frechet_over_floor"] < 1.5
    assert found["spread_ratio"] == pytest.approx(1.0, abs=0.15)
    assert "about as wide as the band" in found["words"]
    assert "where the band lies" in found["words"]


def test_the_worst_mismatch_comes_first_in_the_report():
    band, album = cloud(0, 1, 1, 40), cloud(0, 1, 2, 40)
    without = {name: replace(style, base_bpm=0.0) for name, style in album.items()}
    found = compare_width(band, without, Params(), seed=0).plain
    assert found["words"].startswith("Least like the band: 100% of the album's songs have no tempo, 0% of the band's.")
    assert "about as wide as the band" in found["words"]  # true as well, and so it comes after
    darker = {name: replace(style, centroid_hz=300.0, key="C major") for name, style in without.items()}
    words = compare_width(band, darker, Params(), seed=0).plain["words"]
    order = [words.index(part) for part in ("brightness lies elsewhere (300 Hz", "no tempo", "The key of 100%")]
    assert order == sorted(order)


def test_an_album_like_the_band_has_no_mismatch_to_lead_with():
    assert (
        mismatches(compare_width(cloud(0, 1, 1, 40), cloud(0, 1, 2, 40), Params(), seed=0).plain["distributions"]) == []
    )


def test_a_collapsed_album_is_called_so_and_loses_coverage():
    found = compare_width(cloud(0, 1, 1), cloud(0.8, 0.1, 2), Params(), seed=0).plain
    assert found["album"]["coverage"] < 0.5 * found["floor"]["coverage"]
    assert found["effective_styles"]["album"] < 2 < found["effective_styles"]["band"]
    assert "collapsed into one thing" in found["words"]


def test_another_band_lies_far_away_and_its_songs_are_odd():
    found = compare_width(cloud(0, 1, 1), cloud(6, 1, 2), Params(), seed=0).plain
    assert found["frechet_over_floor"] > 4
    assert found["album"]["coverage"] < 0.05
    assert min(row["distance"] for row in found["songs"]) > 2


def test_one_song_is_no_spread():
    with pytest.raises(ParameterError, match="the album has 1 songs"):
        compare_width(cloud(0, 1, 1), cloud(0, 1, 2, n_songs=1), Params(), seed=0)


def test_the_same_seed_gives_the_same_comparison():
    first, second = (compare_width(cloud(0, 1, 1), cloud(1, 1, 2), Params(), seed=5).plain for _ in range(2))
    assert first == second


def test_patches_lie_inside_the_sound_and_silence_is_left_out():
    sound = song(0, 10.0)
    sound[: 5 * RATE] = 0
    patches = cut(sound, RATE, 1.0, 10)
    assert patches.shape == (5, RATE)


def test_findings_of_an_older_version_count(with_corpus, add_take):
    """neuralbum 0.1 had the settings ``embedding`` and ``musicnn``: they stand in the keys."""
    for i in range(2):
        add_take(song(100 + i), number=i)
    resemblance.run(with_corpus, SMALL)
    album = with_corpus.catalogue.latest(STAGE)["album"]
    older = {"embedding": "mfcc", "musicnn": "", "which": "kept", "patch_s": 1.0, "patches": 6, "components": 16}
    older |= {"neighbours": 5, "cut_s": 60.0, "splits": 4}
    assert album.key == digest(STAGE, 2, older, album.inputs, "album")
    track = with_corpus.catalogue.latest("portrait")["track0"]
    shape = {"embedding": "mfcc", "patch_s": 1.0, "patches": 6, "sample_rate": RATE}
    assert track.key == digest("portrait", 2, shape, track.inputs, "track0")


def test_mfccs_are_librosas():
    import librosa

    sound = song(3)[:RATE]
    theirs = librosa.feature.mfcc(
        S=librosa.power_to_db(
            librosa.feature.melspectrogram(
                y=sound, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, fmin=LOW_HZ, fmax=HIGH_HZ
            )
            / (N_FFT / 4) ** 2,
            top_db=None,
            amin=10 ** (FLOOR_DB / 10),
        ),
        n_mfcc=N_MFCC,
    )
    ours = mfcc_statistics(sound, RATE)
    np.testing.assert_allclose(ours[:N_MFCC], theirs.mean(axis=1), rtol=1e-3, atol=0.02)
    np.testing.assert_allclose(ours[N_MFCC : 2 * N_MFCC], theirs.std(axis=1), rtol=1e-3, atol=0.02)
