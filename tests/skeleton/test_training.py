"""Training: it learns, it resumes by bit, it stops when numbers break."""

import numpy as np
import pytest
import torch

from neuralbum.audio import resample
from neuralbum.demo.band import make_band
from neuralbum.dsp import front_end
from neuralbum.errors import TrainingError
from neuralbum.skeleton import evaluate, songs
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.songs import MOST_TONES, RMS_SAMPLES, TONE_DB, Feed, Song
from neuralbum.skeleton.training import Habits, Trainer

from .makers import net, song

HABITS = Habits(batch=2, window=256, learning_rate=3e-3, stretch_s=0.05, dither=0.01, frame_share=0.5)


@pytest.mark.parametrize("stopped_after", [4, 7])
def test_an_interrupted_training_gives_the_same_weights_by_bit(stopped_after):
    songs = [song(1.0, 0), song(1.0, 1)]
    straight = Trainer(net(), songs, HABITS)
    for step in range(8):
        straight.advance(step / 8)
    first = Trainer(net(), songs, HABITS)
    for step in range(stopped_after):
        first.advance(step / 8)
    kept = {name: tensor.clone() for name, tensor in first.state().items()}
    second = Trainer(net(seed=5), songs, HABITS)  # other weights: all must come from the checkpoint
    second.restore(kept)
    for step in range(stopped_after, 8):
        second.advance(step / 8)
    for name, tensor in straight.state().items():
        assert torch.equal(tensor, second.state()[name]), name


@pytest.mark.parametrize(
    ("seconds", "n_streams", "window"),
    [
        (1.0, 8, 512),
        (0.021, 12, 320),  # 336 samples, in whole hops of 64: no longer than the shortest song, no more music
        (0.001, 64, 64),  # one hop at least
    ],
)
def test_windows_are_no_longer_than_the_shortest_song(seconds, n_streams, window):
    trainer = Trainer(net(), [song(1.0), song(seconds)], Habits(batch=8, window=512))
    assert np.isfinite(trainer.advance(0.5))
    assert (trainer.feed.n_streams, trainer.feed.window) == (n_streams, window)
    assert trainer.samples == trainer.step_samples == n_streams * window


def chaos(seconds, seed):
    """The logistic map: as white as noise to any linear forecast, known from its last value to who has learned it."""
    x = [0.1 + 0.05 * seed]
    for _ in range(int(seconds * 16_000)):
        x.append(3.9 * x[-1] * (1 - x[-1]))
    return Song("chaos", (64 + 128 * np.array(x[1:])).astype(np.int16))


@pytest.mark.parametrize("name", ["debug", "samplernn-debug"])
def test_a_few_steps_lower_the_bits_of_a_song_it_has_not_heard(name):
    trainer = Trainer(net(name), [chaos(2.0, 0)], Habits(batch=4, window=512, learning_rate=4e-3))
    unheard = chaos(1.0, 9)
    before = evaluate.song_bits(trainer.net, unheard)
    for step in range(30):
        trainer.advance(step / 30)
    assert evaluate.song_bits(trainer.net, unheard) < before - 0.3


def test_frames_that_are_only_heard_change_nothing_of_those_that_are_predicted():
    made, tune = net(shaken=0.05), song(1.0)
    window = next(
        songs.windows_of(tune, window=256, context=made.context, n_levels=256, anchor=evaluate.anchor_of(made))
    )
    levels, features = (torch.from_numpy(np.repeat(x, 2, axis=0)) for x in (window.levels, window.features))
    frames = torch.tensor([0, 5, 17, 31])
    with torch.no_grad():
        everything, ends = made.nll(levels, features, made.begin(2))
        some, same_ends = made.nll(levels, features, made.begin(2), frames=frames)
    assert torch.allclose(some, everything.unflatten(1, (-1, 16)).flatten(0, 1)[frames], atol=1e-5)
    assert all(torch.equal(ends[name], same_ends[name]) for name in ends)


def test_an_untrained_net_already_knows_what_the_forecast_knows():
    assert evaluate.song_bits(net(), song(1.0)) < 7.0


def test_evaluating_in_small_windows_changes_nothing():
    made, tune = net(shaken=0.05), song(1.0)
    assert evaluate.song_bits(made, tune, window=64, stop=8192) == pytest.approx(
        evaluate.song_bits(made, tune, window=8192, stop=8192), abs=1e-4
    )


def test_a_loss_that_is_not_a_number_stops_training_and_names_the_remedy():
    trainer = Trainer(net(), [song(1.0)], HABITS)
    with torch.no_grad():
        trainer.net.out.bias[0] = float("nan")
    with pytest.raises(TrainingError, match="learning rate"):
        trainer.advance(0.0)


def test_streams_carry_their_context_from_window_to_window():
    tune = song(1.0)
    feed = Feed(
        [tune],
        n_batch=1,
        window=256,
        context=64,
        stretch=16_000,
        n_levels=256,
        anchor=np.zeros(97),
        seed=0,
    )
    one, two = feed.next(), feed.next()
    assert one.fresh[0]
    assert not two.fresh[0]
    assert np.array_equal(two.levels[0, :64], one.levels[0, -64:])
    assert np.array_equal(two.features[0, :64], one.features[0, -64:])


def test_a_song_shorter_than_a_window_is_heard_whole_and_then_silence():
    short = song(0.1)
    feed = Feed([short], n_batch=2, window=4096, context=64, stretch=4096, n_levels=256, anchor=None, seed=0)
    for _ in range(3):
        heard = feed.next().levels[:, 64:]
        assert np.array_equal(heard[0], heard[1])
        assert np.array_equal(heard[0, : len(short.levels)], short.levels)
        assert set(heard[0, len(short.levels) :]) == {front_end.silent_level(256)}


def test_long_windows_carry_their_state_through_a_stretch_too():
    feed = Feed([song(1.0)], n_batch=1, window=1024, context=64, stretch=1, n_levels=256, anchor=None, seed=0)
    fresh = [bool(feed.next().fresh[0]) for _ in range(40)]
    assert fresh[0]
    assert 2 <= sum(fresh) <= len(fresh) // 2  # it jumps, but not at every window


def test_strange_tones_are_heard_and_not_to_be_predicted_and_ring_on_from_window_to_window():
    hiss, levels = np.random.default_rng(0).normal(size=64_000) * 0.1, 4096  # so fine that rounding hardly counts
    tune = Song("hiss", front_end.levels_of(hiss, levels))
    feed = Feed(
        [tune], n_batch=1, window=2048, context=64, stretch=8192, n_levels=levels, anchor=None, seed=1, tone_share=1.0
    )
    windows = [feed.next() for _ in range(3)]
    clean, heard = (
        np.concatenate([getattr(window, name)[0, 64:] for window in windows]) for name in ("levels", "heard")
    )
    at = int(feed.place[0, 1]) - len(clean)
    assert np.array_equal(clean, tune.levels[at : at + len(clean)])
    added = front_end.amplitudes_of(heard, levels) - front_end.amplitudes_of(clean, levels)
    power = np.abs(np.fft.rfft(added * np.hanning(len(added)))) ** 2
    sharp = np.sort(power)[::-1]
    assert sharp[: 4 * MOST_TONES].sum() > 0.9 * power.sum()  # a few lines: their phase does not jump
    assert TONE_DB[0] - 9 < 20 * np.log10(added.std() / 0.1) < TONE_DB[1] + 5


def test_where_the_music_falls_silent_no_strange_tone_goes_on():
    hiss = np.random.default_rng(0).normal(size=96_000) * 0.1
    hiss[48_000:] = 0.0
    tune = Song("hiss, then nothing", front_end.levels_of(hiss))
    feed = Feed(
        [tune], n_batch=1, window=92_160, context=64, stretch=1, n_levels=256, anchor=None, seed=1, tone_share=1.0
    )
    window = feed.next()
    apart = window.heard[0, 64:] != window.levels[0, 64:]
    loud = 48_000 - (int(feed.place[0, 1]) - 92_160)
    assert apart[: loud - RMS_SAMPLES].mean() > 0.1
    assert not apart[loud + 2 * RMS_SAMPLES :].any()


def spectra(sound):
    """Log power in 16 bands of 32 ms frames: what a bar sounds like, not its phases."""
    frames = np.asarray(sound, dtype=float)[: len(sound) // 512 * 512].reshape(-1, 512)
    power = np.abs(np.fft.rfft(frames * np.hanning(512), axis=1))[:, 1:] ** 2
    return np.log(power.reshape(len(frames), 16, -1).sum(-1) + 1e-6)


def test_a_net_learns_one_bar_by_heart_and_plays_it_again():
    band = make_band(seed=0, n_songs=1, duration_s=4.0)[0]
    bar_s = 0.256  # of the band's first song, over and over
    mono = resample(band.audio.mean(0, keepdims=True), band.sample_rate, 16_000)[0]
    bar = front_end.levels_of(mono[8000 : 8000 + int(bar_s * 16_000)])
    tune = Song("bar", np.tile(bar, 16))
    habits = Habits(batch=2, window=1024, learning_rate=1e-2, average=0.9, tone_share=0.0)
    trainer = Trainer(net(), [tune], habits)
    bits = [trainer.advance(step / 250) for step in range(250)]
    assert np.mean(bits[-20:]) < np.mean(bits[:20]) - 1.0
    engine = FusedEngine(trainer.net, threads=1)
    memory = engine.begin(1)
    engine.hear(memory, 0, tune.levels[: 4096 * 2])
    rng = np.random.default_rng(0)
    played = engine.sample(memory, rng.random((1, 4096)), np.full((1, 4096), 0.9)).levels[0]
    bar_spectra, played_spectra = spectra(engine.amplitudes[bar]), spectra(engine.amplitudes[played])
    other = spectra(engine.amplitudes[rng.permutation(bar)])
    alike, unlike = (np.corrcoef(bar_spectra.ravel(), x.ravel())[0, 1] for x in (played_spectra, other))
    assert alike > 0.8
    assert unlike < alike - 0.2
