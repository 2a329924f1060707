"""Nobody does an item twice, and a dead worker holds nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuralbum.catalogue import Catalogue, name_of, worker_name
from neuralbum.records import Finding

KEYS = ["a", "b", "c"]


@pytest.fixture
def catalogue(tmp_path):
    opened = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.db'}")
    yield opened
    opened.close()


@pytest.fixture
def dead():
    """The name of a process of this machine that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = name_of(process.pid)
    process.communicate(b"\n")
    return name


def test_what_one_worker_holds_another_does_not_get(catalogue):
    assert catalogue.claim("screen", KEYS[:2], worker=worker_name(), now=0.0) == ["a", "b"]
    assert catalogue.claim("screen", KEYS, worker="other:1:1", now=0.0) == ["c"]


def test_what_has_a_finding_is_not_claimed_again(catalogue):
    catalogue.claim("screen", ["a"], worker=worker_name(), now=0.0)
    catalogue.record(Finding("a", "screen", 1, "take", {}, {}, {}))
    assert catalogue.claim("screen", ["a"], worker="other:1:1", now=0.0) == []


def test_a_worker_of_another_machine_loses_its_claims_with_the_lease(catalogue):
    catalogue.claim("screen", KEYS, worker="elsewhere:1:1", now=0.0, lease_s=60)
    assert catalogue.claim("screen", KEYS, worker=worker_name(), now=59.0) == []
    assert catalogue.claim("screen", KEYS, worker=worker_name(), now=60.0) == KEYS


def test_a_living_process_of_this_machine_keeps_its_claims_beyond_the_lease(catalogue):
    catalogue.claim("screen", KEYS, worker=worker_name(), now=0.0, lease_s=60)
    assert catalogue.claim("screen", KEYS, worker="elsewhere:1:1", now=1e9) == []


def test_a_dead_process_of_this_machine_loses_its_claims_at_once(catalogue, dead):
    catalogue.claim("screen", KEYS, worker=dead, now=0.0)
    assert catalogue.claim("screen", KEYS, worker=worker_name(), now=0.0) == KEYS


def test_a_death_counts_only_against_what_was_being_worked_on(catalogue, dead):
    catalogue.claim("screen", KEYS, worker=dead, now=0.0)
    catalogue.start("b", now=0.0)
    assert catalogue.count_death(dead) == [("b", 1)]
    assert catalogue.claim("screen", KEYS, worker=worker_name(), now=0.0) == KEYS
    assert catalogue.deaths(KEYS) == {"a": 0, "b": 1, "c": 0}
