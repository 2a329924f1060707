"""Pictures: colours where they belong, and the same picture however it is come by."""

import colorsys
import itertools

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.visualise.draw import BEFORE, Look, past, pictures, spread
from neuralbum.visualise.frame_array import FrameArray
from neuralbum.visualise.palette import COLOURS, NOTES, colours, hex_colours, pitch_strength
from neuralbum.visualise.stills import image

C4 = 36


def frames_with(rows):
    frames = FrameArray(212)
    frames.append(np.asarray(rows, np.float32))
    return frames


def frame(rows, layout, at=-1, **kw):
    frames = frames_with(rows)
    look = Look(layout, kw.pop("width", 336), kw.pop("height", 120), 30, **kw)
    at = at % len(rows)
    return image(next(iter(pictures(frames, look, start=at, stop=at + 1)))).astype(float)


def held(pitch=None, band=None, n=90):
    rows = np.zeros((n, 212), np.float32)
    if pitch is not None:
        rows[:, pitch] = 1.0
    if band is not None:
        rows[:, 84 + band] = 1.0
    return rows


def hue(rgb):
    return colorsys.rgb_to_hsv(*(rgb / 255))[0] * 360


@pytest.mark.parametrize("layout", ["waterfall", "plaid"])
def test_a_held_c4_is_a_red_column_in_its_place(layout):
    picture = frame(held(C4), layout)[:100]
    column = int(336 * (C4 + 0.5) / 84)
    red = picture[..., 0] - picture[..., 1:].max(axis=-1)
    assert (red.argmax(axis=1) // 4 == column // 4).all()  # over the whole height
    assert hue(picture[50, column]) < 8 or hue(picture[50, column]) > 352
    assert picture[50, :40].max() < 12


def test_the_twelve_pitches_go_round_the_painters_wheel():
    hues = [hue(frame(held(C4 + i), "plaid")[50, int(336 * (C4 + i + 0.5) / 84)]) for i in range(12)]
    assert hues[0] < 10
    assert all(b > a for a, b in itertools.pairwise(hues)), hues
    assert 8 < hues[1] < 25  # C sharp: red-orange


def test_a_hit_is_a_bar_across_a_waterfall_that_moves_up():
    rows = np.zeros((60, 212), np.float32)
    rows[30, 84:] = 1.0
    look = Look("waterfall", 336, 240, 30)
    seen = []
    for at in (30, 40, 50):
        picture = frame(rows, "waterfall", at=at, height=240).mean(axis=-1)[: 240 - look.keyboard_height]
        seen.append(int(picture.min(axis=1).argmax()))  # lit from edge to edge
    assert seen[0] - seen[1] == seen[1] - seen[2] == 10 * look.step
    assert seen[0] >= 240 - look.keyboard_height - look.step


def test_the_first_seconds_are_not_half_black():
    """Before its first moment a song shows its end, dimmer, where it will be seen to move up and away."""
    rows = np.random.default_rng(0).random((600, 212)).astype(np.float32)
    full, first = (frame(rows, "waterfall", at=at, height=240)[:220].mean(axis=(1, 2)) for at in (599, 0))
    assert first[:200].min() > 0.4 * full[:200].min() > 5  # every row, also those before the song
    assert first[:200].mean() < 0.95 * full[:200].mean()


def test_before_the_song_lies_its_end_also_of_a_song_shorter_than_what_is_seen():
    frames = frames_with(np.arange(5, dtype=np.float32)[:, None] * np.ones(212, np.float32))
    share = np.float32(BEFORE)
    assert past(frames, -7, 2)[:, 0].tolist() == [float(share * k) for k in (3, 4, 0, 1, 2, 3, 4)] + [0, 1]
    assert past(frames, 1, 3)[:, 0].tolist() == [1, 2]
    assert past(frames, -1, 0)[:, 0].tolist() == [float(share * 4)]


def test_low_bands_lie_at_the_bottom_of_a_plaid():
    low, high = (frame(held(band=b), "plaid").mean(axis=(1, 2)) for b in (5, 120))
    assert low.argmax() > 100 > 20 > high.argmax()


@pytest.mark.parametrize("layout", ["waterfall", "plaid"])
def test_a_picture_does_not_depend_on_where_drawing_began(layout):
    rows = np.random.default_rng(0).random((300, 212)).astype(np.float32)
    look = Look(layout, 168, 96, 30)
    frames = frames_with(rows)
    in_turn = [image(p) for p in pictures(frames, look)]
    assert len(in_turn) == 300
    for at in (0, 5, 100, 299):
        alone = image(next(iter(pictures(frames, look, start=at, stop=at + 1))))
        assert np.abs(alone.astype(int) - in_turn[at]).max() <= 1  # the last bit of a matrix product


@pytest.mark.parametrize("layout", ["waterfall", "plaid"])
def test_silence_is_black(layout):
    look = Look(layout, 168, 96, 30)
    picture = frame(held(), layout, width=168, height=96)
    assert picture[: 96 - look.keyboard_height].max() == 0


def test_note_names_are_written_on_the_keyboard_only():
    plain, named = (frame(held(C4), "waterfall", width=1280, height=240, note_names=n) for n in (False, True))
    keyboard = Look("waterfall", 1280, 240, 30).keyboard_height
    assert np.array_equal(plain[:-keyboard], named[:-keyboard])
    assert np.abs(plain[-keyboard:] - named[-keyboard:]).max() > 60


@pytest.mark.parametrize("n", [50, 128, 333])
def test_cells_share_out_pixels_fully(n):
    for bloom in (0.0, 0.3):
        assert np.allclose(spread(84, n, bloom).sum(axis=0), 1, atol=1e-5)


def test_a_stronger_neighbour_darkens_a_spilled_note():
    levels = np.zeros((1, 84), np.float32)
    levels[0, 10:13] = 0.8, 1.0, 0.8
    strength = pitch_strength(levels)[0]
    assert strength[11] == 1
    assert strength[10] == strength[12] < 0.1 * strength[11]


@pytest.mark.parametrize("palette", list(COLOURS))
def test_palettes_have_twelve_colours_within_the_gamut(palette):
    made = colours(palette)
    assert made.pitch.shape == (len(NOTES), 3)
    assert (made.pitch[:, 0] > 0.15).all()
    assert len(hex_colours(palette)) == 12


def test_the_colour_blind_palette_tells_neighbours_apart_without_red_against_green():
    # Machado, Oliveira and Fernandes (2009), severity 1: what deuteranopes see, linear RGB.
    seen = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in COLOURS["colour-blind"]]) ** 2.2
    shown = np.clip(rgb @ seen.T, 0, 1) ** (1 / 2.2)
    steps = np.linalg.norm(shown - np.roll(shown, 1, axis=0), axis=1)
    assert steps.min() > 0.08


@pytest.mark.parametrize(("width", "height"), [(321, 240), (320, 241), (8, 8)])
def test_odd_sizes_are_refused(width, height):
    with pytest.raises(ParameterError, match=f"{width}x{height}"):
        Look("plaid", width, height, 30)
