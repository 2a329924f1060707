"""What people say of runs is a fold: the last word counts, an undone one is as if never said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralbum.catalogue.run_projection import fold_blind_tests, fold_runs
from neuralbum.errors import CatalogueError
from neuralbum.records import HEARD, Event, Heard


def said(nth, kind, actor="ana", undoes=None, **payload):
    return Event(f"event-{nth}", float(nth), actor, kind, "", payload, undoes=undoes)


heard = st.builds(
    dict, step=st.integers(0, 2), clip=st.integers(0, 1), value=st.sampled_from(HEARD),
    model=st.sampled_from(["m1", "m2"]), actor=st.sampled_from(["ana", "ben"]),
)  # fmt: skip


@given(st.lists(heard, max_size=20))
def test_each_persons_last_word_about_a_clip_counts(words):
    found = fold_runs(said(i, "hear", **w) for i, w in enumerate(words))
    last = {(w["model"], w["step"], w["clip"], w["actor"]): w["value"] for w in words}
    assert {m: set(o.heard) for m, o in found.items()} == {
        model: {Heard(step, clip, who, value) for (m, step, clip, who), value in last.items() if m == model}
        for model in {m for m, *_ in last}
    }


@given(st.lists(heard, min_size=1, max_size=10))
def test_an_undone_word_is_as_if_never_said(words):
    events = [said(i, "hear", **w) for i, w in enumerate(words)]
    assert fold_runs([*events, said(99, "undo", undoes=f"event-{len(words) - 1}")]) == fold_runs(events[:-1])


def test_the_score_goes_from_all_worse_to_all_better():
    def score(*values, step=None):
        events = [said(i, "hear", model="m", step=i % 2, clip=i, value=v) for i, v in enumerate(values)]
        return fold_runs(events)["m"].score(step)

    assert score("worse", "worse") == -1.0
    assert score("keep", "better") == 1.0
    assert score("keep", "worse", "worse", "worse") == -0.5
    assert score("better", "worse", step=0) == 1.0
    assert score("better", step=1) is None


def test_names_and_stars_are_the_last_that_were_given():
    found = fold_runs([
        said(0, "name", model="m", name="first"), said(1, "star", model="m", step=None, on=True),
        said(2, "star", model="m", step=300, on=True), said(3, "name", "ben", model="m", name="second"),
        said(4, "star", model="m", step=200, on=True), said(5, "star", model="m", step=200, on=False),
    ])["m"]  # fmt: skip
    assert (found.name, found.starred, found.starred_steps) == ("second", True, (300,))


def test_a_blind_test_counts_each_trial_once_and_only_its_own_persons():
    events = [
        said(0, "blind", test_id="t", a="m@1", b="m@2", n=3),
        said(1, "trial", test_id="t", number=0, first="a", chosen="b"),
        said(2, "trial", test_id="t", number=0, first="a", chosen="a"),
        said(3, "trial", "ben", test_id="t", number=1, first="a", chosen="a"),
        said(4, "trial", test_id="other", number=1, first="a", chosen="a"),
        said(5, "trial", test_id="t", number=2, first="b", chosen="b"),
    ]
    test = fold_blind_tests(events)["t"]
    assert (test.chosen, test.done) == (("b", "b"), False)
    assert fold_blind_tests([*events, said(6, "trial", test_id="t", number=1, first="a", chosen="a")])["t"].done


@pytest.mark.parametrize("event", [said(0, "hear", model="m"), said(0, "star", step=1, on=True)])
def test_a_row_changed_by_hand_is_named(event):
    with pytest.raises(CatalogueError, match="changed by hand"):
        fold_runs([event])
