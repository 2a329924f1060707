from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.title import Params, propose, title_key
from neuralbum.title.alliteration import alliterates, onset_of
from neuralbum.title.lexicon import load
from neuralbum.title.pairs import _Pairs
from neuralbum.title.words import pool, seeds_of

ARTICLE = (
    "disreputable discomfort",
    "mock melancholy",
    "bootleg abasement",
    "archetypal angst",
    "deceptive sadness",
)


@pytest.fixture(scope="module")
def thousand():
    return propose("fake feelings", count=1000, seed=3)


@pytest.fixture(scope="module")
def pairs():
    lexicon = load()
    left, right = seeds_of("fake feelings", lexicon)
    return _Pairs(lexicon, pool(lexicon, left, "left"), pool(lexicon, right, "right"), letter_only=True)


def test_a_thousand_titles_differ_by_more_than_an_ending(thousand):
    assert len({title_key(p.title) for p in thousand}) == 1000


def test_no_word_stands_in_more_than_six_titles(thousand):
    uses = Counter(word for p in thousand for word in (p.left, p.right))
    assert max(uses.values()) <= 6


def test_every_title_alliterates_by_the_rule_it_says(thousand):
    for p in thousand:
        assert alliterates(onset_of(p.left), onset_of(p.right)) == p.rule


@pytest.mark.parametrize("title", ARTICLE)
def test_the_articles_titles_can_come_up(pairs, title):
    lexicon = load()
    left, right = (lexicon.number[word] for word in title.split())
    i = int(np.flatnonzero(pairs.left.numbers == left)[0])
    j = int(np.flatnonzero(pairs.right.numbers == right)[0])
    at = np.flatnonzero((pairs.i == i) & (pairs.j == j))
    assert at.size == 1
    assert pairs.least[at[0]] >= 0.05  # so that the far titles can hold it too


def test_the_seed_decides_and_is_remembered():
    assert propose(count=20, seed=5) == propose(count=20, seed=5)
    assert {p.title for p in propose(count=20, seed=5)} != {p.title for p in propose(count=20, seed=6)}


def test_a_share_of_the_titles_is_far(thousand):
    far = [p.nearness for p in thousand if p.far]
    near = [p.nearness for p in thousand if not p.far]
    assert len(far) == 350
    assert np.median(near) > 2 * np.median(far)


def test_denied_words_are_not_in_any_pool(pairs):
    lexicon = load()
    words = {lexicon.words[n] for side in (pairs.left, pairs.right) for n in side.numbers}
    assert len(lexicon.denied) > 300
    assert not words & lexicon.denied
    assert not words & {"negro", "spastic", "gay", "crippled", "retarded"}
    mocked = propose(count=30, seed=1, params=Params(deny=("mock", "melancholy")))
    assert not {"mock", "melancholy"} & {word for p in mocked for word in (p.left, p.right)}


def test_what_says_the_opposite_is_left_out(pairs):
    lexicon = load()
    words = {lexicon.words[n] for n in pairs.left.numbers}
    assert not words & {"genuine", "honest", "real", "authentic"}


def test_taken_titles_and_used_words_are_respected():
    first = propose(count=40, seed=2)
    again = propose(count=40, seed=2, taken={title_key(p.title) for p in first})
    assert not {p.title for p in first} & {p.title for p in again}
    used = [p.left for p in first] * 6
    assert not {p.left for p in propose(count=40, seed=2, used=used)} & set(used)


@pytest.mark.parametrize("phrase", ["burning bridges", "hollow machines", "the sad last summer"])
def test_any_phrase_of_known_words_gives_titles(phrase):
    titles = propose(phrase, count=100, seed=1)
    assert len(titles) == 100


def test_seed_lists_of_ones_own_lead_elsewhere():
    params = Params(seeds_left=("wet",), seeds_right=("dog",))
    found = propose("fake feelings", count=10, params=params)
    assert {p.seeds for p in found} == {("wet", "dog")}


def test_unknown_words_and_too_many_wishes_are_explained():
    with pytest.raises(ParameterError, match=r"no adjective among 'xyzzy'.*--seeds-left"):
        propose("xyzzy feelings")
    with pytest.raises(ParameterError, match=r"titles of the 100000 wanted; give more seed words"):
        propose("fake feelings", count=100_000)
    with pytest.raises(ParameterError, match="count=0"):
        propose(count=0)


def test_the_key_forgets_case_space_and_plural():
    assert title_key("Fake  Feelings") == title_key("fake feeling")
    assert title_key("MOCK melancholy") != title_key("mock misery")
    assert title_key("Ünïcode Bridges 🎸") == "ünïcode bridge 🎸"
