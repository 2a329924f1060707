"""Clips searched for copies while a net is trained: the test behind the rule, and which checkpoint then plays."""

from types import SimpleNamespace

import numpy as np
import pytest

from neuralbum.corpus.prepared import STEREO_RATE, PreparedTrack, to_int16
from neuralbum.demo.band import make_band
from neuralbum.progress import SILENT
from neuralbum.train import clip_check
from neuralbum.train.checkpoint import About, Checkpoint
from neuralbum.train.clip_check import CHANCE, CLIPS, COPIED, LIKENESS, QUOTED, CheckPlan, ClipCheck, chance, may_play
from neuralbum.train.loop import Trainer, TrainingConfig
from neuralbum.train.session import Schedule, Session

from .test_loop import Line

MODEL = SimpleNamespace(spec=SimpleNamespace(sample_rate=STEREO_RATE))
SEARCHED = {COPIED: 0.0, QUOTED: 40.0, CHANCE: 1.0}
COPYING = {COPIED: 900.0, QUOTED: 40.0, CHANCE: 0.001}


def song(split, number, sound):
    track = SimpleNamespace(id=f"{split}-{number}", title="a song", split=split)
    return PreparedTrack(track, sound[0], to_int16(sound))


@pytest.fixture(scope="module")
def band():
    """Songs of one band to train on and not to, and another band's: float32 (2, n) each."""
    ours = [np.ascontiguousarray(s.audio) for s in make_band(seed=0, n_songs=4, duration_s=26.0)]
    other = [np.ascontiguousarray(s.audio) for s in make_band(seed=9, n_songs=4, duration_s=13.0)]
    return ours[:2], ours[2:], other


class Corpus(SimpleNamespace):
    gain = 1.0

    def split(self, name):
        return tuple(s for s in self.songs if s.track.split == name)

    def seconds(self, name):
        return sum(s.stereo.shape[1] for s in self.split(name)) / STEREO_RATE


@pytest.fixture(scope="module")
def check(band):
    """A check whose index is made once."""
    heard, unheard, _ = band
    corpus = Corpus(
        songs=tuple(
            song(split, n, sound)
            for split, sounds in (("train", heard), ("valid", unheard))
            for n, sound in enumerate(sounds)
        )
    )
    return ClipCheck(corpus, seed=0)


def plays(monkeypatch, band, copies_from):
    """Whatever net is asked plays another band, and from a step on stretches of the training songs under noise."""
    heard, _, other = band
    rng, asked = np.random.default_rng(0), []

    def play(model, renderer, numbers, *, seed, length_s, temperature):
        asked.append(list(numbers))
        size = round(length_s * STEREO_RATE)
        sounds = heard if len(asked) >= copies_from else other
        clips = [np.array(sounds[n % len(sounds)][:, n * 1000 :][:, :size], dtype=np.float32) for n in numbers]
        return [c + 0.02 * rng.normal(size=c.shape).astype(np.float32) for c in clips]

    monkeypatch.setattr(clip_check, "play_clips", play)
    monkeypatch.setattr(clip_check, "MOST", 4)
    return asked


class Scored(Line):
    """A net whose likelihood goes on getting better."""

    rank, curve = "valid_bits", "train_bits"

    def evaluate(self):
        return {"valid_bits": 100.0 - self.seen}


def session(tmp_path, check, *, stop=False, steps=6):
    plan = CheckPlan(check, MODEL, None, 0.5, step_s=100.0, before_s=100.0, stop=stop)
    about = About(tmp_path.name, "skeleton", "tiny", STEREO_RATE, "c0", "0.0", {"net": {}})
    trainer = Trainer(Scored(), TrainingConfig(seed=3))
    return Session(tmp_path, about, trainer, Schedule(steps, keep=2), SILENT, list, lambda: None, checks=plan)


def test_a_net_that_plays_its_songs_is_caught_and_the_one_before_plays(band, check, monkeypatch, tmp_path):
    asked = plays(monkeypatch, band, copies_from=3)
    work = session(tmp_path, check)
    work.work()
    history = {c.step: c for c in work.about.history}
    searched = [step for step, c in history.items() if COPIED in c.measures]
    caught = [step for step in searched if clip_check.is_copying(history[step].measures)]
    assert caught == searched[2:]
    assert work.about.step == searched[1]
    assert work.trainer.step == work.about.steps_done == 6
    assert history[caught[0]].measures[COPIED] > 1800.0  # of an hour of copies under noise, more than half
    planted, found = (sum(history[step].measures[name] for step in searched) for name in ("planted", "planted_found"))
    assert (planted, found >= 0.5 * planted) == (4.0 * len(searched), True)
    assert history[work.about.step].sha256  # the last clean one is kept, whatever else was good
    assert asked[0] != asked[1]  # clips that were not played before


def test_a_training_that_is_to_stop_there_stops_there(band, check, monkeypatch, tmp_path):
    plays(monkeypatch, band, copies_from=2)
    work = session(tmp_path, check, stop=True)
    work.work()
    assert "copying rose" in work.stopped
    assert work.trainer.step == max(c.step for c in work.about.history) < 6
    again = session(tmp_path, check, stop=True)
    again.about = work.about
    again.resume()
    again.work()
    assert again.trainer.step == work.trainer.step


def test_where_the_first_search_finds_copies_earlier_checkpoints_are_searched(band, check, monkeypatch, tmp_path):
    """The budget allows for one search, at the end: it finds copies, and so does the next older one; not the third."""
    work = session(tmp_path, check)
    work.checks.before_s, work.checks.step_s = (
        0.0,
        2.0 * (check.cost_of(clip_check.FEWEST) + check.preparation_s(likeness=False, again=True)) / 5.9,
    )
    found = iter([COPYING, COPYING, SEARCHED])
    monkeypatch.setattr(CheckPlan, "run", lambda self, history, n_clips, likeness: {**next(found), CLIPS: 4.0})
    work.schedule = Schedule(6, keep=8)
    work.work()
    measured = {c.step: c.measures for c in work.about.history if COPIED in c.measures}
    assert sorted(measured) == [4, 5, 6]
    assert work.about.step == 4


def test_what_copies_like_the_band_quotes_is_no_copying_net():
    quoting, rng = [0.0] * 8 + [0.1] * 4, np.random.default_rng(0)
    alike = [chance(rng.choice(quoting, 8), quoting, seed=n) for n in range(40)]
    assert np.mean([p <= clip_check.RISEN_P for p in alike]) <= 0.1
    assert chance([0.9, 0.8, 0.0, 0.7], quoting) < 0.01
    assert chance([0.0] * 4, quoting) == 1.0
    assert chance([0.5, 0.0], []) == 0.0


@pytest.mark.parametrize(
    ("measures", "allowed"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({2: SEARCHED}, [0, 1, 2, 3, 4]),
        ({1: SEARCHED, 3: COPYING}, [0, 1]),
        ({3: COPYING, 4: SEARCHED}, [0, 1, 2]),
        ({2: {**COPYING, CHANCE: 0.3}}, [0, 1]),  # 900 s is clear, however few cuts there are
        ({2: {COPIED: 150.0, QUOTED: 40.0, CHANCE: 0.3}}, [0, 1, 2, 3, 4]),
        ({2: {COPIED: 150.0, QUOTED: 40.0, CHANCE: 0.03}}, [0, 1]),
        ({2: {**COPYING, QUOTED: 1000.0}}, [0, 1, 2, 3, 4]),
    ],
)
def test_only_checkpoints_from_before_copying_rose_may_play(measures, allowed):
    history = [Checkpoint(step, measures.get(step, {})) for step in range(5)]
    assert [step for step in range(5) if may_play(history)(step)] == allowed


def test_checks_cost_no_more_than_their_share(check):
    """Reckoned over a whole training of an hour, with measured costs, however the clips are shared out."""
    plan, history = CheckPlan(ClipCheck(check.corpus, 0), MODEL, None, 0.05, 1.0, 0.0), []
    for minute in range(1, 61):
        n, likeness = plan.due(60.0 * minute, plan.reckoned_s(history), len(history), minute / 60, reckoned=True)
        if n:
            history.append(Checkpoint(minute, {CLIPS: n, **({LIKENESS: 1.0} if likeness else {})}))
    assert 0.9 * 180 <= plan.reckoned_s(history) + plan.check.preparation_s(likeness=True) <= 180
    assert len(history) == clip_check.CHECKS + 1
    assert [plan.due(20.0, 0.0, 0, 0.5), CheckPlan(check, MODEL, None, 0.0, 1.0, 0.0).due(1e6, 0.0, 0, 0.5)] == [
        (0, False)
    ] * 2


def test_songs_of_the_band_are_more_like_it_than_noise(band, check):
    heard, unheard, _ = band
    noise = [0.1 * np.random.default_rng(1).normal(size=heard[0].shape).astype(np.float32)]
    own, other = (check._likeness(sounds, STEREO_RATE)[LIKENESS] for sounds in (unheard, noise))
    assert own > other + 0.2
