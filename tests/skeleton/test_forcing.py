"""Samples drawn with the real past in the ear: what the engine would draw there."""

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.forcing import forced_samples
from neuralbum.skeleton.songs import Song

from .makers import net, song

N = 1000


def short(n=N):
    return Song("tune", song(0.1).levels[:n])


@pytest.mark.parametrize("name", ["debug", "samplernn-debug"])
@pytest.mark.parametrize("window", [64, 4096])
def test_each_sample_is_drawn_from_what_the_engine_predicts_after_the_true_past(name, window):
    made, tune, n = net(name, shaken=0.05), short(), 960
    uniforms = np.random.default_rng(0).random(N)
    drawn = forced_samples(made, tune, uniforms=uniforms, window=window)[:n]
    blurred = forced_samples(made, tune, uniforms=None, window=window)[:n]
    engine = FusedEngine(made, threads=1)
    p = np.exp(engine.log_probabilities(engine.begin(1), tune.levels[None, :n])[0].astype(np.float64))
    assert blurred == pytest.approx(p @ engine.amplitudes, abs=1e-3)
    cdf = p.cumsum(-1)
    level = np.argmin(np.abs(engine.amplitudes[None] - drawn[:, None]), axis=1)
    at = np.arange(n)
    slack = 1e-3  # float32 with polynomial exp and log
    assert (np.where(level > 0, cdf[at, level - 1], 0) <= uniforms[:n] * cdf[:, -1] + slack).all()
    assert (cdf[at, level] >= uniforms[:n] * cdf[:, -1] - slack).all()


def test_what_a_sample_is_does_not_change_what_is_drawn_for_it():
    made, tune = net(shaken=0.05), short()
    other = Song("other", tune.levels.copy())
    other.levels[500:] = 200
    uniforms = np.random.default_rng(0).random(N)
    one, two = (forced_samples(made, s, uniforms=uniforms) for s in (tune, other))
    assert np.array_equal(one[:501], two[:501])
    assert not np.array_equal(one[501:], two[501:])


def test_hotter_draws_are_less_likely_and_the_expectation_is_nearest_to_the_music():
    made, tune = net(shaken=0.05), short(960)
    engine = FusedEngine(made, threads=1)
    log_p = engine.log_probabilities(engine.begin(1), tune.levels[None])[0]
    uniforms = np.random.default_rng(0).random(960)
    clean, likelihood, errors = engine.amplitudes[tune.levels], [], []
    for heat in (0.7, 1.0, 1.5):
        drawn = forced_samples(made, tune, uniforms=uniforms, temperatures=heat)
        level = np.argmin(np.abs(engine.amplitudes[None] - drawn[:, None]), axis=1)
        likelihood.append(float(log_p[np.arange(960), level].mean()))
        errors.append(float(np.mean((drawn - clean) ** 2)))
    assert likelihood == sorted(likelihood, reverse=True)
    expected = forced_samples(made, tune, uniforms=None)
    assert float(np.mean((expected - clean) ** 2)) < min(errors)


def test_dice_that_do_not_fit_the_song_are_refused():
    with pytest.raises(ParameterError, match="one for each"):
        forced_samples(net(), short(), uniforms=np.zeros(3))
    with pytest.raises(ParameterError, match="must be > 0"):
        forced_samples(net(), short(), uniforms=None, temperatures=0.0)
