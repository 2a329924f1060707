"""The calibration curve: scores that had not seen the verdict, against the verdict."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.curate.calibration import calibrate
from neuralbum.records import Event, Finding
from neuralbum.screen.features import N_FEATURES


def screen_of(features):
    return {
        f"t{i}": Finding(f"k{i}", "screen", 1, f"t{i}", {}, {}, {"features": list(x)}) for i, x in enumerate(features)
    }


@pytest.fixture
def taste():
    """400 takes and a person who keeps what a logistic model of two features would, with its dice."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, N_FEATURES))
    chance = 1 / (1 + np.exp(-(2 * features[:, 0] - 1.5 * features[:, 1])))
    kept = rng.random(400) < chance
    return screen_of(features), {f"t{i}": "keep" if k else "drop" for i, k in enumerate(kept)}


def test_a_person_who_follows_the_model_lies_near_the_diagonal(taste):
    answer = calibrate(*taste)
    assert answer["n_verdicts"] == 400
    assert answer["error"] < 0.1
    assert [p["n"] for p in answer["points"]] == [40] * 10
    shares = [p["kept"] for p in answer["points"]]
    assert shares[0] < 0.2
    assert shares[-1] > 0.8


def test_verdicts_by_dice_show_a_flat_curve_and_a_large_error(taste):
    screen, people = taste
    verdicts = list(people.values())
    np.random.default_rng(1).shuffle(verdicts)
    answer = calibrate(screen, dict(zip(people, verdicts, strict=True)))
    assert answer["error"] > 2 * calibrate(screen, people)["error"]


def test_a_change_of_taste_shows_in_the_drift(taste):
    screen, people = taste
    answer = calibrate(screen, {t: "keep" if i >= 300 else v for i, (t, v) in enumerate(people.items())})
    assert answer["drift"][-1]["kept"] == 1.0
    assert answer["drift"][-1]["predicted"] < 0.9, "the scores do not see why"


def test_too_few_verdicts_or_no_features_give_no_curve():
    screen = screen_of(np.zeros((4, N_FEATURES)))
    assert calibrate(screen, {"t0": "keep", "t1": "drop"})["points"] == []
    assert calibrate({}, {"t0": "keep"})["n_verdicts"] == 0


def test_the_curve_is_withheld_from_a_blind_person(service, album):
    takes = [take.id for take in album.catalogue.takes()]
    album.catalogue.say(
        [Event(f"said-{t}", 1.0, "ana", "verdict", t, {"value": "keep"}, pass_name="ear") for t in takes]
    )
    assert service.ranker("ana")["blind"] is False
    service.queues.freeze("ana", "second")
    assert service.ranker("ana")["blind"] is True
    assert service.ranker("ana")["n_verdicts"] == 0
