"""Steps, codes and forms."""

import numpy as np
import pytest

from neuralbum.audio.bars import Bars
from neuralbum.nets.codebook import N_GROUPS, Codebook, groups_of
from neuralbum.nets.form import FormCodec, FormModel
from neuralbum.nets.frames import FrameSpec
from neuralbum.nets.grid import FRAMES_PER_STEP, STEPS_PER_BAR, from_steps, to_steps

SPEC = FrameSpec(44_100)


@pytest.fixture(scope="module")
def steps():
    """Two songs of smooth random steps."""
    rng = np.random.default_rng(0)
    basis = rng.normal(0, 6, (12, FRAMES_PER_STEP * SPEC.size))
    return [(rng.normal(0, 1, (300, 12)) @ basis - 30).astype(np.float32) for _ in range(2)]


@pytest.fixture(scope="module")
def book(steps):
    return Codebook.fit(steps, SPEC, 32, 20, rng=np.random.default_rng(1))


def test_steps_played_at_another_tempo_have_other_lengths_and_the_same_content():
    frames = np.linspace(0, 1, 1201, dtype=np.float32)[:, None].repeat(SPEC.size, 1)
    bars = Bars(np.arange(0.0, 1300.0, 100.0), 0.6, 2)
    read, first = to_steps(frames, bars)
    assert (len(read), first) == (12 * STEPS_PER_BAR, 0)
    for bar_frames in (80.0, 125.0):
        again = from_steps(read, bar_frames)
        assert len(again) == 12 * bar_frames
        assert np.allclose(again[:-20, 0], np.linspace(0, 1, len(again))[:-20], atol=0.01)


def test_a_song_that_begins_in_the_middle_of_a_bar_says_so():
    frames = np.zeros((400, SPEC.size), dtype=np.float32)
    _, first = to_steps(frames, Bars(np.arange(-50.0, 500.0, 100.0), 0.6, 2))
    assert first == STEPS_PER_BAR // 2


def test_every_number_of_a_step_belongs_to_one_group():
    together = np.sort(np.concatenate(groups_of(SPEC)))
    assert np.array_equal(together, np.arange(FRAMES_PER_STEP * SPEC.size))


def test_codes_are_the_nearest_centres(book, steps):
    codes = book.encode(steps[0][:20])
    for g, chosen in enumerate(groups_of(SPEC)):
        distance = ((steps[0][:20, chosen][:, None] - book.centres[g][None]) ** 2).sum(-1)
        assert np.array_equal(codes[:, g], distance.argmin(1))


def test_refinement_brings_decoded_steps_nearer_on_the_songs_it_was_fitted_to(book, steps):
    codes = book.encode(steps[0])
    plain = ((book._centres_of(codes) - steps[0]) ** 2).mean()
    assert ((book.decode(codes) - steps[0]) ** 2).mean() < plain


def test_latents_are_a_sum_over_codes_and_centred_on_the_band(book, steps):
    codes = book.encode(np.concatenate(steps))
    latents = book.latents(codes)
    assert latents.shape == (600, 20)
    assert np.abs(latents.mean(0)).max() < 0.2
    one = codes[:1].copy()
    one[0, 3] = (one[0, 3] + 1) % book.n_codes
    difference = book.latents(one) - book.latents(codes[:1])
    assert np.allclose(difference, book.vectors[3][one[0, 3]] - book.vectors[3][codes[0, 3]], atol=1e-5)
    assert codes.shape == (600, N_GROUPS)


def test_tokens_tell_loud_bars_from_quiet_ones():
    rng = np.random.default_rng(0)
    bars = np.concatenate([rng.normal(-3, 0.1, (40, 5)), rng.normal(3, 0.1, (40, 5))]).astype(np.float32)
    form = FormCodec.fit(bars, np.ones(5, dtype=np.float32), 3, 2, rng=rng)
    tokens = form.tokens(bars)
    assert len(set(tokens[:40])) == len(set(tokens[40:])) == 1
    assert tokens[0] != tokens[-1]


@pytest.fixture(scope="module")
def forms():
    """Songs of four bars that come back: A B A C …, each song with tokens of its own."""
    return [[np.tile([4 * s, 4 * s + 1, 4 * s, 4 * s + 2], 8)] for s in range(4)]


def test_probabilities_of_the_next_bar_sum_to_one(forms):
    model = FormModel(16, forms)
    for past in ([], [3], [0, 1, 0, 2, 0]):
        assert model.probabilities(past).sum() == pytest.approx(1.0)
        assert (model.probabilities(past) > 0).all()


def test_songs_that_return_after_four_bars_teach_that_music_returns(forms):
    model = FormModel(16, forms)
    assert model.weights[1 + 2] == model.weights.max()  # the expert that says "as four bars ago"
    unheard = np.tile([3, 7, 3, 11], 8)
    assert model.bits(unheard) < 0.5 * np.log2(16)


def test_a_form_keeps_to_the_material_of_a_song_and_goes_on_as_often_as_songs_do():
    rng = np.random.default_rng(0)

    def song(first):  # parts of eight equal bars, from a song's own four tokens
        return np.concatenate([np.full(8, first + part) for part in rng.integers(0, 4, 12)])

    songs = [[song(0)], [song(4)], [song(8)]]
    model = FormModel(12, songs)
    taken = [model.sample(int(songs[i][0][0]), 96, rng=np.random.default_rng(i)) for i in (0, 1, 2) for _ in range(4)]
    own = np.mean([(tokens // 4 == tokens[0] // 4).mean() for tokens in taken])
    changes = [np.mean(np.diff(tokens) != 0) for tokens in taken]
    assert own > 0.7
    assert 0.5 < np.mean(changes) / np.mean([np.mean(np.diff(s[0]) != 0) for s in songs]) < 2.0


def test_a_form_begins_as_asked_and_is_the_same_for_the_same_stream(forms):
    model = FormModel(16, forms)
    one, two = (model.sample(5, 24, rng=np.random.default_rng(3)) for _ in range(2))
    assert one[0] == 5
    assert np.array_equal(one, two)
