"""Likeness measure by measure, on sounds whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum import audio, resemblance
from neuralbum.cli.run import run as command
from neuralbum.corpus import prepared
from neuralbum.errors import AudioError, ParameterError
from neuralbum.records import Track
from neuralbum.resemblance.likeness import form, steadiness, two_sample
from neuralbum.resemblance.likeness.compare import Likeness, compare, of_takes, read_likeness
from neuralbum.resemblance.likeness.measures import (
    MEASURES,
    MONO_DB,
    SongMeasures,
    cut_times,
    measure,
    side_db,
)
from neuralbum.resemblance.params import Params
from neuralbum.screen import tempo
from neuralbum.screen.analysis import analyse

RATE = 22_050
SEED = 0


def value(song: SongMeasures, name: str) -> float:
    return float(np.median(song.column(next(m for m in MEASURES if m.name == name))))


def clicks_over_chords(seed: int = 0, seconds: float = 20.0, bpm: float = 120.0, gain: float = 0.2) -> np.ndarray:
    """A click on every beat, louder on every fourth, over a chord that changes every bar; stereo."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    beat, bar = (time * bpm / 60).astype(int), (time * bpm / 240).astype(int)
    roots = 220.0 * 2.0 ** (rng.permutation(12)[:4] / 12)
    notes = [(ratio, k) for ratio in (1.0, 1.25, 1.5) for k in range(1, 9)]
    chord = sum(np.sin(2 * np.pi * roots[bar % 4] * ratio * k * time) / k for ratio, k in notes) / 5
    since = (time * bpm / 60) % 1 * 60 / bpm
    hit = rng.normal(0, 1, time.size) * np.exp(-since * 60) * np.where(beat % 4 == 0, 2.0, 1.0)
    hiss = 0.002 * rng.normal(0, 1, (2, time.size))
    return (gain * (0.5 * chord + hit)[None] + hiss).astype(np.float32)


def noise(seed: int = 0, seconds: float = 20.0, gain: float = 0.1) -> np.ndarray:
    return (gain * np.random.default_rng(seed).normal(0, 1, (2, round(seconds * RATE)))).astype(np.float32)


@pytest.fixture(scope="module")
def band() -> list[SongMeasures]:
    speeds = (100, 110, 120, 130, 140, 150)
    return [measure(clicks_over_chords(i, bpm=bpm), RATE, name=f"song {i}", cut_s=20.0) for i, bpm in enumerate(speeds)]


@pytest.fixture(scope="module")
def noises() -> list[SongMeasures]:
    return [measure(noise(i), RATE, name=f"noise {i}", cut_s=20.0) for i in range(4)]


# ---- what is measured -------------------------------------------------------------


def test_clicks_over_chords_have_a_beat_chords_and_bars_and_noise_has_none(band, noises):
    music, hiss = band[2], noises[0]
    for name, low, high in (
        ("clarity", 0.2, 0.6),
        ("onset_contrast", 2.0, 4.0),
        ("onset_repetition", 0.2, 0.5),
        ("tonality", 9.0, 13.0),
        ("chroma", 0.3, 0.5),
        ("harmonic", 0.25, 0.4),
        ("repetition", 0.1, 0.4),
    ):
        assert value(hiss, name) < low < high < value(music, name), name
    assert value(hiss, "flatness") > 0.9 > value(music, "flatness")


def test_clicks_at_120_bpm_are_two_onsets_a_second(band):
    assert value(band[2], "onset_rate") == pytest.approx(2.0, abs=0.15)


def test_clarity_of_a_whole_cut_is_what_the_tempo_command_says(band):
    heard = analyse([(clicks_over_chords(2), RATE)])
    assert value(band[2], "cut_clarity") == pytest.approx(tempo.measure(heard.onset, heard.frame_rate).song.clarity)


def test_the_centroid_of_a_sine_is_its_frequency_and_air_is_what_lies_above_8_khz():
    time = np.arange(12 * RATE) / RATE
    low = measure(np.sin(2 * np.pi * 500 * time)[None].astype(np.float32) / 2, RATE)
    both = measure(
        (np.sin(2 * np.pi * 500 * time) + np.sin(2 * np.pi * 9000 * time))[None].astype(np.float32) / 2, RATE
    )
    assert value(low, "centroid") == pytest.approx(500, rel=0.01)
    assert value(low, "air") < -60
    assert value(both, "air") == pytest.approx(-3.01, abs=0.05)  # half of the power


@pytest.mark.parametrize("gain", [0.1, 0.5, 1.0])
def test_sides_are_as_wide_as_they_were_mixed(gain):
    middle, side = noise(1)[0], noise(2)[0]
    assert side_db(np.stack([middle + gain * side, middle - gain * side])) == pytest.approx(
        20 * np.log10(gain), abs=0.2
    )  # two noises of equal power, 20 s: within 0.2 dB


def test_one_channel_twice_is_mono():
    mono = noise(1)[:1]
    assert side_db(mono) == side_db(np.repeat(mono, 2, axis=0)) == MONO_DB


def test_a_ramp_of_12_db_rises_by_what_its_quarters_differ():
    ramp = 10 ** (np.linspace(-12, 0, 20 * RATE) / 20)
    song = measure((noise(3) * ramp).astype(np.float32), RATE, cut_s=20.0)
    assert value(song, "rise") == pytest.approx(
        9.0, abs=0.2
    )  # from the middle of the first quarter to that of the last


def test_a_sound_shorter_than_an_excerpt_or_silent_is_refused_by_name():
    with pytest.raises(AudioError, match=r"short: 5.0 s; an excerpt takes 10 s"):
        measure(noise(0, 5.0), RATE, name="short")
    with pytest.raises(AudioError, match="still: silent"):
        measure(np.zeros((2, 12 * RATE), dtype=np.float32), RATE, name="still")


def test_cuts_cover_a_song_but_for_a_short_rest():
    assert cut_times(45.0, 60.0) == [(0.0, 45.0)]
    assert cut_times(125.0, 60.0) == [(0.0, 60.0), (60.0, 120.0)]
    assert cut_times(95.0, 60.0) == [(0.0, 60.0), (60.0, 95.0)]


# ---- form -------------------------------------------------------------------------


def test_a_planted_a_b_a_has_three_sections_and_one_texture_has_one():
    rng = np.random.default_rng(SEED)
    parts = rng.normal(0, 1, (2, 25))
    plan = np.repeat([0, 1, 0], 40)  # three parts of 20 s in blocks of half a second
    a_b_a = parts[plan] + 0.5 * rng.normal(0, 1, (120, 25))
    curve = form.novelty(a_b_a)
    assert form.sections(curve) == 3
    assert sorted(np.argsort(-curve)[:2]) == [40, 80]
    assert form.sections(form.novelty(rng.normal(0, 1, (120, 25)))) == 1


@pytest.mark.parametrize("beats", [3, 4])
def test_a_pattern_of_one_bar_repeats_at_its_bar_and_noise_does_not(beats):
    rng = np.random.default_rng(SEED)
    frame_rate, bpm = 50.0, 120.0
    bar = rng.normal(0, 6, (round(beats * frame_rate * 60 / bpm), 32))
    picture = -20 + np.tile(bar, (12, 1))
    assert form.bar_repetition(picture, frame_rate, bpm) > 0.9
    assert form.bar_repetition(-20 + rng.normal(0, 6, picture.shape), frame_rate, bpm) < 0.1


def test_without_a_tempo_bars_are_two_seconds_long():
    rng = np.random.default_rng(SEED)
    picture = -20 + np.tile(rng.normal(0, 6, (100, 32)), (8, 1))
    assert form.bar_repetition(picture, 50.0, 0.0) > 0.9


# ---- takes beside the band --------------------------------------------------------


def test_noise_beside_music_is_unlike_it_in_beat_and_tone_and_told_apart(band, noises):
    found = compare(band, noises, np.random.default_rng(SEED))
    assert found.groups["beat"].takes < 0.1
    assert found.groups["tone"].takes < 0.1
    assert found.core.floor > 0.5
    assert found.measures[0].gap == max(m.gap for m in found.measures)
    assert found.told_apart is not None
    assert found.told_apart.auc > 0.99
    assert "Least like the band" in found.words()


def test_a_finding_comes_back_from_what_was_stored(band, noises):
    found = compare(band, noises, np.random.default_rng(SEED))
    assert read_likeness(json.loads(json.dumps(found.plain()))) == found


def test_a_take_that_swells_into_clipping_runs_away_and_its_score_is_0(band):
    ramp = 10 ** (np.linspace(-6, 40, 20 * RATE) / 20)
    away = np.clip(clicks_over_chords(7) * ramp, -1, 1).astype(np.float32)
    steady = clicks_over_chords(7, bpm=125.0)
    takes = [measure(x, RATE, name=name, cut_s=20.0) for name, x in (("away", away), ("steady", steady))]
    found = compare(band, takes, np.random.default_rng(SEED))
    (only,) = found.steadiness
    assert (only.name, only.runs_away) == ("away", True)
    assert "saturates" in only.reasons
    assert only.loud_share > 0.05
    assert found.run_away.takes == 0.5
    scores = [one.score for one in of_takes(band, takes)]
    assert scores[0] == 0 < 0.3 < scores[1]


def test_a_take_that_fades_to_nothing_is_unsteady_but_does_not_run_away(band):
    fade = 10 ** (np.linspace(0, -50, 20 * RATE) / 20)
    take = measure((clicks_over_chords(7) * fade).astype(np.float32), RATE, name="fade", cut_s=20.0)
    (found,) = steadiness.steadiness(band, [take])
    assert "dies away" in found.reasons
    assert not found.runs_away


def test_cells_are_loud_only_above_the_bands_loudest_thousandth():
    levels = np.zeros((2, 200), dtype=np.int64)
    levels[:, 100] = 10_000  # −30 dB, each
    limit = steadiness.loud_limits(levels)
    assert limit == pytest.approx([-30 + 0.5 + 3.0] * 2)  # the upper edge of its step, and 3 dB
    louder = np.zeros_like(levels)
    louder[0, 107] = louder[1, 106] = 50
    assert steadiness.loud_share(louder, limit) == 0.5


def test_two_songs_are_no_band(band, noises):
    with pytest.raises(ParameterError, match="the band has 2 songs"):
        compare(band[:2], noises, np.random.default_rng(SEED))


# ---- the two-sample test ----------------------------------------------------------


def songs(rng: np.random.Generator, n: int, shift: float = 0.0) -> list[np.ndarray]:
    """Excerpts that cluster by song, as real ones do."""
    return [shift + rng.normal(0, 1, 6) + 0.7 * rng.normal(0, 1, (8, 6)) for _ in range(n)]


NAMES = tuple("abcdef")


@pytest.mark.parametrize("seed", range(5))
def test_two_halves_of_one_distribution_cannot_be_told_apart(seed):
    rng = np.random.default_rng(seed)
    found = two_sample.two_sample(songs(rng, 10), songs(rng, 10), NAMES, rng)
    assert found is not None
    assert found.low <= 0.5 <= found.high


def test_far_samples_are_told_apart_and_the_reason_is_the_number_that_differs():
    rng = np.random.default_rng(SEED)
    takes = [rows + np.array([0, 0, 6, 0, 0, 0]) for rows in songs(rng, 8)]
    found = two_sample.two_sample(songs(rng, 8), takes, NAMES, rng)
    assert found is not None
    assert found.low > 0.8
    assert found.auc > 0.95
    assert found.reasons[0].name == "c"
    assert found.reasons[0].weight > 0


def test_too_few_songs_are_not_tested():
    rng = np.random.default_rng(SEED)
    assert two_sample.two_sample(songs(rng, 3), songs(rng, 8), NAMES, rng) is None


# ---- folders and projects ---------------------------------------------------------


def test_two_folders_are_compared_and_what_is_no_sound_is_left_out(tmp_path, capsys):
    for side, make in (("band", clicks_over_chords), ("takes", noise)):
        (tmp_path / side).mkdir()
        for i in range(4):
            audio.write_flac(tmp_path / side / f"{i}.flac", make(i, 12.0), RATE)
    (tmp_path / "band" / "broken.flac").write_text("no sound")
    assert command(["resemblance", str(tmp_path / "band"), str(tmp_path / "takes"), "--json"]) == 0
    told = capsys.readouterr()
    plain = json.loads(told.out)
    assert plain["cut_s"] == 12.0
    assert {"frechet_over_floor", "spread_share", "effective_styles_share"} <= set(plain)
    assert isinstance(read_likeness(plain), Likeness)
    assert "left out" in told.err
    assert "broken.flac" in told.err


def test_a_missing_folder_is_an_error_and_one_folder_wrong_use(tmp_path, capsys):
    assert command(["resemblance", str(tmp_path / "none"), str(tmp_path)]) == 1
    assert "is no folder" in capsys.readouterr().err
    assert command(["resemblance", str(tmp_path)]) == 2


@pytest.fixture
def with_long_tracks(project):
    tracks = []
    for i in range(4):
        sound = audio.resample(clicks_over_chords(i, 12.0, bpm=100.0 + 10 * i), RATE, prepared.STEREO_RATE)
        track = Track(
            id=f"track{i}",
            path=f"{i}.wav",
            title=f"Song {i}",
            artist="The Test Band",
            sha256=f"{i}" * 64,
            duration_s=12.0,
            sample_rate=RATE,
            channels=2,
            split="train",
            level_db=-12.0,
            peak_db=-3.0,
        )
        project.corpus_dir.mkdir(exist_ok=True)
        mono = audio.resample(sound.mean(axis=0, keepdims=True), prepared.STEREO_RATE, 16_000)[0]
        np.save(prepared.mono_path(project.corpus_dir, track.id), prepared.to_int16(mono))
        np.save(prepared.stereo_path(project.corpus_dir, track.id), prepared.to_int16(sound))
        tracks.append(track)
    project.catalogue.add_tracks(tracks)
    prepared.describe(project, sample_rate=16_000, gain=1.0, tracks=tracks)
    return project


def test_a_project_gets_likeness_first_and_a_score_for_every_take(with_long_tracks, add_take):
    good = [add_take(clicks_over_chords(10 + i, 12.0, bpm=115.0), sample_rate=RATE, number=i) for i in range(2)]
    bad = [add_take(noise(i, 12.0), sample_rate=RATE, number=5 + i) for i in range(2)]
    params = Params(patches=4, splits=3)
    assert resemblance.run(with_long_tracks, params).ok
    catalogue = with_long_tracks.catalogue
    values = catalogue.latest("resemblance")["album"].values
    assert values["cut_s"] == 10.0
    assert values["words"].startswith("Least like the band: ") or "run away" in values["words"][:40]
    found = read_likeness(values["likeness"])
    assert (found.n_songs, found.n_takes) == (4, 4)
    score = {take: f.values["score"] for take, f in catalogue.latest("likeness").items()}
    assert min(score[t.id] for t in good) > max(score[t.id] for t in bad)
    page = (with_long_tracks.root / catalogue.latest("resemblance")["album"].files["report"]).read_text("utf-8")
    assert page.index("the worst first") < page.index("<h2>Distances")
    again = resemblance.run(with_long_tracks, params)
    assert (again.done, again.skipped) == (0, 1)


def test_a_new_take_does_not_have_the_others_measured_or_judged_again(with_long_tracks, add_take):
    params = Params(patches=4, splits=3)
    for i in range(2):
        add_take(noise(i, 12.0), sample_rate=RATE, number=i)
    resemblance.run(with_long_tracks, params)
    before = {f.key for stage in ("measures", "likeness") for f in with_long_tracks.catalogue.findings(stage)}
    add_take(noise(9, 12.0), sample_rate=RATE, number=9)
    resemblance.run(with_long_tracks, params)
    after = {f.key for stage in ("measures", "likeness") for f in with_long_tracks.catalogue.findings(stage)}
    assert before < after
    assert len(after - before) == 2  # its measures and its likeness
