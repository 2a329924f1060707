"""Queues: frozen, ranked with an audit, blind where they must be."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralbum.catalogue import fold_by_person
from neuralbum.curate.queues import arrange, disputed, members, second_sample
from neuralbum.errors import ParameterError
from neuralbum.records import AUTO, Event, Judgement

TAKES = [f"t{i}" for i in range(6)]


def said(*verdicts):
    return fold_by_person(
        Event(f"c{n}", float(n), actor, "verdict", take, {"value": value}, pass_name=pass_name)
        for n, (actor, take, value, pass_name) in enumerate(verdicts)
    )


SAID = said(
    ("ana", "t0", "keep", "eye"),
    ("ana", "t1", "drop", "eye"),
    ("ben", "t1", "keep", "ear"),
    ("ana", "t2", "maybe", "eye"),
    (AUTO, "t3", "keep", "auto"),
    ("ana", "t4", "keep", "eye"),
    ("ana", "t4", "drop", "second"),
)


def test_each_pass_holds_what_it_is_for():
    assert members("eye", TAKES, SAID, "ana") == TAKES
    assert members("ear", TAKES, SAID, "ana") == ["t0", "t2", "t3", "t5"]
    assert members("ear", TAKES, SAID, "ben") == TAKES
    assert members("full", TAKES, SAID, "ana") == ["t0", "t1", "t2"]
    assert members("second", TAKES, SAID, "ana") == ["t0", "t1", "t2", "t4"]
    assert members("disputes", TAKES, SAID, "ana") == ["t1", "t4"]
    with pytest.raises(ParameterError, match="eye, ear"):
        members("third", TAKES, SAID, "ana")


def test_progress_from_pass_to_pass_is_no_dispute():
    assert not disputed(said(("ana", "t", "keep", "eye"), ("ana", "t", "drop", "ear")).values())
    assert not disputed(
        said(("ana", "t", "maybe", "ear"), ("ana", "t", "keep", "full"), ("ben", "t", "keep", "")).values()
    )
    assert disputed(
        said(("ana", "t", "keep", "eye"), ("ana", "t", "drop", "ear"), ("ben", "t", "keep", "eye")).values()
    )
    heard_blind = (("ana", "t", "keep", "eye"), ("ana", "t", "drop", "second"))
    assert disputed(said(*heard_blind).values())
    assert not disputed(said(*heard_blind, ("ana", "t", "drop", "full")).values()), "heard again, and agreed"
    assert not disputed(said(("ana", "t", "drop", "eye"), (AUTO, "t", "keep", "auto")).values())


def test_a_word_in_the_disputes_pass_settles_it():
    settled = said(("ana", "t", "keep", "eye"), ("ben", "t", "drop", "eye"), ("ana", "t", "drop", "disputes"))
    assert not disputed(settled.values())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 60), st.floats(0, 0.5), st.integers(0, 5))
def test_a_ranked_queue_holds_every_take_once_and_the_audit_its_share(n, share, seed):
    takes = [f"t{i:02}" for i in range(n)]
    score = {t: (int(t[1:]) * 7 % 13) / 13 for t in takes}
    served, audit, by_rank = arrange(takes, order="ranked", seed=seed, score=score, audit_share=share)
    assert sorted(served) == sorted(by_rank) == takes
    assert len(audit) == round(share * n)
    followed = [score[t] for t in served if t not in audit]
    assert followed == sorted(followed, reverse=True)
    assert all(served.index(t) <= by_rank.index(t) + len(audit) for t in takes), "the audit delays nothing good"


def test_ranked_anew_the_audit_stays():
    takes = [f"t{i:02}" for i in range(50)]
    first, second = (
        arrange(takes, order="ranked", seed=3, score={t: sign * i for i, t in enumerate(takes)}, audit_share=0.2)[1]
        for sign in (1, -1)
    )
    assert first == second


def test_the_same_seed_shuffles_the_same_and_another_one_does_not():
    takes = [f"t{i}" for i in range(50)]
    once, again, other = (arrange(takes, order="shuffled", seed=s, score={}, audit_share=0.1)[0] for s in (1, 1, 2))
    assert once == again != other
    assert sorted(once) == sorted(takes)


def test_the_second_pass_is_a_fifth_but_at_least_twenty():
    assert len(second_sample([f"t{i}" for i in range(400)], 0)) == 80
    assert len(second_sample([f"t{i}" for i in range(30)], 0)) == 20
    assert len(second_sample(["a"], 0)) == 1


def share(duration_s, *heard):
    return Judgement("t", heard=heard).share_heard(duration_s)


def test_hearing_a_stretch_twice_is_hearing_it_once():
    assert share(10, (0, 5)) == 0.5
    assert share(10, (0, 5), (8, 20)) == pytest.approx(0.7)
    assert share(0) == 0
