"""Every error is one line that says what to do, and comes back whole from another process."""

from __future__ import annotations

import errno
import pickle

import pytest

from neuralbum import errors
from neuralbum.errors import MissingExtra, NeuralbumError, in_one_line

FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, NeuralbumError)]


@pytest.mark.parametrize("kind", FAMILY)
def test_an_error_comes_back_whole_from_another_process(kind):
    error = kind("drawing", "video") if kind is MissingExtra else kind("take: what is wrong; what to do")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (type(again), str(again), again.args) == (kind, str(error), error.args)


def test_a_missing_extra_says_what_to_install():
    assert str(MissingExtra("drawing", "video")) == "drawing needs the 'video' extra: pip install 'neuralbum[video]'"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: the disk is full; free some space"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), "x: the name is longer than this disk allows"),
        (FileExistsError(errno.EEXIST, "File exists", "x"), "x: a file is there already; choose another name"),
        (OSError("quite strange"), "quite strange"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (MemoryError(), "use fewer --workers"),
        (ValueError("embedded\nnull\x00byte"), "embedded null byte (ValueError; --trace shows where)"),
        (ValueError(), "ValueError"),
    ],
)
def test_any_error_is_one_line_that_says_what_to_do(error, words):
    text = in_one_line(error)
    assert words in text
    assert text.isprintable()
