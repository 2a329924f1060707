"""The order before anybody has judged."""

from __future__ import annotations

import pytest

from neuralbum.records import Finding
from neuralbum.screen.default_order import scores


def finding(stage: str, take: str, score: float | None) -> Finding:
    return Finding(
        key=f"{stage}-{take}", stage=stage, version=1, subject=take, params={}, inputs={}, values={"score": score}
    )


def test_likeness_to_the_band_weighs_half_of_the_score_and_an_unheard_take_counts_as_the_mean():
    screened = {take: finding("screen", take, 0.8) for take in ("like", "unlike", "unheard")}
    likeness = {"like": finding("likeness", "like", 1.0), "unlike": finding("likeness", "unlike", 0.0)}
    assert scores(screened, likeness) == pytest.approx({"like": 0.8, "unlike": 0.4, "unheard": 0.6})


def test_without_likeness_the_screens_score_stands_and_a_take_without_a_score_is_left_out():
    screened = {"a": finding("screen", "a", 0.7), "b": finding("screen", "b", None)}
    assert scores(screened, {}) == {"a": 0.7}
