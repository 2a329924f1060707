"""The index file: whole or refused."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from neuralbum.errors import IndexFileError, ParameterError
from neuralbum.originality import fingerprints
from neuralbum.originality import index as indexes


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


def test_a_cut_short_foreign_newer_or_damaged_file_is_refused(written, tmp_path, searcher, monkeypatch):
    path, _ = written
    data = path.read_bytes()
    broken = tmp_path / "broken.nbx"
    for spoiled in (data[:-1000], data[:200], b"", b"RIFF" + data[4:], data[:20] + b"\xff" * 30 + data[50:]):
        broken.write_bytes(spoiled)
        with pytest.raises(IndexFileError, match="no fingerprint index, or cut short.*make it again"):
            indexes.read(broken)
    save_file({"weights": np.zeros(3)}, broken)
    with pytest.raises(IndexFileError, match="no fingerprint index"):
        indexes.read(broken)
    flipped = bytearray(data)
    flipped[-5000] ^= 255
    broken.write_bytes(flipped)
    with pytest.raises(IndexFileError, match="damaged"):
        indexes.read(broken, thorough=True)
    with pytest.raises(IndexFileError, match="cannot be read"):
        indexes.read(tmp_path / "absent.nbx")
    with monkeypatch.context() as patch:
        patch.setattr(indexes, "VERSION", 999)
        indexes.write(searcher.index, broken)
    with pytest.raises(IndexFileError, match="version 999, this neuralbum reads"):
        indexes.read(broken)


def test_nothing_to_index_is_an_error():
    silent = fingerprints.analyse(np.zeros(100, np.float32))
    with pytest.raises(ParameterError, match="nothing to compare"):
        indexes.gather([("x", "x", silent)])


def test_one_track_makes_an_index_that_finds_it(tracks):
    from neuralbum.originality.search import Searcher

    made = indexes.gather([("only", "only", fingerprints.analyse(tracks["song 0"]))])
    found = Searcher(made).search(tracks["song 0"][16_000 * 4 : 16_000 * 8], lanes=("exact",))
    assert found[0].reference == "only"
