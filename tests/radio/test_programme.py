"""What comes next: live first, then what was kept; nothing twice, nothing lost, nothing that piles up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum.audio.loudness import measure
from neuralbum.curate.validation import PAYLOADS
from neuralbum.radio.mixer import ARCHIVE, LIVE
from neuralbum.radio.params import RATE
from neuralbum.radio.programme import PlayoutLog, Programme
from neuralbum.records import Event

from .makers import PARAMS, noise, spooled


@pytest.fixture
def log(tmp_path):
    return PlayoutLog(tmp_path / "log", 3)


@pytest.fixture
def spool(project):
    return project.artefacts_dir / "radio" / "spool"


@pytest.fixture
def programme_of(project, spool, log):
    return lambda: Programme(project, PARAMS, spool, log)


def prepared(programme):
    while programme.prepare():
        pass
    return programme


def air(programme, at=1000.0):
    item = programme.next()
    programme.on_air(item, at)
    return item


def test_live_takes_come_in_order_and_none_of_them_twice(programme_of, spool, log):
    tickets = [spooled(spool, n) for n in (2, 0, 1)]
    programme = prepared(programme_of())
    assert programme.queue_s == pytest.approx(12.0)
    assert programme.next_number == 3
    numbers = []
    for _ in range(3):
        numbers.append(air(prepared(programme)).about["number"])
    assert numbers == [0, 1, 2]
    assert prepared(programme).queue_s == 0
    assert [row["event"] for row in log.latest] == ["switch", "play", "play", "play"]
    again = prepared(programme_of())
    assert again.queue_s == 0, "what was on air has no ticket any more"
    assert not list(spool.glob(f"{tickets[0].take.id}.*"))


def test_every_item_is_brought_to_the_same_loudness_at_the_streams_rate(programme_of, spool, project, add_take):
    spooled(spool, 0, level=0.05)
    add_take(noise(4.0, 5, 0.2), number=1)
    programme = prepared(programme_of())
    live = air(programme)
    song = air(programme)
    assert (live.source, song.source) == (LIVE, ARCHIVE)
    sound = song.sound.astype(np.float32) / 32767 * song.gain
    assert measure(sound, RATE).integrated_lufs == pytest.approx(PARAMS.loudness_lufs, abs=0.2)
    assert live.sound.shape == (2, 4 * RATE)
    assert live.gain == pytest.approx(10 ** (4 / 20)), "its ticket says -20 LUFS"


def test_without_a_live_take_kept_songs_are_played_and_the_switch_is_logged(
    programme_of, project, add_take, spool, log
):
    takes = [add_take(noise(4.0, n), number=n) for n in range(3)]
    project.catalogue.say([Event("said-it-123", 1.0, "ana", "verdict", takes[1].id, {"value": "keep"})])
    spooled(spool, 0)
    programme = prepared(programme_of())
    air(programme)
    assert {air(prepared(programme)).take for _ in range(4)} == {takes[1].id}
    switches = [(row["to"], row["why"]) for row in log.latest if row["event"] == "switch"]
    assert switches == [(LIVE, ""), (ARCHIVE, "no live take waits")]


def test_with_nothing_at_all_there_is_nothing_and_what_was_on_air_is_better_than_that(programme_of, spool):
    programme = prepared(programme_of())
    assert programme.next() is None
    spooled(spool, 0)
    spooled(spool, 1)
    programme = prepared(programme_of())
    first = air(programme).take
    air(prepared(programme))
    again = air(prepared(programme))
    assert (again.take, again.source) == (first, ARCHIVE)


def test_keeping_stores_the_take_with_its_recipe_and_a_tag_that_curate_knows(programme_of, spool, project):
    ticket, other = spooled(spool, 0), spooled(spool, 1)
    programme = prepared(programme_of())
    air(programme, at=1000.0)
    air(prepared(programme), at=1100.0)
    assert programme.keep(1110.0, "ana") == [ticket.take.id, other.take.id], "the first one went on until 1100"
    assert programme.keep(1131.0, "ana") == [other.take.id]
    (kept, _) = project.catalogue.takes()
    assert kept == ticket.take
    assert kept.recipe.take_id == kept.id
    assert (project.root / kept.path).read_bytes() == (spool / f"{kept.id}.flac").read_bytes()
    assert project.catalogue.judgements()[kept.id].tags == ("radio",)
    assert "tag" in PAYLOADS
    assert len(project.catalogue.events()) == 2, "said twice counts once"


def test_the_spool_does_not_grow(programme_of, spool):
    programme = programme_of()
    for n in range(12):
        programme.arrived(spooled(spool, n).take.id)
        air(prepared(programme), at=1000.0 + 60.0 * n)
    assert len(list(spool.iterdir())) <= 4
    assert len(programme.lately()) <= 4


def test_takes_of_an_older_wish_give_way(programme_of, spool):
    programme = programme_of()
    for n in range(2):
        programme.arrived(spooled(spool, n).take.id)
    prepared(programme)
    programme.wish = 1
    programme.arrived(spooled(spool, 2, wish=1).take.id)
    assert prepared(programme).queue_s == pytest.approx(4.0)
    assert air(programme).about["number"] == 2
    assert len(list(spool.glob("*.flac"))) == 1


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"take": 1}', b"\xff"])
def test_a_damaged_ticket_and_a_damaged_file_are_passed_over(programme_of, spool, log, damage):
    bad, worse, good = (spooled(spool, n) for n in range(3))
    (spool / f"{bad.take.id}.json").write_bytes(damage)
    (spool / f"{worse.take.id}.flac").write_bytes(b"not FLAC")
    (spool / "half.0123.part.flac").touch()
    programme = prepared(programme_of())
    assert air(programme).take == good.take.id
    assert [row["take"] for row in log.latest if row["event"] == "unreadable"] == [worse.take.id]
    assert not (spool / "half.0123.part.flac").exists()


def test_the_log_has_a_file_a_day_and_so_many_days(tmp_path):
    now = [1_700_000_000.0]
    log = PlayoutLog(tmp_path / "days", 3, clock=lambda: now[0])
    for day in range(6):
        now[0] = 1_700_000_000.0 + 86_400 * day
        log("play", take=str(day))
        log("next", by="ana")
    files = sorted((tmp_path / "days").iterdir())
    assert [path.name for path in files] == ["2023-11-17.jsonl", "2023-11-18.jsonl", "2023-11-19.jsonl"]
    rows = [json.loads(line) for line in files[-1].read_text().splitlines()]
    assert [row["event"] for row in rows] == ["play", "next"]
    assert rows[0]["at"].startswith("2023-11-19T22:13:20")
