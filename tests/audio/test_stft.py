"""The Fourier transform, mel scale and A-weighting are librosa's, frames first."""

import librosa
import numpy as np
import pytest

from neuralbum.audio import mel, stft, weighting
from neuralbum.errors import ParameterError

ROUNDING = 5e-6  # float32 transforms of numbers around 1


@pytest.mark.parametrize("n", [2048, 5000, 22050])
def test_the_transform_is_librosas(n):
    audio = np.random.default_rng(n).standard_normal(n).astype(np.float32) * 0.1
    assert np.abs(stft.stft(audio).T - librosa.stft(audio)).max() < ROUNDING * 10
    assert len(stft.stft(audio)) == stft.n_frames(n)


@pytest.mark.parametrize("n", [1, 511, 700, 5000])
def test_there_and_back_again(n):
    audio = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    # The very last samples of a length that is no multiple of the hop lie under thin ends of windows.
    assert np.abs(stft.istft(stft.stft(audio), n) - audio).max() < 1e-4


def test_missing_upper_bins_are_silent():
    audio = np.sin(2 * np.pi * 440 * np.arange(8192) / 44100).astype(np.float32)
    low = stft.istft(stft.stft(audio)[:, :200], len(audio))
    assert np.abs(low - audio)[1024:-1024].max() < 1e-3


def test_two_channels_at_once_are_refused():
    with pytest.raises(ParameterError, match=r"\(2, 100\)"):
        stft.stft(np.zeros((2, 100), np.float32))


@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_mel_filters_are_librosas(sample_rate):
    theirs = librosa.filters.mel(sr=sample_rate, n_fft=2048, n_mels=128, fmin=20.0)
    assert np.abs(mel.mel_filters(sample_rate) - theirs).max() < 1e-7


def test_bands_peak_at_their_centres():
    filters, centres = mel.mel_filters(44100, n_mels=40), mel.band_centres(40, 20.0, 22050.0)
    peaks = filters.argmax(axis=1) * 44100 / 2048
    assert np.abs(peaks - centres).max() <= 44100 / 2048


@pytest.mark.parametrize(("hz", "db"), [(100.0, -19.1), (1000.0, 0.0), (10000.0, -2.5), (31.5, -39.4), (20.0, -50.5)])
def test_a_weighting_is_that_of_iec_61672(hz, db):
    # IEC 61672-1, table 3, exact frequencies a little apart from the nominal ones.
    assert abs(float(weighting.a_weighting_db(hz)) - db) < 0.13


def test_a_power_spectrogram_sums_into_bands():
    power = np.random.default_rng(0).random((5, 1025)).astype(np.float32)
    filters = mel.mel_filters(22050)
    assert np.allclose(mel.mel_power(power, filters), power @ filters.T)
