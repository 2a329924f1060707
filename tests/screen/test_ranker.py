"""The ranker learns from verdicts, and its probabilities hold on takes it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.screen import ranker
from neuralbum.screen.features import FEATURES, N_FEATURES

NAMES = list(FEATURES)


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


@pytest.mark.parametrize("verdict", ["love", 2.0])
def test_unknown_verdicts_are_refused(verdict):
    with pytest.raises(ParameterError, match="verdict"):
        ranker.fit(np.zeros((1, N_FEATURES)), [verdict])


def test_features_of_another_length_say_to_screen_again():
    x, kept = takes(50)
    with pytest.raises(ParameterError, match="screen --force"):
        ranker.fit(x, words(kept)).scores(np.zeros((2, 3)))
