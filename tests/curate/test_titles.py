"""Titles from the page: kept takes only, each answer stored at once, every answer can be taken back."""

from __future__ import annotations

import pytest

from neuralbum import title
from neuralbum.errors import ParameterError
from neuralbum.records import Event


@pytest.fixture
def kept(album):
    """Four kept takes, one dropped, by ana."""
    takes = [take.id for take in album.catalogue.takes()]
    words = [(take, "keep") for take in takes[:4]] + [(takes[4], "drop")]
    album.catalogue.say([Event(f"said-{t}", 1.0, "ana", "verdict", t, {"value": v}, pass_name="ear") for t, v in words])
    return takes[:4]


def test_every_kept_take_waits_for_a_title_and_there_are_two_to_three_candidates_for_each(service, kept):
    answer = service.titles("ana")
    assert [take["id"] for take in answer["takes"]] == kept
    assert {take["title"] for take in answer["takes"]} == {None}
    names = [c["title"] for c in answer["candidates"]]
    assert len(names) == len(set(names))
    assert 2 * len(kept) <= len(names)


def test_keeping_rejecting_and_taking_back(service, kept, album):
    first, second, *_ = (c["title"] for c in service.titles("ana")["candidates"])
    after = service.say_title("ana", {"verb": "reject", "title": first})
    assert first not in [c["title"] for c in after["candidates"]]
    assert title.title_key(first) in title.rejected_keys(album)
    given = service.say_title("ana", {"verb": "keep", "take_id": kept[0], "title": second})
    assert [song.title for song in album.catalogue.songs()] == [second]
    assert album.catalogue.latest("title")[kept[0]].values["seeds"], "how it came about is stored"
    service.say_title("ana", {"verb": "undo", "mark": given["mark"]})
    assert album.catalogue.songs() == []
    back = service.say_title("ana", {"verb": "undo", "mark": after["mark"]})
    assert back["candidates"][0]["title"] == first
    assert title.rejected_keys(album) == set()


def test_taking_back_a_new_title_brings_the_old_one(service, kept, album):
    service.say_title("ana", {"verb": "keep", "take_id": kept[0], "title": "Fake Feast"})
    again = service.say_title("ana", {"verb": "keep", "take_id": kept[0], "title": "Mock Mourning"})
    assert title.given_titles(album) == {kept[0]: "Mock Mourning"}
    service.say_title("ana", {"verb": "undo", "mark": again["mark"]})
    assert title.given_titles(album) == {kept[0]: "Fake Feast"}


def test_titles_are_for_kept_takes_and_unlike_each_other(service, kept, album):
    dropped = album.catalogue.takes()[4].id
    with pytest.raises(ParameterError, match="only a take that is kept"):
        service.say_title("ana", {"verb": "keep", "take_id": dropped, "title": "Fake Feast"})
    service.say_title("ana", {"verb": "keep", "take_id": kept[0], "title": "Fake Feast"})
    with pytest.raises(ParameterError, match="has it already"):
        service.say_title("ana", {"verb": "keep", "take_id": kept[1], "title": "fake  feasts"})
    with pytest.raises(ParameterError, match="that was shown"):
        service.say_title("ana", {"verb": "reject", "title": "never shown"})
    screen = album.catalogue.findings("screen")[0].key
    with pytest.raises(ParameterError, match="no such title"):
        service.say_title("ana", {"verb": "undo", "mark": screen})
    with pytest.raises(ParameterError, match="keep, reject, undo"):
        service.say_title("ana", {"verb": "burn"})


def test_the_titles_do_not_tell_a_blind_person_what_was_kept(service, kept):
    service.queues.freeze("ana", "second")
    assert service.titles("ana")["takes"] == []
    assert len(service.titles("ben")["takes"]) == 4
    with pytest.raises(ParameterError, match="only a take that is kept"):
        service.say_title("ana", {"verb": "keep", "take_id": kept[0], "title": "Fake Feast"})
