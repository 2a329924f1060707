"""Curves as SVG: every point lies in the frame and where its numbers say, words cannot break out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralbum.web.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, line_chart, ticks

some = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))


def drawn(text):
    svg = ElementTree.fromstring(text[: text.index("</svg>") + 6])
    return [
        [tuple(float(n) for n in pair.split(",")) for pair in line.get("points").split()]
        for line in svg.iter("polyline")
    ]


@given(st.lists(st.tuples(some, some), min_size=1, max_size=20))
def test_every_point_lies_in_the_frame(points):
    (line,) = drawn(line_chart({"a": points}, title="t", x_label="x", y_label="y", levels={"level": 0.0}))
    assert len(line) == len(points)
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in line)


def test_larger_is_higher_and_later_is_further_right():
    (line,) = drawn(line_chart({"a": [(0, 1.0), (1, 3.0), (2, 2.0)]}, title="t", x_label="x", y_label="y"))
    xs, ys = zip(*line, strict=True)
    assert xs == (LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT)
    assert ys[1] < ys[2] < ys[0]


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_round_and_inside(low, wide):
    high = low + wide
    if high - low < 1e-9 * max(abs(low), abs(high)):
        return
    found = ticks(low, high)
    assert len(found) <= 6
    assert all(low - 1e-6 * wide <= t <= high + 1e-6 * wide for t in found)


@pytest.mark.parametrize("word", ["<script>", '"onload="x', "a & b"])
def test_words_are_escaped(word):
    text = line_chart({word: [(0, 1), (1, 2)]}, title=word, x_label=word, y_label=word, marks=[(0, 1, word)])
    ElementTree.fromstring(f"<div>{text}</div>")
    assert word not in re.sub(r"&\w+;", "", text)


def test_nothing_to_draw_is_nothing():
    assert line_chart({}, title="t", x_label="x", y_label="y") == ""
