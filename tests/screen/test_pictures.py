"""Pictures and near-duplicates."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from neuralbum.screen import pictures, signature
from neuralbum.screen.analysis import analyse
from neuralbum.screen.params import Params

from .sounds import RATE, band, noise, tone


def picture_of(sound: np.ndarray, rate: int = RATE) -> np.ndarray:
    return analyse([(sound[None], rate)]).picture


def test_lightness_rises_with_the_level():
    light = pictures.palette().astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) >= -0.5).all()
    assert light[0] < 2
    assert light[-1] > 230


def test_a_tone_is_a_line_at_its_height_with_high_notes_on_top():
    low, high = (pictures.shrink(picture_of(tone(2, hz=hz)), 10, 128).argmax(axis=0)[5] for hz in (200, 3000))
    assert high < low


def test_the_same_sound_at_two_rates_gives_the_same_picture_below_the_lower_one():
    from neuralbum.audio import resample

    sound = band(4, rate=44_100)
    high = picture_of(sound, 44_100).astype(float)
    low = picture_of(resample(sound[None], 44_100, 16_000)[0], 16_000).astype(float)
    n = min(high.shape[1], low.shape[1])
    assert np.abs(high[:90, 2 : n - 2] - low[:90, 2 : n - 2]).mean() < 6  # of 255
    assert low[120:].max() == 0


def test_a_very_long_take_still_fits_a_browsers_canvas():
    wide = np.zeros((128, 3 * pictures.MAX_COLUMNS), dtype=np.uint8)
    wide[:, ::3] = 90
    with Image.open(io.BytesIO(pictures.spectrogram(wide))) as image:
        assert image.size == (pictures.MAX_COLUMNS, 128)
        assert np.asarray(image).mean() == pytest.approx(30, abs=1)


def test_the_spectrogram_file_holds_the_numbers_themselves():
    picture = picture_of(band(3))
    with Image.open(io.BytesIO(pictures.spectrogram(picture))) as image:
        assert (np.asarray(image) == picture[::-1]).all()


# ---- near-duplicates -------------------------------------------------------------


def sign(sound: np.ndarray) -> str:
    heard = analyse([(sound[None].astype(np.float32), RATE)])
    return signature.signature(heard.picture, heard.column_rate)


@pytest.mark.parametrize("change", ["quieter", "later", "coarser", "cut"])
def test_the_same_take_changed_is_a_duplicate(change):
    song = band(24, seed=3)
    other = {
        "quieter": 0.2 * song,
        "later": np.concatenate([noise(3.3, level=0.01), song]),
        "coarser": np.round(song * 127) / 127 + noise(24, level=0.003),
        "cut": song[5 * RATE : 20 * RATE],
    }[change].astype(np.float32)
    pairs = signature.find_duplicates({"a": sign(song), "b": sign(other)}, threshold=Params().duplicate)
    assert [(p[0], p[1]) for p in pairs] == [("a", "b")]
    if change == "cut":
        assert pairs[0][3] == pytest.approx(5, abs=0.5)


def test_other_songs_by_the_same_band_are_no_duplicates():
    signatures = {str(i): sign(band(24, seed=i, bpm=120)) for i in range(4)}
    assert signature.find_duplicates(signatures, threshold=Params().duplicate) == []


def test_silence_and_drones_are_nobodys_duplicates():
    signatures = {"silence": sign(np.zeros(12 * RATE, np.float32)), "also": sign(np.zeros(12 * RATE, np.float32))}
    signatures |= {"tone": sign(tone(12)), "other tone": sign(tone(12, hz=330))}
    assert signature.find_duplicates(signatures, threshold=Params().duplicate) == []


def test_a_signature_survives_being_text():
    signs = signature.read(sign(band(10)))
    assert signs.shape == (50 - 2 * signature.SPAN + 1, signature.N_ROWS)
    assert set(np.unique(signs)) == {-1, 0, 1}
