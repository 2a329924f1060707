from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralbum.title.alliteration import alliterates, onset_of

letters = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=16)


@pytest.mark.parametrize(
    ("title", "rule"),
    [
        ("disreputable discomfort", "letter+sound"),
        ("mock melancholy", "letter+sound"),
        ("archetypal angst", "letter"),
        ("deceptive sadness", "stress"),
        ("bootleg abasement", "stress"),
        ("fake feelings", "letter+sound"),
        ("phony feeling", "sound"),
        ("counterfeit qualm", "sound"),
        ("cynical calm", "letter"),
        ("gentle jealousy", "sound"),
        ("knowing nausea", "sound"),
        ("unlicensed blahs", None),
        ("false shame", None),
    ],
)
def test_the_articles_titles_and_others_alliterate_by_the_rule_they_should(title, rule):
    left, right = title.split()
    assert alliterates(onset_of(left), onset_of(right)) == rule


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("phony", "f"), ("knave", "n"), ("gnawing", "n"), ("psychic", "s"), ("wrath", "r"), ("honest", ""),
        ("chaos", "k"), ("cheer", "ch"), ("chic", "sh"), ("cell", "s"), ("gentle", "j"), ("gift", "g"), ("whole", "h"),
        ("while", "w"), ("unique", "y"), ("uncle", ""), ("euphoria", "y"), ("shame", "sh"), ("scene", "s"),
        ("xenial", "z"), ("yearning", "y"), ("thirst", "th"), ("honey", "h"),
    ],
)  # fmt: skip
def test_first_sounds_are_heard_behind_their_spelling(word, first):
    assert onset_of(word).first == first


@pytest.mark.parametrize(
    ("word", "stressed"),
    [
        ("deceptive", "s"), ("abasement", "b"), ("disreputable", "r"), ("humiliation", ""), ("discomfort", "k"),
        ("sadness", "s"), ("emotion", "m"), ("unfeeling", "f"), ("affection", "f"), ("regret", "g"), ("delusion", "l"),
        ("remorse", "m"), ("illegal", "l"), ("satisfaction", "f"),
    ],
)  # fmt: skip
def test_the_stressed_consonant_is_guessed_from_spelling(word, stressed):
    assert onset_of(word).stressed == stressed


@given(letters, letters)
def test_alliteration_is_symmetric_and_any_letters_are_borne(a, b):
    assert alliterates(onset_of(a), onset_of(b)) == alliterates(onset_of(b), onset_of(a))
    assert alliterates(onset_of(a), onset_of(a)) in ("letter+sound", "letter")
