"""Copies in memory: clips of any rate against songs of any rate, and planted copies that test the test."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from neuralbum import audio, marking, originality
from neuralbum.errors import AudioError, ParameterError
from neuralbum.originality.copies import find_copies, index_songs, plant_copies

RATE = 16_000


@pytest.fixture(scope="module")
def index(tracks):
    return index_songs(tracks, RATE)


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_a_copy_is_found_in_a_stereo_clip_of_another_rate_with_song_place_and_seconds(
    index, tracks, hidden, others, rate
):
    mono = hidden(tracks["song 2"][10 * RATE : 13 * RATE])
    stereo = audio.resample(np.stack([mono, 0.7 * mono]), RATE, rate)
    copied, clean = find_copies(index, [stereo, others[1][: 10 * RATE]], rate)
    best = copied.segments[0]
    assert best.reference == "song 2"
    assert [best.q_start_s, best.q_end_s, best.r_start_s] == pytest.approx([7.0, 10.0, 10.0], abs=0.25)
    assert copied.copied_s == pytest.approx(3.0, abs=0.5)
    assert copied.p == best.p < 1e-6
    assert copied.duration_s == pytest.approx(16.0)
    assert (clean.copied_s, clean.segments) == (0.0, ())
    assert clean.p > 3e-4


def test_songs_of_another_rate_and_of_integers_give_the_same_answer(index, tracks, hidden):
    songs = {
        name: np.rint(audio.resample(np.stack([sound] * 2), RATE, 44_100) * 32_767).clip(-32_768, 32_767)
        for name, sound in tracks.items()
    }
    other = index_songs({name: sound.astype(np.int16) for name, sound in songs.items()}, 44_100)
    clip = hidden(tracks["song 4"][5 * RATE : 9 * RATE])
    a, b = (find_copies(one, [clip], RATE)[0] for one in (index, other))
    assert b.segments[0].reference == a.segments[0].reference == "song 4"
    assert b.copied_s == pytest.approx(a.copied_s, abs=0.3)


def test_the_inaudible_mark_changes_no_verdict(index, tracks, hidden, others):
    payload = marking.Payload(0x7F3A91C0, 4)
    clips = [hidden(tracks["song 1"][12 * RATE : 15 * RATE]), others[0][: 10 * RATE], others[1][: 10 * RATE]]
    marked = [marking.mark(clip[None], RATE, payload)[0] for clip in clips]
    for before, after in zip(find_copies(index, clips, RATE), find_copies(index, marked, RATE), strict=True):
        assert [one.reference for one in after.segments] == [one.reference for one in before.segments]
        assert after.copied_s == pytest.approx(before.copied_s, abs=0.25)


def test_planted_copies_are_found_the_longer_the_surer_and_none_where_there_is_nothing_to_find(index, others):
    found = plant_copies(index, others, RATE, number=20)
    assert found.planted == 20
    assert found.by_length[3.0] == found.by_length[5.0] == 1.0
    assert found.sensitivity == found.found / 20 >= 0.8
    nothing = plant_copies(index, others, RATE, number=8, max_p=0.0)
    assert (nothing.planted, nothing.found, nothing.sensitivity) == (8, 0, 0.0)
    assert plant_copies(index, [others[0][: 2 * RATE]], RATE).sensitivity is None


def test_a_copy_on_faster_tape_is_found_unless_only_exact_ones_are_asked_for(index, tracks, hidden):
    import soxr

    taped = soxr.resample(tracks["song 1"][5 * RATE : 13 * RATE], RATE * 2 ** (2 / 12), RATE).astype(np.float32)
    clip = hidden(taped)
    both = find_copies(index, [clip], RATE)[0]
    assert (both.segments[0].reference, both.segments[0].lane) == ("song 1", "shifted")
    assert find_copies(index_songs(tracks, RATE, lanes=("exact",)), [clip], RATE)[0].copied_s == 0.0


def test_strange_sounds_are_refused_with_their_name(index):
    with pytest.raises(AudioError, match="clip 1: holds NaN"):
        find_copies(index, [np.zeros(RATE, np.float32), np.full(RATE, np.nan, np.float32)], RATE)
    with pytest.raises(AudioError, match="Stairs: .*NaN"):
        index_songs({"Stairs": np.full(RATE, np.nan, np.float32)}, RATE)
    with pytest.raises(ParameterError, match=r"shape \(2, 3, 4\)"):
        find_copies(index, [np.zeros((2, 3, 4), np.float32)], RATE)
    with pytest.raises(ParameterError, match=r"channels, n_samples"):
        find_copies(index, [np.zeros((RATE, 2), np.float32)], RATE)
    assert find_copies(index, [np.zeros(0, np.float32)], RATE)[0].copied_s == 0.0


def test_what_a_training_asks_needs_neither_project_nor_torch():
    room = Path(originality.__file__).parent
    seen, waiting, outside = set(), ["copies"], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for node in ast.parse((room / f"{name}.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                outside |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 1:
                inside = [node.module] if node.module else [alias.name for alias in node.names]
                waiting += [n for n in inside if n not in seen]
            elif isinstance(node, ast.ImportFrom):
                outside.add(node.module or node.names[0].name)
    assert "index" in seen
    assert not {o.split(".")[0] for o in outside} & {"torch", "project", "corpus", "catalogue", "generate"}
