"""Pictures are measured in fixed decibels; points are where something happens."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum import audio
from neuralbum.audio.encode import Target, encode
from neuralbum.curate import media_cache, pictures
from neuralbum.curate.highlights import NEAR_S, highlights
from neuralbum.errors import ParameterError

from .makers import beat


def test_a_take_that_was_not_screened_is_drawn_as_the_screen_draws_it(album):
    from neuralbum.curate.media_cache import MediaCache
    from neuralbum.screen import screen_file

    take = album.catalogue.takes()[0]
    media = MediaCache(album, opus_kbps=128)
    drawn = media.levels(take, None)
    media.close()
    assert np.array_equal(drawn, pictures.read_grey(screen_file(album.audio_of(take)).spectrogram()))
    assert drawn.max() > 0


def test_a_screen_picture_is_turned_so_that_low_notes_come_first():
    from PIL import Image

    grey = np.zeros((128, 50), np.uint8)
    grey[-1] = 200  # the lowest band is the last row of an image
    import io

    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    levels = pictures.read_grey(file.getvalue())
    assert levels[0].min() == 200
    assert levels[1:].max() == 0


def test_an_atlas_holds_its_cells_in_order():
    import io

    from PIL import Image

    greys = [np.full((96, 240, 3), 8 * n, np.uint8) for n in range(17)]
    sheet = np.asarray(Image.open(io.BytesIO(pictures.compose_atlas(greys))).convert("RGB"))
    assert sheet.shape == (2 * 96, 15 * 240, 3)
    for n in (0, 14, 15, 16):
        row, column = divmod(n, 15)
        assert sheet[row * 96 + 48, column * 240 + 120, 1] == pytest.approx(8 * n, abs=3)


def test_atlases_cover_a_queue_without_gaps():
    for n in (0, 1, 75, 76, 375, 3000):
        spans = pictures.atlas_spans(n)
        assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
        assert (spans[0][0], spans[-1][1]) == (0, n) if n else spans == []


def test_points_hold_flag_start_and_change_and_keep_their_distance():
    levels = np.full((16, 1200), 40, np.uint8)
    levels[:, 600:] = 200  # at 15 s of 30
    flags = [{"name": "loop", "ranges": [[22.0, 29.0]]}]
    points = highlights(levels, 30.0, flags, n_highlights=8)
    times = [p.at_s for p in points]
    assert any(abs(t - 14) < 1.5 for t in times), "the change, with a lead-in"
    assert any(p.why == "flag: loop" and p.at_s == 21.0 for p in points)
    assert all(abs(a - b) >= NEAR_S for i, a in enumerate(times) for b in times[:i])
    assert highlights(levels[:, :0], 30.0, [], n_highlights=3)[0].at_s == 0
    assert all(0 <= p.at_s <= 30 for p in highlights(levels[:, :3], 0.1, flags, n_highlights=5))


def test_a_listening_copy_sounds_like_the_take(tmp_path):
    sound = np.concatenate([beat(3, duration_s=3), beat(4, duration_s=3)])  # stereo
    audio.write_flac(tmp_path / "take.flac", sound, 16_000)
    encode(tmp_path / "take.flac", [Target(tmp_path / "take.opus", "opus", 128)])
    heard, rate = audio.read(tmp_path / "take.opus", sample_rate=16_000)
    assert rate == 16_000
    assert heard.shape[0] == 2
    assert heard.shape[1] == pytest.approx(sound.shape[1], abs=800)
    n = min(heard.shape[1], sound.shape[1])
    for channel in range(2):
        assert np.corrcoef(heard[channel, :n], sound[channel, :n])[0, 1] > 0.95


def test_a_stretch_is_cut_to_the_sample(tmp_path):
    import io

    import soundfile

    sound = beat(5, duration_s=25)
    audio.write_flac(tmp_path / "take.flac", sound, 16_000)
    cut, _ = soundfile.read(io.BytesIO(media_cache.cut_wav(tmp_path / "take.flac", 9.5, 21.25)), dtype="float32")
    assert np.allclose(cut, sound[0, 152_000:340_000], atol=2e-4)
    with pytest.raises(ParameterError, match="behind the end"):
        media_cache.cut_wav(tmp_path / "take.flac", 30, 31)
