"""Separation and the constant-Q transform against librosa's definitions."""

import librosa
import numpy as np
import pytest

from neuralbum.audio import cqt, hpss, stft
from neuralbum.errors import ParameterError

RATE = 22050


def tone(hz, seconds=1.0, rate=RATE):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def test_masks_are_librosas():
    magnitude = np.random.default_rng(0).random((60, 120)).astype(np.float32)
    theirs = librosa.decompose.hpss(magnitude.T, margin=3.0, mask=True)
    for mine, other in zip(hpss.hpss_masks(magnitude, 3.0), theirs, strict=True):
        assert np.abs(mine.T - other).max() < 1e-6


def test_without_a_margin_harmony_and_percussion_make_up_the_whole():
    magnitude = np.random.default_rng(1).random((50, 70)).astype(np.float32)
    mask_h, mask_p = hpss.hpss_masks(magnitude, 1.0)
    assert np.abs(mask_h + mask_p - 1).max() < 1e-6


def test_a_margin_under_one_is_refused():
    with pytest.raises(ParameterError, match=r"margin=0.5"):
        hpss.hpss_masks(np.ones((3, 3), np.float32), 0.5)


def test_levels_are_librosas_within_a_twentieth_of_a_decibel():
    audio = sum(tone(hz) * gain for hz, gain in ((65.4, 1), (261.6, 0.5), (1760, 0.2))) + 0.01 * tone(3000)
    mine = cqt.cqt(audio, RATE, 512)
    theirs = np.abs(librosa.cqt(audio, sr=RATE, hop_length=512)).T
    loud = theirs > theirs.max() * 1e-3
    assert mine.shape == theirs.shape
    assert np.percentile(np.abs(20 * np.log10(mine[loud] / theirs[loud])), 95) < 0.05


@pytest.mark.parametrize("semitone", [0, 7, 23, 36, 60, 83])
def test_each_note_has_its_bin(semitone):
    audio = tone(cqt.C1_HZ * 2 ** (semitone / 12), seconds=1.5)
    assert cqt.cqt(audio, RATE, 512)[30].argmax() == semitone


def test_halving_keeps_what_fits_and_drops_what_does_not():
    kept, gone = cqt.halve(tone(3000)), cqt.halve(tone(9000))
    assert np.abs(kept[100:-100] - tone(3000)[::2][100:-100]).max() < 1e-3
    assert np.abs(gone[100:-100]).max() < 1e-3


@pytest.mark.parametrize(
    ("rate", "hop", "bins", "words"),
    [(8000, 512, 84, "too low"), (22050, 500, 84, "divisible by 64"), (22050, 512, 80, "whole octaves")],
)
def test_what_cannot_be_done_is_said(rate, hop, bins, words):
    with pytest.raises(ParameterError, match=words):
        cqt.cqt(np.zeros(1000, np.float32), rate, hop, bins)


def test_silence_and_one_sample_have_one_silent_frame():
    assert cqt.cqt(np.zeros(1, np.float32), RATE, 512).shape == (1, 84)
    assert len(stft.stft(np.zeros(0, np.float32))) == 1
