"""Agreement beyond chance, checked against published numbers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralbum.curate.agreement import cohen_kappa, krippendorff_alpha, region_overlap, same_pulse, same_tempo
from neuralbum.curate.calibration import clopper_pearson, missed_keepers

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: four observers, twelve units, gaps.
EXAMPLE = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def units(table):
    return [{str(i): row[u] for i, row in enumerate(table) if row[u] is not None} for u in range(len(table[0]))]


def test_alpha_of_the_published_example():
    assert krippendorff_alpha(units(EXAMPLE)) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(units(EXAMPLE), lambda a, b: float((a - b) ** 2)) == pytest.approx(0.849, abs=5e-4)


def test_kappa_of_the_textbook_table():
    # 50 grants, 20 both yes, 15 both no, 5 and 10 split: po 0.70, pe 0.50.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["keep", "maybe", "drop"]), min_size=2, max_size=30))
def test_full_agreement_is_one_unless_nobody_ever_varied(verdicts):
    kappa = cohen_kappa(verdicts, verdicts)
    assert kappa is None if len(set(verdicts)) == 1 else kappa == pytest.approx(1.0)


def test_nothing_to_compare_is_no_number():
    assert cohen_kappa([], []) is None
    assert krippendorff_alpha([{"a": 1}, {}]) is None


@pytest.mark.parametrize(
    ("a", "b", "same", "pulse"),
    [
        (120, 240, False, True),
        (120, 123, True, True),
        (60, 180, False, True),
        (120, 150, False, False),
        (0, 0, True, True),
        (0, 90, False, False),
    ],
)
def test_octaves_are_forgiven_and_fourths_are_not(a, b, same, pulse):
    assert same_tempo(a, b) is same
    assert same_pulse(a, b) is pulse


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(20, 400), st.sampled_from([1.0, 2.0, 0.5, 3.0, 1 / 3]))
def test_the_same_pulse_is_the_same_from_both_sides(bpm, level):
    assert same_pulse(bpm, bpm * level)
    assert same_pulse(bpm * level, bpm)


def test_regions_overlap_by_shared_over_joined_time():
    assert region_overlap([(0, 10)], [(5, 15)]) == pytest.approx(5 / 15)
    assert region_overlap([(0, 4), (2, 10)], [(0, 10)]) == pytest.approx(1.0)
    assert region_overlap([], [(3, 3)]) is None
    assert region_overlap([(0, 1)], []) == 0


def test_the_exact_interval_of_nothing_among_ten():
    # The rule of Clopper and Pearson for 0 of n: 1 - (alpha/2)^(1/n).
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert clopper_pearson(10, 10)[1] == 1.0
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_missed_keepers_are_estimated_from_the_audit_beyond_the_frontier():
    takes = [f"t{i}" for i in range(100)]
    audit = ["t10", "t60", "t70", "t80", "t90"]
    verdicts = {f"t{i}": "keep" for i in range(40)} | {"t60": "keep", "t70": "drop", "t80": "drop", "t90": "drop"}
    found = missed_keepers(takes, audit, verdicts)
    assert (found["n_unheard"], found["n_audited"], found["n_audited_kept"]) == (56, 4, 1)
    assert found["estimate"] == pytest.approx(14)
    assert found["low"] < found["estimate"] < found["high"]
    assert missed_keepers(takes, audit, {})["estimate"] is None
