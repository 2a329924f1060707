"""``auto`` keeps by ranking, and a person always wins."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralbum import curate
from neuralbum.curate.ranking import Ranked, number_to_keep, propose, reasons_of
from neuralbum.errors import CatalogueError, ParameterError
from neuralbum.records import Event

from .makers import make_project, make_take, screened


def said(project):
    return [(e.take_id, e.payload["value"]) for e in project.catalogue.events() if e.kind == "verdict"]


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path / "album")
    for number in range(10):
        take = make_take(project, number, audio=False)
        project.catalogue.record(screened(take, score=number / 10))
    return project


def test_the_best_ranked_takes_are_kept_and_the_rest_dropped(project):
    outcome = curate.auto(project, keep=3)
    ids = [take.id for take in project.catalogue.takes()]
    assert set(project.catalogue.kept()) == {ids[7], ids[8], ids[9]}
    assert (outcome.done, outcome.kept, outcome.dropped, outcome.ok) == (10, 3, 7, True)


def test_saying_it_again_says_nothing(project):
    curate.auto(project, share=0.6)
    before = project.catalogue.events()
    again = curate.auto(project, share=0.6)
    assert project.catalogue.events() == before
    assert (again.done, again.skipped, again.kept) == (0, 10, 6)


def test_another_number_changes_only_what_differs_and_can_go_back(project):
    curate.auto(project, keep=3)
    assert curate.auto(project, keep=4).done == 1
    assert curate.auto(project, keep=3).done == 1
    assert len(project.catalogue.kept()) == 3
    assert len(project.catalogue.events()) == 12


def test_a_person_wins_over_auto_before_and_after(project):
    ids = [take.id for take in project.catalogue.takes()]

    def person(take_id, value, name):
        project.catalogue.say([Event(name, 1.0, "ana", "verdict", take_id, {"value": value})])

    person(ids[9], "drop", "a")
    person(ids[0], "keep", "b")
    outcome = curate.auto(project, keep=3)
    assert set(project.catalogue.kept()) == {ids[0], ids[7], ids[8]}, "her keep counts towards the three"
    assert outcome.by_people == 2
    person(ids[8], "drop", "c")
    assert ids[8] not in project.catalogue.kept()
    curate.auto(project, keep=3)
    assert set(project.catalogue.kept()) == {ids[0], ids[6], ids[7]}, "auto fills the place again"


def test_flags_are_the_reasons_with_number_limit_and_place():
    flags = [{"name": "silent_share", "value": 0.62, "threshold": 0.35, "ranges": [[52.4, 90.0]]}, {"name": "lo-fi"}]
    assert reasons_of({"flags": flags}) == ("silent_share 0.62 (limit 0.35) from 0:52", "lo-fi")


def test_without_a_screen_it_says_which_command_is_missing(tmp_path):
    project = make_project(tmp_path / "album")
    with pytest.raises(CatalogueError, match="neuralbum generate"):
        curate.auto(project)
    make_take(project, 0, audio=False)
    with pytest.raises(CatalogueError, match="neuralbum screen"):
        curate.auto(project)


@pytest.mark.parametrize("wrong", [{"keep": -1}, {"share": 1.5}, {"keep": 2, "share": 0.5}])
def test_wrong_numbers_are_refused(project, wrong):
    with pytest.raises(ParameterError):
        curate.auto(project, **wrong)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(0, 1), max_size=12),
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.sampled_from(["keep", "drop", "maybe"]), max_size=5),
    st.integers(0, 14),
)
def test_exactly_as_many_as_asked_are_kept_when_people_leave_room(scores, decided, n_keep):
    proposals = propose([Ranked(i, s) for i, s in scores.items()], decided, n_keep)
    kept = [p for p in proposals if p.value == "keep"]
    room = max(0, n_keep - list(decided.values()).count("keep"))
    assert len(kept) == min(room, len(proposals))
    assert not {p.take_id for p in proposals} & set(decided)
    lowest_kept = min((p.score for p in kept), default=1)
    assert all(p.score <= lowest_kept for p in proposals if p.value == "drop")


def test_a_share_is_of_all_takes():
    assert number_to_keep(10, keep=None, share=0.6) == 6
    assert number_to_keep(10, keep=30, share=0.6) == 10
