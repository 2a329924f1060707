"""Several processes share a stage; a dying worker is replaced, a deadly item set aside."""

from __future__ import annotations

import pytest

from neuralbum.errors import ParameterError
from neuralbum.project.workers import run


def test_two_workers_do_every_item_once_and_show_one_progress(project, room, listener):
    outcome = run(project, room, workers=2, reporter=listener, n_items=24)
    assert (outcome.done, outcome.failed, outcome.elsewhere) == (24, 0, 0)
    assert (listener.total, listener.done, listener.ended) == (24, 24, True)
    assert sorted(f.values["number"] for f in project.catalogue.findings("screen")) == list(range(24))


def test_one_worker_runs_right_here(project, room):
    assert run(project, room, n_items=3).done == 3


def test_a_killed_worker_is_replaced_and_nothing_is_lost(project, room, listener):
    outcome = run(project, room, workers=2, reporter=listener, n_items=12, once=5)
    assert (outcome.done, outcome.failed, outcome.elsewhere) == (12, 0, 0)
    assert len(project.catalogue.latest("screen")) == 12
    assert any("a worker died (signal 9)" in line for line in listener.lines)


def test_an_item_that_kills_twice_is_set_aside_and_the_rest_is_done(project, room):
    run(project, room, workers=2, n_items=12, deadly=5)
    failed = [f for f in project.catalogue.findings("screen") if f.error]
    assert [f.subject for f in failed] == ["take5"]
    assert "2 workers died over it" in failed[0].error
    assert len(project.catalogue.latest("screen")) == 11


def test_no_workers_at_all_is_refused(project, room):
    with pytest.raises(ParameterError, match="workers=0"):
        run(project, room, workers=0, n_items=1)
