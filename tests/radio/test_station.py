"""The clock: exactly the samples that are due, orders by the watermarks, and who is restarted when."""

from __future__ import annotations

import json

import pytest

from neuralbum.radio.encoding import FRAME_BYTES
from neuralbum.radio.finish import Finish
from neuralbum.radio.mixer import ARCHIVE, LIVE
from neuralbum.radio.params import RATE
from neuralbum.radio.probe import Findings
from neuralbum.radio.programme import PlayoutLog
from neuralbum.radio.station import BACK_S, DEAD_AIR_S, GRACE_S, SLEPT_S, STALLED_S, Station

from .makers import PARAMS, item


class Process:
    """What the station sees of a process."""

    def __init__(self, name):
        self.name, self.alive, self.pid, self.deaths, self.error, self.ready_at = name, True, 1, 0, "", 0.0
        self.told, self.says = [], []

    def messages(self, now):
        says, self.says = self.says, []
        return says

    def ensure(self, now):
        started, self.alive = not self.alive, True
        return started

    def tell(self, words, now):
        self.told.append(words)
        return True

    def lost(self, why, now):
        self.deaths, self.alive, self.error = self.deaths + 1, False, why

    def stop(self):
        self.alive = False


class Encoder:
    def __init__(self):
        self.child, self.frames, self.clocks = Process("encoder"), [], []

    def feed(self, frames):
        self.frames += frames

    def set_clock(self, epoch):
        self.clocks.append(epoch)

    def tick(self, now):
        self.child.ensure(now)


class Programme:
    def __init__(self):
        self.items, self.aired, self.wish, self.queue_s, self.seconds = [], [], 0, 0.0, {LIVE: 0.0, ARCHIVE: 0.0}
        self.next_number, self.spooled = 0, []

    def is_ready(self, source=""):
        return any(not source or one.source == source for one in self.items)

    def next(self):
        self.items.sort(key=lambda one: one.source != LIVE)
        return self.items.pop(0) if self.items else None

    def on_air(self, one, at):
        self.aired.append((one.take, at))

    def arrived(self, name):
        self.spooled.append(name)


class Radio:
    def __init__(self, folder):
        self.now, self.programme, self.maker, self.encoder = 100.0, Programme(), Process("maker"), Encoder()
        self.log = PlayoutLog(folder / "log", 3)
        self.station = Station(
            PARAMS, self.programme, Finish(None), self.maker, self.encoder, [], self.log, folder,
            clock=lambda: self.now, wall=lambda: self.now + 1e9,
        )  # fmt: skip

    def run(self, seconds, step=0.05):
        for _ in range(round(seconds / step)):
            self.station.tick()
            self.now += step

    def events(self, kind):
        return [row for row in self.log.latest if row["event"] == kind]


@pytest.fixture
def radio(tmp_path):
    return Radio(tmp_path)


@pytest.mark.parametrize("step", [0.05, 0.37, 2.0])
def test_exactly_the_samples_that_are_due_are_made_however_often_it_is_asked(radio, step):
    radio.programme.items = [item(30.0)]
    radio.run(12, step)
    last = radio.now - step
    samples = len(radio.encoder.frames) * 1024
    assert samples == pytest.approx((last - 100.0) * RATE, abs=RATE // 10 + 1024)
    assert {len(frame) for frame in radio.encoder.frames} == {FRAME_BYTES}
    assert radio.encoder.clocks == [100.0 + 1e9]
    assert radio.programme.aired == [("a", 100.0 + 1e9)]


def test_nothing_is_sent_before_there_is_something_to_play(radio):
    radio.run(5)
    assert radio.encoder.frames == []
    assert radio.station.health()["why"] == "warming up"


def test_a_machine_that_slept_goes_on_from_now(radio):
    radio.programme.items = [item(60.0)]
    radio.run(2)
    radio.now += SLEPT_S + 3600
    radio.run(2)
    assert radio.encoder.clocks == [100.0 + 1e9, pytest.approx(102.0 + SLEPT_S + 3600 + 1e9)]
    assert len(radio.encoder.frames) * 1024 < 5 * RATE, "the hour is not caught up with"
    assert radio.encoder.child.deaths == 1


def test_orders_are_given_below_the_low_mark_for_as_much_as_the_high_one(radio, tmp_path):
    radio.run(1)
    radio.maker.says = [{"take": "x"}, {"refused": "y", "why": "0.9 s like a song"}, {"done": 4}]
    radio.programme.queue_s = PARAMS.low_s + 1
    radio.run(1)
    radio.programme.queue_s = PARAMS.low_s - 1
    radio.run(1)
    first, second = radio.maker.told
    assert first == {"first": 0, "count": 4, "length_s": 25.0, "temperature": 1.0, "wish": 0}
    assert second == {"first": 4, "count": 2, "length_s": 30.0, "temperature": 1.0, "wish": 0}, "61 s for takes of 30"
    assert radio.programme.spooled == ["x"]
    assert radio.events("refused")[0]["take"] == "y"
    assert radio.station.refused == 1
    assert json.loads((tmp_path / "station.json").read_text())["next_number"] == 6


def test_a_new_temperature_is_ordered_at_once_and_outlives_a_restart(radio, tmp_path):
    radio.programme.queue_s = 1000.0
    radio.run(1)
    radio.station.set_temperature(1.1, "ana")
    radio.run(1)
    (order,) = radio.maker.told
    assert (order["first"], order["temperature"], order["wish"]) == (0, 1.1, 1)
    again = Radio(tmp_path)
    assert again.station.temperature == 1.1
    again.run(1)
    assert again.maker.told[0]["first"] == 4, "no number is used twice"


def test_a_maker_that_says_nothing_is_replaced_and_told_again(radio):
    radio.run(1)
    radio.run(STALLED_S - 2, 1.0)
    assert radio.maker.deaths == 0
    radio.run(5, 1.0)
    assert radio.maker.deaths == 1
    assert len(radio.maker.told) == 2


def test_it_goes_back_to_live_as_soon_as_enough_of_it_waits(radio):
    radio.programme.items = [item(60.0, name="song", source=ARCHIVE)]
    radio.run(5)
    radio.programme.items, radio.programme.queue_s = [item(60.0, name="new")], BACK_S - 1
    radio.run(1)
    assert len(radio.programme.aired) == 1
    radio.programme.queue_s = BACK_S
    radio.run(1)
    assert [name for name, _ in radio.programme.aired] == ["song", "new"]


def test_dead_air_is_skipped_where_the_take_is_silent_and_else_the_encoder_is_replaced(radio):
    radio.programme.items = [item(60.0, name="silent", level=0.0), item(60.0, name="loud")]
    radio.run(GRACE_S + DEAD_AIR_S)
    radio.station.findings = Findings(sequence=9, silence_s=DEAD_AIR_S)
    radio.run(2)
    assert [name for name, _ in radio.programme.aired] == ["silent", "loud"]
    assert radio.encoder.child.deaths == 0
    radio.run(GRACE_S)
    assert radio.encoder.child.deaths == 1, "what is mixed is loud, and what arrives is not"
    assert "silence" in radio.encoder.child.error


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (Findings(sequence=3, frozen_s=9.0), "has not moved"),
        (Findings(sequence=3, drift_s=1.5), "drifted"),
        (Findings(sequence=3, silence_s=3.2), "silence"),
    ],
)
def test_what_the_probe_finds_dead_is_restarted_once_and_given_time(radio, found, why):
    radio.programme.items = [item(90.0)]
    radio.run(GRACE_S + 1)
    radio.station.findings = found
    radio.run(3)
    assert radio.encoder.child.deaths == 1
    assert why in radio.encoder.child.error
    health = radio.station.health()
    assert not health["ok"]
    assert why in health["why"]


def test_an_encoder_that_starts_is_left_alone(radio):
    radio.programme.items = [item(90.0)]
    radio.encoder.child.ready_at = None
    radio.run(GRACE_S + 1)
    radio.station.findings = Findings(sequence=None, frozen_s=20.0)
    radio.run(10)
    assert radio.encoder.child.deaths == 0
