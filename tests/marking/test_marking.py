"""The mark is found after what happens to music, nowhere else, and leaves alone what it must."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from scipy import stats

from neuralbum import audio, marking
from neuralbum.errors import ParameterError
from neuralbum.marking import Payload, Strength, detection, layout
from neuralbum.marking.embedding import pattern

from .sounds import PAYLOAD, RATE, marked, music


def through(sound, encoder, container, kbps, rate):
    """Encoded and decoded again."""
    sound = np.clip(audio.resample(np.ascontiguousarray(sound), RATE, rate), -1, 1)
    held = io.BytesIO()
    with av.open(held, "w", format=container) as out:
        stream = out.add_stream(encoder, rate=rate, layout="stereo")
        stream.codec_context.bit_rate = 1000 * kbps
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    held.seek(0)
    with av.open(held) as coded:
        back = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
        frames = [f.to_ndarray() for frame in coded.decode(audio=0) for f in back.resample(frame)]
    return np.concatenate(frames, axis=1), rate


ATTACKS = {
    "nothing": lambda s: (s, RATE),
    "MP3 64": lambda s: through(s, "libmp3lame", "mp3", 64, RATE),
    "AAC 128": lambda s: through(s, "aac", "adts", 128, RATE),
    "Opus 48": lambda s: through(s, "libopus", "ogg", 48, 48_000),
    "8 bit": lambda s: (np.round(s * 127) / np.float32(127), RATE),
    "16 kHz": lambda s: (audio.resample(np.ascontiguousarray(s), RATE, 16_000), 16_000),
    "mono, 12 dB softer": lambda s: (s.mean(axis=0, keepdims=True) / 4, RATE),
    "1 % faster": lambda s: (audio.resample(np.ascontiguousarray(s), RATE, round(RATE / 1.01)), RATE),
    "1 % slower": lambda s: (audio.resample(np.ascontiguousarray(s), RATE, round(RATE / 0.99)), RATE),
    "one side upside down": lambda s: (s * np.array([[1], [-1]], np.float32), RATE),
    "twice as loud, cut off": lambda s: (np.clip(s * 4, -1, 1), RATE),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_payload_comes_back_from_a_stretch_cut_anywhere(attack):
    cut = marked()[:, 31_337:]
    answer = marking.detect([ATTACKS[attack](cut)])
    assert answer.found
    assert [mark.payload for mark in answer.marks] == [PAYLOAD]


@pytest.mark.parametrize(("attack", "speed"), [("1 % faster", 1.01), ("1 % slower", 0.99)])
def test_the_speed_is_said(attack, speed):
    (mark,) = marking.detect([ATTACKS[attack](marked())]).marks
    assert mark.speed == pytest.approx(speed, abs=1 / 800)


@pytest.mark.parametrize("cut_s", [0.0, 3.3, 7.1])
def test_the_place_in_the_pattern_is_said(cut_s):
    (mark,) = marking.detect([(marked()[:, round(cut_s * RATE) :], RATE)], speeds=(1.0,)).marks
    apart = (mark.place_s + cut_s) % layout.PERIOD_S
    assert min(apart, layout.PERIOD_S - apart) < 0.02


def test_unmarked_music_is_not_found_and_gets_a_dull_p():
    answer = marking.detect([(music(), RATE)])
    assert answer.enough
    assert not answer.found
    assert answer.p > 0.01
    assert answer.marks == ()


def test_a_wrong_key_finds_nothing_in_marked_music():
    assert not marking.detect([(marked(), RATE)], key=b"another").found


@pytest.mark.parametrize("of", [music, marked])
def test_p_of_wrong_keys_is_uniform(of):
    """The law on which every p rests: for random signs z is standard normal, whatever the sound."""
    cumulated = detection.powers([(of(), RATE)])
    fold = detection.folded(detection.differences(cumulated, 1.0))
    z = np.concatenate([detection.scores(fold, b"wrong %d" % k)[::96] for k in range(250)])
    assert stats.kstest(z, "norm").pvalue > 1e-3
    for p in (1e-1, 1e-2):
        assert (z > stats.norm.isf(p)).mean() <= 1.3 * p


def test_a_loop_as_long_as_the_pattern_does_not_look_like_a_mark():
    """Folded before it is divided: what repeats with the pattern's period counts once, not four times as surely."""
    n = round(layout.PERIOD_S * RATE)
    loop = np.tile(music()[:, :n], 4)
    fold = detection.folded(detection.differences(detection.powers([(loop, RATE)]), 1.0))
    z = np.concatenate([detection.scores(fold, b"loop %d" % k)[::96] for k in range(250)])
    assert np.std(z) == pytest.approx(1.0, abs=0.06)


def test_block_by_block_is_the_whole():
    sound = music()
    marker = marking.Marker(RATE, 2, PAYLOAD)
    rng = np.random.default_rng(3)
    at, out = 0, []
    while at < sound.shape[1]:
        n = int(rng.integers(0, 90_000))
        out.append(marker(sound[:, at : at + n]))
        at += n
    whole = np.concatenate([*out, marker.finish()], axis=1)
    np.testing.assert_array_equal(whole, marked())


@pytest.mark.parametrize("n", [0, 1, 1000, 50_000])
def test_a_marked_song_is_as_long_as_it_was(n):
    assert marking.mark(music()[:, :n], RATE, PAYLOAD).shape == (2, n)


def test_silence_stays_silence_to_the_bit():
    sound = music().copy()
    sound[:, 3 * RATE : 5 * RATE] = 0
    out = marking.mark(sound, RATE, PAYLOAD)
    n_fft = 2048
    assert not out[:, 3 * RATE + n_fft : 5 * RATE - n_fft].any()


def test_silence_is_not_called_unmarked():
    for sound in (np.zeros((2, 5 * RATE), np.float32), music()[:, : RATE // 2], np.zeros((2, 0), np.float32)):
        answer = marking.detect([(sound, RATE)])
        assert not answer.enough
        assert not answer.found


def test_nan_and_infinity_in_a_file_do_not_hide_the_mark():
    sound = marked().copy()
    sound[:, 1000:1010] = np.nan
    sound[:, 2000] = np.inf
    assert marking.detect([(sound, RATE)], speeds=(1.0,)).found


def test_a_mono_mark_is_the_stereo_mark():
    """All channels get the same gains: a mix down of the marked song is the marked mix down."""
    one = np.repeat(music()[:1], 2, axis=0)
    both = marking.mark(one, RATE, PAYLOAD)
    np.testing.assert_array_equal(both[0], both[1])
    np.testing.assert_allclose(marking.mark(one[:1], RATE, PAYLOAD)[0], both[0], atol=1e-6)


def test_nothing_is_added_outside_of_the_bands():
    change = (marked() - music())[0, : 8 * RATE]
    power = np.abs(np.fft.rfft(change * np.hanning(change.size))) ** 2
    hz = np.fft.rfftfreq(change.size, 1 / RATE)
    outside = power[(hz < 200) | (hz > 8000)].sum()
    assert outside < 1e-4 * power.sum()


@pytest.mark.parametrize("hz", [440.0, 2093.0])
def test_a_lone_tone_is_spared(hz):
    tone = (0.3 * np.sin(2 * np.pi * hz * np.arange(6 * RATE) / RATE)).astype(np.float32)[None]
    out = marking.mark(tone, RATE, PAYLOAD)
    level = [10 * np.log10((s[0, RATE : 5 * RATE].reshape(-1, 882) ** 2).mean(axis=1)) for s in (tone, out)]
    assert np.abs(level[1] - level[0]).max() < 1.2 * Strength().least_db


def test_two_songs_in_one_file_are_two_marks():
    other = marking.mark(music(31.0, 2), RATE, Payload(7, 9))
    first = marking.mark(music(31.0, 3), RATE, PAYLOAD)
    answer = marking.detect([(first, RATE), (other, RATE)], speeds=(1.0,))
    assert [mark.payload for mark in answer.marks] == [PAYLOAD, Payload(7, 9)]
    assert answer.marks[0].end_s <= answer.marks[1].start_s + 0.1


def test_the_pattern_is_made_of_balanced_chips():
    """Two steps by two bands that add up to nothing, in time as in frequency."""
    tiles = pattern(PAYLOAD)
    assert tiles.shape == (layout.N_STEPS, layout.N_BANDS)
    pairs = tiles.reshape(layout.N_ROWS, 2, layout.N_COLUMNS, 2)
    assert not pairs.sum(axis=1).any()
    assert not pairs.sum(axis=3).any()


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000, 96_000])
def test_the_grid_is_the_same_at_every_rate(rate):
    sound = audio.resample(np.ascontiguousarray(music()), RATE, rate)
    out = marking.mark(sound, rate, PAYLOAD)
    assert [m.payload for m in marking.detect([(out, rate)], speeds=(1.0,)).marks] == [PAYLOAD]


def test_too_low_a_rate_is_refused():
    with pytest.raises(ParameterError, match="at least 16000 Hz"):
        marking.mark(music()[:, :1000], 8000, PAYLOAD)
