from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from neuralbum.audio import probe, read
from neuralbum.demo.band import ARTIST, SAMPLE_RATE, STYLES, TONES, cover, make_band, make_song, write_band, write_specs
from neuralbum.demo.score import BEATS, STEPS_PER_BEAT, compose, plan
from neuralbum.errors import ParameterError


@pytest.fixture(scope="module")
def songs():
    return make_band(seed=0, n_songs=8, duration_s=8.0)


def test_the_same_seed_plays_the_same_samples_and_another_does_not(songs):
    again = make_band(seed=0, n_songs=2, duration_s=8.0)
    assert all(np.array_equal(a.audio, b.audio) for a, b in zip(songs, again, strict=False))
    assert again[0].title == songs[0].title
    other = make_band(seed=1, n_songs=1, duration_s=8.0)[0]
    assert not np.array_equal(other.audio, songs[0].audio)


def test_songs_are_stereo_whole_and_within_full_scale(songs):
    for song in songs:
        assert song.audio.shape == (2, 8 * SAMPLE_RATE)
        assert song.audio.dtype == np.float32
        assert 0.5 < np.abs(song.audio).max() <= 1.0
        assert not np.array_equal(song.audio[0], song.audio[1])


def test_the_band_covers_tempi_and_metres(songs):
    assert {song.metre for song in songs} == {"3/4", "4/4", "5/4", "6/8"}
    assert min(song.bpm for song in songs) < 80
    assert max(song.bpm for song in songs) > 220
    assert all(style.bpm[0] >= 58 and style.bpm[1] <= 280 for style in STYLES)
    assert len({song.title for song in songs}) == 8


def test_beats_and_sections_tell_the_truth(songs):
    for song in songs:
        gaps = np.diff(song.beats_s)
        assert np.allclose(gaps, 60.0 / song.bpm)
        assert song.sections[-1][1] == pytest.approx(8.0)
        for (_, end, _), (start, _, _) in zip(song.sections, song.sections[1:], strict=False):
            assert start == end
        bar_s = BEATS[song.metre] * 60.0 / song.bpm
        lengths = [(end - start) / bar_s for start, end, _ in song.sections[:-1]]
        assert np.allclose(lengths, np.rint(lengths))


def test_drum_strokes_fall_on_the_beats():
    """The spectral flux right after a beat beats the flux half a beat off, in a song with drums throughout."""
    song = make_band(seed=0, n_songs=1, duration_s=12.0)[0]
    hop = 441
    _, _, spectrum = signal.stft(song.audio.mean(axis=0), SAMPLE_RATE, nperseg=1024, noverlap=1024 - hop)
    flux = np.maximum(np.diff(np.log1p(100 * np.abs(spectrum)), axis=1), 0).sum(axis=0)
    frames = np.rint(np.array(song.beats_s[1:-1]) * SAMPLE_RATE / hop).astype(int)
    half = np.diff(song.beats_s)[0] * SAMPLE_RATE / hop / 4

    def around(centre: np.ndarray) -> float:
        return float(np.mean([flux[max(0, c - 2) : c + 3].max() for c in centre]))

    assert around(frames) > 1.2 * around(np.rint(frames + half).astype(int))


def test_songs_sound_like_records(songs):
    """Crest factor, stereo and slope as measured on rock records: 9 to 15 dB, 0.4 to 0.95, falling."""
    for song in songs:
        level = np.sqrt(np.mean(song.audio**2))
        crest_db = 20 * np.log10(np.abs(song.audio).max() / level)
        assert 8.0 < crest_db < 17.0
        assert 0.2 < np.corrcoef(song.audio)[0, 1] < 0.98
        hz, power = signal.welch(song.audio.mean(axis=0), SAMPLE_RATE, nperseg=4096)
        low, high = power[(hz > 60) & (hz < 500)].mean(), power[(hz > 4000) & (hz < 8000)].mean()
        assert 15.0 < 10 * np.log10(low / high) < 50.0


def test_a_cover_keeps_the_score_and_changes_key_tempo_and_sound(songs):
    song = songs[3]
    other = cover(song, semitones=2, tempo_ratio=1.25, tone="attic", seed=5)
    assert other.bpm == pytest.approx(1.25 * song.bpm)
    assert other.duration_s == pytest.approx(song.duration_s / 1.25, abs=1e-4)
    assert other.key != song.key
    assert [s.beat for s in other.score.guitar] == [s.beat for s in song.score.guitar]
    assert {b.pitch - a.pitch for a, b in zip(song.score.bass, other.score.bass, strict=True)} == {2}
    assert [name for *_, name in other.sections] == [name for *_, name in song.sections]


def test_another_performance_of_a_song_is_not_a_copy_of_its_samples(songs):
    again = cover(songs[0], seed=9)
    assert again.audio.shape == songs[0].audio.shape
    assert abs(np.corrcoef(again.audio[0], songs[0].audio[0])[0, 1]) < 0.7


@pytest.mark.parametrize("style", STYLES, ids=lambda h: h.feel)
@pytest.mark.parametrize("n_bars", [1, 3, 40])
def test_forms_fit_any_number_of_bars(style, n_bars):
    spec = next(s for s in write_specs(8, np.random.default_rng(3)) if s.feel == style.feel)
    parts = plan(spec, n_bars)
    assert parts[0][1] == 0
    assert parts[-1][2] == n_bars
    score = compose(spec, n_bars, np.random.default_rng(0))
    step = 1 / STEPS_PER_BEAT[spec.metre]
    assert all(abs(hit.beat / step - round(hit.beat / step)) < 1e-6 for hit in score.drums)
    assert all(24 <= pitch <= 100 for strum in score.guitar for pitch in strum.pitches)


def test_songs_can_be_as_short_as_a_second():
    spec = write_specs(1, np.random.default_rng(0))[0]
    assert make_song(spec, 1.0, np.random.default_rng(0)).audio.shape == (2, SAMPLE_RATE)
    with pytest.raises(ParameterError, match="duration_s=0.2"):
        make_song(spec, 0.2, np.random.default_rng(0))


def test_wrong_wishes_are_refused(songs):
    with pytest.raises(ParameterError, match="n_songs=0"):
        make_band(n_songs=0)
    with pytest.raises(ParameterError, match="tone='flute' must be one of basement"):
        cover(songs[0], tone="flute")
    with pytest.raises(ParameterError, match="tempo_ratio"):
        cover(songs[0], tempo_ratio=0)
    assert {style.tone for style in STYLES} <= set(TONES)


def test_the_band_can_be_written_as_tagged_files(tmp_path):
    paths = write_band(tmp_path / "music", seed=2, n_songs=2, duration_s=2.0)
    assert [path.name[:3] for path in paths] == ["01 ", "02 "]
    about = probe(paths[0])
    assert about.artist == ARTIST
    assert about.title in paths[0].name
    audio, rate = read(paths[0])
    assert (audio.shape, rate) == ((2, 2 * SAMPLE_RATE), SAMPLE_RATE)
