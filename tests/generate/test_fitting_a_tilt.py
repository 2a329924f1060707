"""A skeleton's tilt is fitted on what it plays."""

import copy
from dataclasses import replace

import numpy as np

from neuralbum.nets.grid import STEPS_PER_BAR
from neuralbum.progress import SILENT
from neuralbum.train import tilting
from neuralbum.train.checkpoint import About, open_model

from ..train.makers import write_model
from .makers import RATE, small_model


def own_model():
    """The small model, free to be changed."""
    model = small_model()[0]
    return replace(model, net=copy.deepcopy(model.net), tilt=copy.deepcopy(model.tilt))


def test_a_fitted_net_uses_its_codes_as_the_band_does(monkeypatch):
    monkeypatch.setattr(tilting, "N_CLIPS", 24)
    monkeypatch.setattr(tilting, "N_BARS", 6)
    model = own_model()
    for layer in model.net.free:  # it no longer knows how often each code occurs
        layer.bias.data.zero_()
    tilt = model.tilt
    songs = [tilting._with_tokens(e) for e in model.examples if e.pitch == 0.0]
    band = tilt.measure_band(model.codebook, songs, songs)
    before = band.apart(tilt.moments(tilting.play(model, seed=5)))
    tilting.fit(model, seed=0, rounds=6, seconds=0.0, reporter=SILENT)
    after = band.apart(tilt.moments(tilting.play(model, seed=5)))
    assert int(tilt.rounds) == 6
    assert after < 0.35 * before


def test_clips_are_whole_bars_with_the_tokens_of_their_forms(monkeypatch):
    monkeypatch.setattr(tilting, "N_CLIPS", 3)
    for codes, tokens in tilting.play(small_model()[0], seed=1):
        assert len(codes) == len(tokens) == tilting.N_BARS * STEPS_PER_BAR
        assert (np.diff(tokens.reshape(-1, STEPS_PER_BAR), axis=1) == 0).all()


def test_what_is_fitted_once_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tilting, "N_CLIPS", 4)
    monkeypatch.setattr(tilting, "N_BARS", 2)
    model, renderer = own_model(), small_model()[1]
    about = About("debug-0", "skeleton", "debug", RATE, "", "test", model.facts(), step=3, steps_done=3)
    folder = tmp_path / "debug-0"
    about = write_model(folder, model, about, renderer)
    told = {"seed": 0, "rounds": 2, "seconds": 0.0, "reporter": SILENT}
    fitted = tilting.finish(folder, about, **told)
    assert int(open_model(folder)[0].tilt.rounds) == 2
    assert fitted.checkpoint.sha256 != about.checkpoint.sha256
    assert tilting.finish(folder, fitted, **told) == fitted


def test_a_training_by_the_clock_ends_with_the_rounds_that_fit(monkeypatch):
    monkeypatch.setattr(tilting, "N_CLIPS", 2)
    monkeypatch.setattr(tilting, "N_BARS", 2)
    model = own_model()
    tilting.fit(model, seed=0, rounds=8, seconds=1e-6, reporter=SILENT)
    assert int(model.tilt.rounds) == tilting.LEAST_ROUNDS
