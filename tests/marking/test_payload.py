"""Album and song survive as bits, or are not believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.errors import ParameterError
from neuralbum.marking import layout
from neuralbum.marking.payload import N_CODED, Payload, decode, encode, from_bits, to_bits

SIGNS, ROLES = [1, 1, -1, 1, -1, 1, 1, 1, 1, -1, 1, -1], [-1, -1, 173, 272, 247, 37]

payloads = st.builds(Payload, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))


@given(payloads)
@settings(deadline=None, max_examples=20)
def test_what_was_coded_is_read_back(payload):
    assert from_bits(to_bits(payload)) == payload
    assert decode(encode(payload)) == payload


@given(payloads, st.integers(0, N_CODED - 1))
@settings(deadline=None, max_examples=20)
def test_eleven_wrong_bits_anywhere_are_mended(payload, first):
    """The code's free distance is 24, so that any 11 errors are nearer to the right word than to another."""
    sent = encode(payload).copy()
    sent[(first + np.arange(11)) % N_CODED] *= -1
    assert decode(sent) == payload


def test_a_coded_word_is_never_nearer_than_the_free_distance():
    zero = encode(Payload(0, 0))
    near = min(int((encode(Payload(1 << k, 0)) != zero).sum()) for k in range(32))
    assert near >= 24


def test_noise_is_not_believed():
    rng = np.random.default_rng(1)
    assert all(decode(rng.normal(size=N_CODED)) is None for _ in range(50))


@pytest.mark.parametrize(("album", "song"), [(-1, 0), (1 << 32, 0), (0, 1 << 16), (0, -1)])
def test_what_does_not_fit_is_refused(album, song):
    with pytest.raises(ParameterError, match="must lie in 0"):
        Payload(album, song)


def test_every_coded_bit_has_as_many_chips_and_the_rest_are_known():
    roles = layout.roles(N_CODED)
    counts = np.bincount(roles[roles >= 0], minlength=N_CODED)
    assert set(counts) == {layout.CHIPS_PER_BIT}
    assert (roles < 0).mean() > 0.4


def test_the_public_key_is_the_same_for_ever():
    """Version 1's first signs and roles; other numbers here would orphan everything that was ever marked."""
    assert layout.signs()[0, :12].tolist() == SIGNS
    assert layout.roles(N_CODED)[0, :6].tolist() == ROLES
