"""Nobody does an item twice, and a dead worker holds nothing for longer than a lease."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from neuralbum.catalogue import Catalogue, worker_name
from neuralbum.catalogue.claims import LEASE_S, Pulse
from neuralbum.records import Finding

KEYS = ["a", "b", "c"]
SHORT_LEASE_S = 0.4


@pytest.fixture
def catalogue(database):
    opened = Catalogue.open(database)
    yield opened
    opened.close()


@pytest.fixture
def brief(database):
    """A catalogue whose workers count as dead after a moment of silence."""
    opened = Catalogue.open(database, lease_s=SHORT_LEASE_S)
    yield opened
    opened.close()


def leave_behind(database, keys, *, now, lease_s=LEASE_S):
    """Claims of a worker that was killed: nobody renews them."""
    gone = Catalogue.open(database, lease_s=lease_s)
    gone.claim("screen", keys, worker="gone", now=now, lease_s=lease_s)
    gone.close()


def test_what_one_worker_holds_another_does_not_get(catalogue):
    assert catalogue.claim("screen", KEYS[:2], worker="one", now=0.0) == ["a", "b"]
    assert catalogue.claim("screen", KEYS, worker="other", now=0.0) == ["c"]


def test_what_has_a_finding_is_not_claimed_again(catalogue):
    catalogue.claim("screen", ["a"], worker="one", now=0.0)
    catalogue.record(Finding("a", "screen", 1, "take", {}, {}, {}, created_at=5.0))
    assert catalogue.claim("screen", ["a"], worker="other", now=0.0) == []
    assert catalogue.claim("screen", ["a"], worker="other", now=0.0, since=5.0) == []
    assert catalogue.claim("screen", ["a"], worker="other", now=0.0, since=6.0) == ["a"]


def test_a_claim_that_nobody_renews_ends_with_its_lease(catalogue, database):
    leave_behind(database, KEYS, now=0.0)
    assert catalogue.claim("screen", KEYS, worker="one", now=LEASE_S - 1, wait=False) == []
    assert catalogue.claim("screen", KEYS, worker="one", now=LEASE_S, wait=False) == KEYS


def test_a_lease_longer_than_the_catalogues_is_cut_as_renewing_is_its_own_business(catalogue, database):
    leave_behind(database, KEYS, now=0.0, lease_s=LEASE_S)
    gone = Catalogue.open(database)
    gone.claim("train", ["long"], worker="gone", now=0.0, lease_s=3600.0)
    gone.close()
    assert catalogue.claim("train", ["long"], worker="one", now=LEASE_S, wait=False) == ["long"]


def test_a_claim_is_renewed_while_its_worker_works_and_not_afterwards(catalogue, database):
    catalogue.claim("screen", ["a", "b"], worker="one", now=0.0)
    pulse = Pulse(catalogue.engine, LEASE_S)
    pulse.beat({"a": "one", "b": "one"}, now=1000.0)
    assert catalogue.claim("screen", ["a", "b"], worker="other", now=1000.0 + LEASE_S - 1, wait=False) == []
    catalogue.let_go(["a"], worker="one")
    assert catalogue.claim("screen", ["a", "b"], worker="other", now=1000.0, wait=False) == ["a"]
    pulse.beat({"a": "one"}, now=9000.0)  # lost to the other meanwhile: renewing does not take it back
    assert catalogue.claim("screen", ["a"], worker="third", now=1000.0 + LEASE_S, wait=False) == ["a"]


def test_who_waits_takes_over_from_the_dead_whatever_their_clock_said(brief, database):
    leave_behind(database, ["a"], now=time.time() + 3600.0, lease_s=SHORT_LEASE_S)  # its clock was an hour ahead
    assert brief.claim("screen", ["a"], worker="one", now=time.time(), wait=False) == []
    assert brief.claim("screen", ["a"], worker="one", now=time.time()) == ["a"]


def test_who_waits_leaves_the_living_alone_however_long_their_item_takes(catalogue, database, monkeypatch):
    monkeypatch.setattr("neuralbum.catalogue.claims.BEATS_PER_LEASE", 600)  # 20 beats a second, a long lease
    living = Catalogue.open(database)
    living.claim("screen", ["a"], worker="living", now=time.time())
    assert catalogue.claim("screen", ["a", "b"], worker="one", now=time.time()) == ["b"]
    living.close()


def test_workers_of_one_pool_do_not_wait_for_each_other(catalogue, database):
    other = Catalogue.open(database)
    other.claim("screen", ["a"], worker="pool-0", now=time.time())
    other.close()
    assert catalogue.claim("screen", ["a"], worker="pool-1", now=time.time()) == []


def test_of_many_who_ask_at_once_each_key_goes_to_one(database):
    keys = [f"k{n}" for n in range(40)]
    catalogues = [Catalogue.open(database) for _ in range(4)]
    with ThreadPoolExecutor(len(catalogues)) as pool:
        asked = [
            [
                pool.submit(c.claim, "screen", keys[i : i + 8], worker=f"w{n}", now=0.0, wait=False)
                for i in range(0, 40, 8)
            ]
            for n, c in enumerate(catalogues)
        ]
        got = [key for one in asked for future in one for key in future.result()]
    for catalogue in catalogues:
        catalogue.close()
    assert sorted(got) == sorted(keys)


def _name(names):
    names.put(worker_name())


def test_every_process_has_a_name_of_its_own_that_says_nothing_of_the_machine():
    names = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(target=_name, args=(names,))
    process.start()
    theirs = names.get(timeout=60)
    process.join()
    assert theirs != worker_name() == worker_name()
    assert set(theirs) <= set("0123456789abcdef")


def test_a_death_counts_only_against_what_was_being_worked_on(catalogue):
    catalogue.claim("screen", KEYS, worker="dead", now=0.0)
    catalogue.start("b", now=0.0)
    assert catalogue.count_death("dead") == [("b", 1)]
    assert catalogue.claim("screen", KEYS, worker="one", now=1.0) == KEYS
    assert catalogue.deaths(KEYS) == {"a": 0, "b": 1, "c": 0}


def test_a_failure_does_not_take_the_place_of_a_success(catalogue):
    catalogue.record(Finding("a", "screen", 1, "take", {}, {}, {"level": 1}))
    catalogue.record(Finding("a", "screen", 1, "take", {}, {}, {}, error="files were taken away under it"))
    assert catalogue.finding("a").values == {"level": 1}
    catalogue.record(Finding("a", "screen", 1, "take", {}, {}, {"level": 2}))
    assert catalogue.finding("a").values == {"level": 2}
