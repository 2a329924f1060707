"""The demo band's songs, and one index of them for all tests of this room."""

from __future__ import annotations

import numpy as np
import pytest

RATE = 16_000
INDEXED = 6


def heard(song):
    """A demo song as the lanes hear it: mono, 16 kHz."""
    from neuralbum.originality.fingerprints import mono_16k

    return mono_16k(iter([(song.audio, song.sample_rate)]))


@pytest.fixture(scope="session")
def band():
    from neuralbum.demo.band import make_band

    return make_band(seed=3, n_songs=INDEXED + 2, duration_s=24.0)


@pytest.fixture(scope="session")
def tracks(band):
    return {f"song {number}": heard(song) for number, song in enumerate(band[:INDEXED])}


@pytest.fixture(scope="session")
def others(band):
    """Songs of the same band that are not in the index."""
    return [heard(song) for song in band[INDEXED:]]


@pytest.fixture(scope="session")
def searcher(tracks):
    from neuralbum.originality.building import Source, build_index
    from neuralbum.originality.search import Searcher

    index, failures = build_index([Source(name, name, lambda s=sound: s) for name, sound in tracks.items()])
    assert not failures
    return Searcher(index)


@pytest.fixture
def hidden(others):
    """A function that hides a snippet in a song of the same band."""

    def hide(snippet, *, at_s=7.0, host=0):
        sound = others[host][: 16 * RATE].copy()
        start = int(at_s * RATE)
        gain = np.sqrt(np.mean(sound**2) / np.mean(snippet**2))
        sound[start : start + snippet.size] = snippet * gain
        return sound

    return hide
