"""The ranker learns, explains, audits itself and says what it may have missed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.errors import ParameterError
from neuralbum.screen import ranker
from neuralbum.screen.features import FEATURES, N_FEATURES

NAMES = [f.name for f in FEATURES]


def takes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features and whether a curator who hates silence and likes a clear pulse keeps each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, N_FEATURES))
    likes = 1.5 * x[:, NAMES.index("clarity")] - 3.0 * x[:, NAMES.index("silence")]
    return x, likes + rng.logistic(0, 0.5, n) > 1.0


def words(kept: np.ndarray) -> list[str]:
    return [("drop", "keep")[int(k)] for k in kept]


def test_it_learns_what_is_liked_from_a_hundred_verdicts():
    x, kept = takes(600)
    model = ranker.fit(x[:100], words(kept[:100]))
    scores = model.scores(x[100:])
    better = scores[kept[100:]][:, None] > scores[~kept[100:]][None, :]
    assert better.mean() > 0.9  # the area under the ROC curve


def test_its_reasons_name_what_speaks_for_and_against():
    x, kept = takes(300)
    model = ranker.fit(x, words(kept))
    take = np.zeros(N_FEATURES)
    take[NAMES.index("silence")] = 2.5
    take[NAMES.index("clarity")] = 2.0
    reasons = model.reasons(take)
    assert reasons[0] == "− much silence"
    assert "+ clear pulse" in reasons
    assert len(reasons) <= 3


@pytest.mark.parametrize("verdicts", [[], ["keep"], ["keep"] * 9, ["drop", "drop", "keep"], ["maybe"] * 9])
def test_too_little_to_learn_from_gives_none(verdicts):
    assert ranker.fit(np.zeros((len(verdicts), N_FEATURES)), verdicts) is None


def test_the_same_verdicts_give_the_same_scores():
    x, kept = takes(80)
    first, second = (ranker.fit(x, words(kept)).scores(x) for _ in range(2))
    assert (first == second).all()


def test_a_feature_that_never_changes_does_no_harm():
    x, kept = takes(100)
    x[:, 3] = 7.0
    scores = ranker.fit(x, words(kept)).scores(np.where(np.arange(N_FEATURES) == 3, 1e9, x))
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_perfectly_separable_verdicts_do_not_run_away():
    x, _ = takes(60)
    model = ranker.fit(x, words(x[:, 0] > 0))
    assert np.abs(model.weights).max() < 10


def test_heldout_scores_are_calibrated():
    x, kept = takes(1500)
    model = ranker.fit(x, words(kept))
    for part in ranker.calibration(model.heldout.tolist(), words(kept), n_bins=6):
        assert part.kept == pytest.approx(part.predicted, abs=0.1)


def test_findings_of_another_version_are_left_out_and_few_verdicts_give_nothing():
    from neuralbum.records import Finding

    def finding(name, features):
        return Finding(name, "screen", 1, name, {}, {}, {"features": features})

    screened = {f"t{i}": finding(f"t{i}", [float(i)] * N_FEATURES) for i in range(8)}
    screened["old"] = finding("old", [1.0])
    assert ranker.refit(screened, {"t0": "keep"}) == {}
    scores = ranker.refit(
        screened, {"t0": "drop", "t1": "drop", "t6": "keep", "t7": "keep", "old": "keep", "gone": "drop"}
    )
    assert set(scores) == {f"t{i}" for i in range(8)}
    assert scores["t7"] > scores["t0"]


@given(st.integers(1, 60), st.floats(0.1, 1), st.integers(0, 5), st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_holds_every_take_once_and_a_tenth_is_chance(n, share, seed, already):
    scores = {f"t{i}": (i * 37 % 101) / 101 for i in range(n)}
    places = ranker.order(scores, audit_share=share, seed=seed, already=already)
    assert sorted(p.take_id for p in places) == sorted(scores)
    for length in range(1, n + 1):
        served = sum(ranker.is_audit(i, share) for i in range(already + length)) - sum(
            ranker.is_audit(i, share) for i in range(already)
        )
        assert served == sum(p.audit for p in places[:length])
    audits = sum(ranker.is_audit(i, share) for i in range(n))
    assert audits >= share * n - 1e-6


def test_the_places_not_given_to_chance_go_down_by_score():
    scores = {f"t{i}": i / 50 for i in range(50)}
    ranked = [p.score for p in ranker.order(scores, seed=3) if not p.audit]
    assert ranked == sorted(ranked, reverse=True)


def test_a_refit_does_not_change_who_chance_picks_next():
    first = ranker.order({f"t{i}": i / 50 for i in range(50)}, seed=3)
    second = ranker.order({f"t{i}": 1 - i / 50 for i in range(50)}, seed=3)
    assert next(p.take_id for p in first if p.audit) == next(p.take_id for p in second if p.audit)


def test_an_audit_below_a_tenth_is_refused():
    with pytest.raises(ParameterError, match=r"audit_share=0.05"):
        ranker.order({"a": 0.5}, audit_share=0.05)


@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_the_interval_of_missed_keepers_holds_the_truth_nineteen_times_of_twenty(rate):
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        unheard, audited = rng.random(400) < rate, rng.random(40) < rate
        guess = ranker.missed_keepers(audited.astype(float).tolist(), [0.1] * 40, [0.1] * 400)
        held += guess.low <= unheard.sum() <= guess.high
    assert held >= 0.93 * 200


def test_audited_takes_that_rank_above_the_unheard_do_not_speak_for_them():
    guess = ranker.missed_keepers(["keep", "drop", "drop"], [0.9, 0.1, 0.2], [0.3, 0.25])
    assert guess.n_audited == 2
    assert guess.low == 0


def test_nothing_unheard_means_nothing_missed_and_no_audit_means_anything():
    assert ranker.missed_keepers(["keep"], [0.5], []) == ranker.Missed(0, 0, 0, 0)
    assert ranker.missed_keepers([], [], [0.5] * 10).high == 10


@pytest.mark.parametrize("verdict", ["love", 2.0])
def test_unknown_verdicts_are_refused(verdict):
    with pytest.raises(ParameterError, match="verdict"):
        ranker.fit(np.zeros((1, N_FEATURES)), [verdict])


def test_features_of_another_length_say_to_screen_again():
    x, kept = takes(50)
    with pytest.raises(ParameterError, match="screen --force"):
        ranker.fit(x, words(kept)).scores(np.zeros((2, 3)))
