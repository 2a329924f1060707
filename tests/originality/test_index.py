"""The index file: whole or refused."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.errors import IndexFileError, ParameterError
from neuralbum.originality import index as indexes
from neuralbum.originality import spectra


@pytest.fixture
def written(searcher, tmp_path):
    path = tmp_path / "band.nbx"
    return path, indexes.write(searcher.index, path)


def test_what_was_written_is_read_again(written, searcher):
    path, made = written
    again = indexes.read(path, thorough=True)
    assert (again.tracks, again.nulls, again.digest) == (made.tracks, made.nulls, searcher.index.digest)
    assert all(np.array_equal(again.arrays[name], array) for name, array in made.arrays.items())


def test_it_is_dense_and_small(written):
    _, made = written
    assert made.hashes_per_second() > 300
    per_hour = sum(made.arrays[name].nbytes for name in ("postings", "peaks", "bands", "chroma")) / made.duration_s
    assert per_hour * 3600 < 8e6


def test_a_cut_short_foreign_newer_or_damaged_file_is_refused(written, tmp_path):
    path, _ = written
    data = path.read_bytes()
    cases = {
        "cut short": data[:-1000],
        "within its header": data[:200],
        "no fingerprint index": b"RIFF" + data[4:],
        "version 999": data.replace(b'"version": %d' % indexes.VERSION, b'"version": 999').replace(b"     ", b"   ", 1),
        "header is damaged": data[:20] + b"\xff" * 30 + data[50:],
    }
    for words, spoiled in cases.items():
        broken = tmp_path / "broken.nbx"
        broken.write_bytes(spoiled)
        with pytest.raises(IndexFileError, match=words):
            indexes.read(broken)
    flipped = bytearray(data)
    flipped[-5000] ^= 255
    (tmp_path / "flipped.nbx").write_bytes(flipped)
    with pytest.raises(IndexFileError, match="damaged"):
        indexes.read(tmp_path / "flipped.nbx", thorough=True)
    with pytest.raises(IndexFileError, match="cannot be read"):
        indexes.read(tmp_path / "absent.nbx")


def test_nothing_to_index_is_an_error():
    silent = spectra.draw(np.zeros(100, np.float32))
    with pytest.raises(ParameterError, match="nothing to compare"):
        indexes.gather([("x", "x", silent)])


def test_one_track_makes_an_index_that_finds_it(tracks):
    from neuralbum.originality.search import Searcher

    made = indexes.gather([("only", "only", spectra.draw(tracks["song 0"]))])
    found = Searcher(made).search(tracks["song 0"][16_000 * 4 : 16_000 * 8], lanes=("exact",))
    assert found[0].reference == "only"
