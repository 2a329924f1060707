"""Pictures: one scale for every take and every rate."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from neuralbum.screen import pictures
from neuralbum.screen.analysis import analyse

from .sounds import RATE, band, tone


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
