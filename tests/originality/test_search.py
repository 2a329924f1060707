"""Copies in the demo band's songs are found where they are; what is no copy is not."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.originality.search import merge

RATE = 16_000


def heard(song):
    from neuralbum.originality.fingerprints import mono_16k

    return mono_16k(iter([(song.audio, song.sample_rate)]))


def mu_law(sound):
    bent = np.rint(np.sign(sound) * np.log1p(255 * np.abs(sound)) / np.log(256) * 127) / 127
    return (np.sign(bent) * (256.0 ** np.abs(bent) - 1) / 255).astype(np.float32)


@pytest.mark.parametrize("seconds", [2.0, 4.0])
def test_a_planted_copy_is_found_with_both_ends_within_a_quarter_second(searcher, tracks, hidden, seconds):
    snippet = tracks["song 2"][10 * RATE : int((10 + seconds) * RATE)]
    best = searcher.search(mu_law(hidden(snippet)), name="take")[0]
    assert (best.query, best.reference, best.lane) == ("take", "song 2", "exact")
    assert best.pitch_semitones == 0
    assert [best.q_start_s, best.q_end_s] == pytest.approx([7.0, 7.0 + seconds], abs=0.25)
    assert [best.r_start_s, best.r_end_s] == pytest.approx([10.0, 10.0 + seconds], abs=0.25)
    assert best.p == pytest.approx(10**-best.score, rel=0.01)


def test_a_copy_on_faster_tape_is_found_by_the_shifted_lane_with_its_pitch_and_speed(searcher, tracks, hidden):
    import soxr

    speed = 2 ** (2 / 12)
    original = tracks["song 1"][5 * RATE : 13 * RATE]
    taped = soxr.resample(original, RATE * speed, RATE).astype(np.float32)
    best = searcher.search(hidden(taped), lanes=("shifted",))[0]
    assert (best.reference, best.lane, best.pitch_semitones) == ("song 1", "shifted", 2)
    assert best.speed == pytest.approx(speed, abs=0.01)
    assert [best.q_start_s, best.r_start_s, best.r_end_s] == pytest.approx([7.0, 5.0, 13.0], abs=0.3)


def test_two_copies_in_one_take_are_two_segments(searcher, tracks, hidden):
    host = hidden(tracks["song 0"][: 3 * RATE], at_s=2.0)
    host[10 * RATE : 14 * RATE] = tracks["song 4"][8 * RATE : 12 * RATE]
    found = searcher.search(host, lanes=("exact",))
    assert {s.reference for s in found} == {"song 0", "song 4"}


def test_a_cover_is_found_by_the_cover_lane_only(searcher, band):
    from neuralbum.demo.band import cover

    # Six semitones and a quarter of the tempo: further than any shift that is tried.
    played_again = heard(cover(band[3], semitones=6, tempo_ratio=0.78, tone="attic", seed=5))
    assert searcher.search(played_again, lanes=("exact", "shifted")) == []
    found = searcher.search(played_again)
    assert [(s.reference, s.lane) for s in found[:1]] == [("song 3", "cover")]
    assert found[0].pitch_semitones % 12 == 6
    assert found[0].speed == pytest.approx(0.78, abs=0.08)


def test_other_music_and_reversed_music_give_nothing(searcher, tracks, others):
    for sound in (*others, tracks["song 5"][::-1].copy(), tracks["song 0"][::-1].copy()):
        assert searcher.search(sound) == []


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0),
        np.zeros(16_000 * 4),
        np.sin(np.arange(16_000 * 6) * 0.1),
        np.sin(np.arange(16_000 * 6) * 0.02) + np.sin(np.arange(16_000 * 6) * 0.03),
        np.ones(16_000 * 2),
        np.random.default_rng(0).standard_normal(8_000),
        np.random.default_rng(1).standard_normal(10),
    ],
    ids=["nothing", "silence", "sine", "drone", "dc", "half a second of noise", "ten samples"],
)
def test_silence_drones_and_scraps_do_no_harm(searcher, sound):
    assert searcher.search(sound.astype(np.float32) * np.float32(0.3)) == []


def test_a_copy_shorter_than_asked_for_is_not_listed(searcher, tracks, hidden):
    host = hidden(tracks["song 2"][: 2 * RATE])
    assert searcher.search(host, lanes=("exact",), shortest_s=5.0) == []


def test_an_unknown_lane_is_refused(searcher):
    with pytest.raises(ParameterError, match="choose from exact"):
        searcher.search(np.zeros(16_000, np.float32), lanes=("fast",))


def test_merging_keeps_the_best_of_each_stretch(searcher, tracks, hidden):
    found = searcher.search(hidden(tracks["song 2"][: 4 * RATE]), lanes=("exact",))
    assert merge([*found, *found]) == found


def test_the_same_sound_gives_the_same_segments(searcher, tracks, hidden):
    host = hidden(tracks["song 2"][: 3 * RATE])
    assert searcher.search(host, lanes=("exact",)) == searcher.search(host, lanes=("exact",))
