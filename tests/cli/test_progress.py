"""One stack of tasks: work inside of work is a part of it, in one process and in several."""

from __future__ import annotations

import io

import pytest

from neuralbum.cli.console import PATIENT_AFTER_S, PLAIN_EVERY_S, PlainReporter, RichReporter
from neuralbum.progress import Branch, Tasks


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def plain(clock):
    return PlainReporter(clock=clock, by_itself=False)


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def work_inside_of_work(reporter):
    """Twelve items, the first of which needs an index of three tracks."""
    reporter.begin("originality", 12, "items")
    reporter.begin("index", 3, "tracks")
    for _ in range(3):
        reporter.advance()
    reporter.end()
    for _ in range(12):
        reporter.advance()
    reporter.end()


def test_a_line_says_how_much_is_left(plain, clock, capsys):
    plain.begin("screen", 10, "takes")
    plain.advance(1, "all quiet")
    clock.now += 20
    plain.advance(4)
    clock.now += 20
    plain.end()
    assert lines(capsys) == [
        "screen: 10 takes to do",
        "screen: 5/10 takes · 20s left · all quiet",
        "screen: ended after 40s, 5/10 takes",
    ]


def test_what_is_done_inside_counts_there_and_the_outer_work_goes_on_where_it_was(plain, clock, capsys):
    plain.begin("originality", 12, "items")
    plain.advance(2)
    plain.begin("index", 3, "tracks")
    clock.now += 10
    plain.advance()
    plain.advance(2)
    plain.end()
    plain.advance(10)
    clock.now += 2
    plain.end()
    assert lines(capsys) == [
        "originality: 12 items to do",
        "originality · index: 3 tracks to do",
        "originality · index: 1/3 tracks · 20s left",
        "originality · index: finished in 10s",
        "originality: finished in 12s",
    ]


def test_nobody_waits_longer_than_three_seconds_for_a_sign_of_life(plain, clock, capsys):
    assert PLAIN_EVERY_S < 3
    plain.begin("render", None, "")
    for _ in range(4):
        clock.now += PLAIN_EVERY_S
        plain.speak()  # as its thread does
    assert lines(capsys) == ["render: since 2s", "render: since 5s", "render: since 8s", "render: since 10s"]
    clock.now += PATIENT_AFTER_S
    plain.speak()
    clock.now += PLAIN_EVERY_S
    plain.speak()
    assert len(lines(capsys)) == 1, "the log of a night stays short"


def test_an_end_without_a_beginning_and_work_left_open_do_no_harm(plain, capsys):
    plain.end()
    plain.advance()
    plain.begin("screen", 2, "takes")
    plain.close()
    plain.advance()
    plain.end()
    assert lines(capsys) == ["screen: 2 takes to do"]


def test_on_a_terminal_the_outer_bar_stays_below_what_is_inside():
    from rich.console import Console

    shown = io.StringIO()
    reporter = RichReporter(Console(file=shown, force_terminal=True, width=120))
    reporter.begin("originality", 12, "items")
    reporter.advance(2)
    reporter.begin("index", 3, "tracks")
    reporter.advance(3)
    bars = reporter._progress.tasks
    assert [(bar.description.strip(), bar.completed, bar.total) for bar in bars] == [
        ("originality", 2, 12),
        ("index", 3, 3),
    ]
    reporter.end()
    reporter.advance(10)
    (bar,) = reporter._progress.tasks
    assert (bar.completed, bar.total) == (12, 12)
    reporter.end()
    assert reporter._progress is None
    assert "12/12 items" in shown.getvalue()


class Noting:
    """What a reporter was told, and the amounts by task."""

    def __init__(self):
        self.tasks, self.said, self.ended = Tasks(), [], []

    def begin(self, label, total, unit):
        self.tasks.begin(label, total, unit)

    def advance(self, amount=1.0, note=""):
        self.tasks.advance(amount, note)
        self.said.append(note)

    def line(self, text):
        self.said.append(text)

    def end(self):
        self.ended.append(self.tasks.end())


class Process:
    """The reporter of one of several processes."""

    def __init__(self, branch, name):
        self.branch, self.name = branch, name

    def begin(self, *words):
        self.branch.hear(self.name, "begin", *words)

    def advance(self, amount=1.0, note=""):
        self.branch.hear(self.name, "advance", amount, note)

    def end(self):
        self.branch.hear(self.name, "end")


def test_several_processes_are_one_task_and_what_they_do_inside_is_a_note():
    noting = Noting()
    branch = Branch(noting)
    one, other = Process(branch, "one"), Process(branch, "other")
    one.begin("originality", 12, "items")
    other.begin("originality", 11, "items")  # it began when one was done
    one.begin("index", 3, "tracks")
    one.advance()
    other.advance(5)
    assert noting.said == ["index: 0/3 tracks", "index: 1/3 tracks", ""]
    one.end()
    one.advance(7)
    one.end()
    other.end()
    branch.end()
    (task,) = noting.ended
    assert (task.label, task.done, task.total) == ("originality", 12, 12)


def test_a_process_that_dies_inside_of_its_work_takes_no_count_with_it():
    noting = Noting()
    branch = Branch(noting)
    one, fresh = Process(branch, "one"), Process(branch, "fresh")
    one.begin("screen", 3, "items")
    one.begin("wall", 1, "items")
    branch.forget("one")
    fresh.begin("screen", 3, "items")
    fresh.advance(3)
    branch.end()
    assert (noting.ended[0].done, noting.ended[0].total) == (3, 3)


def test_the_same_work_counts_the_same_in_one_process_and_in_a_pool():
    alone = Noting()
    work_inside_of_work(alone)
    pooled = Noting()
    branch = Branch(pooled)
    work_inside_of_work(Process(branch, "one"))
    branch.end()
    assert (alone.ended[-1].done, pooled.ended[-1].done) == (12, 12)
