"""Titles: pairs of a near adjective and a near noun that alliterate. Pure.

A seeded generator chooses among many; two thirds of the titles are drawn from the nearest
pairs and a third from farther away, as the nearest synonyms alone are dull.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .alliteration import alliterates, onset_of
from .lexicon import Lexicon, load, singular_forms
from .params import Params
from .words import Pool, pool, seeds_of

STRENGTH = {"letter+sound": 1.0, "sound": 0.85, "letter": 0.7, "stress": 0.6}
"""How much an alliteration is heard, as a factor on a pair's nearness."""
EASY_LETTERS, CLUMSY = 11, 0.93
"""Each letter of a word beyond eleven takes this factor off: dispiritedness is no word to sing."""
VARIETY = 0.35
"""How much chance stirs the order of the nearest pairs (standard deviation of log nearness)."""
FAR_FLOOR = 0.05
"""Both words of a far title are still this near to a seed; below lies what only a hub of the thesaurus connects."""
NEAR_POOL = 6
"""The near titles come from the nearest pairs: this many times as many as are wanted."""


@dataclass(frozen=True)
class Proposal:
    """A title, and how it came about."""

    title: str
    left: str
    right: str
    rule: str  #: letter+sound, letter, sound or stress
    seeds: tuple[str, str]  #: the seed words its words are near to
    nearness: float  #: geometric mean of its words' nearness, 0..1
    rank: int  #: place among all possible pairs, 1 is nearest
    far: bool  #: drawn from everywhere


def title_key(title: str) -> str:
    """What makes two titles the same: case, accents' case and plural endings do not tell them apart.

    >>> title_key("Fake  Feelings") == title_key("fake feeling")
    True
    """
    words = []
    lexicon = load()
    for word in title.casefold().split():
        number = lexicon.number.get(word)
        if number is not None:
            words.append(lexicon.words[lexicon.singulars.get(number, number)])
            continue
        forms = [form for form in singular_forms(word) if form in lexicon.number]
        words.append(forms[0] if forms else word)
    return " ".join(words)


def propose(
    phrase: str = "fake feelings",
    *,
    count: int = 12,
    params: Params | None = None,
    seed: int | None = None,
    taken: Collection[str] = (),
    used: Iterable[str] = (),
) -> list[Proposal]:
    """Find ``count`` different titles for a phrase.

    Parameters
    ----------
    seed : of the random choice; the same gives the same titles. Default: ``params.seed``, else 0.
    taken : title keys (``title_key``) that must not come up again.
    used : words that stand in titles already, once per title; they count towards the cap.

    Raises
    ------
    ParameterError
        The seed words are unknown, or the words at hand do not give that many titles; says how many they give.
    """
    params = params or Params()
    if count < 1:
        raise ParameterError(f"count={count} must be at least 1")
    lexicon = load()
    left_seeds, right_seeds = seeds_of(phrase, lexicon, params.seeds_left, params.seeds_right)
    left = pool(lexicon, left_seeds, "left", deny=params.deny)
    right = pool(lexicon, right_seeds, "right", deny=params.deny)
    pairs = _Pairs(lexicon, left, right, params.letter_only)
    rng = np.random.default_rng([seed if seed is not None else (params.seed or 0), 0x717E])
    chosen = _choose(pairs, count, params, rng, set(taken), Counter(used))
    if len(chosen) < count:
        raise ParameterError(
            f"{phrase!r}: {len(chosen)} titles of the {count} wanted; give more seed words "
            f"(--seeds-left, --seeds-right) or raise [title] word_cap = {params.word_cap}"
        )
    return chosen


class _Pairs:
    """All alliterating pairs of two pools, nearest first."""

    def __init__(self, lexicon: Lexicon, left: Pool, right: Pool, letter_only: bool) -> None:
        rules = {None: 0} | {rule: i for i, rule in enumerate(STRENGTH, 1)}
        rule_of = _rule_table(lexicon, left, right, rules)
        if not letter_only:
            rule_of[rule_of == rules["letter"]] = 0
        same = left.numbers[:, None] == right.numbers[None, :]
        rule_of[same] = 0
        i, j = np.nonzero(rule_of)
        strength = np.array([0.0, *STRENGTH.values()])[rule_of[i, j]]
        nearness = np.sqrt(left.nearness[i] * right.nearness[j])
        strength *= _ease(lexicon, left)[i] * _ease(lexicon, right)[j]
        order = np.lexsort((j, i, -nearness * strength))
        self.lexicon, self.left, self.right = lexicon, left, right
        self.i, self.j, self.rule = i[order], j[order], rule_of[i, j][order]
        self.nearness, self.weight = nearness[order], (nearness * strength)[order]
        self.least = np.minimum(left.nearness[self.i], right.nearness[self.j])
        self.names = list(STRENGTH)

    def __len__(self) -> int:
        return int(self.i.size)

    def words(self, at: int) -> tuple[str, str]:
        words = self.lexicon.words
        return words[self.left.numbers[self.i[at]]], words[self.right.numbers[self.j[at]]]

    def proposal(self, at: int, far: bool) -> Proposal:
        left, right = self.words(at)
        return Proposal(
            title=f"{left} {right}",
            left=left,
            right=right,
            rule=self.names[self.rule[at] - 1],
            seeds=(self.left.seeds[self.i[at]], self.right.seeds[self.j[at]]),
            nearness=round(float(self.nearness[at]), 4),
            rank=at + 1,
            far=far,
        )


def _rule_table(lexicon: Lexicon, left: Pool, right: Pool, rules: dict[str | None, int]) -> npt.NDArray[Any]:
    """(n_left, n_right) uint8: which rule each pair alliterates by. Worked out per onset, not per pair."""
    left_onsets = [onset_of(lexicon.words[n]) for n in left.numbers]
    right_onsets = [onset_of(lexicon.words[n]) for n in right.numbers]
    left_kinds, right_kinds = sorted(set(left_onsets), key=repr), sorted(set(right_onsets), key=repr)
    small = np.array([[rules[alliterates(a, b)] for b in right_kinds] for a in left_kinds], dtype=np.uint8)
    left_at = {kind: k for k, kind in enumerate(left_kinds)}
    right_at = {kind: k for k, kind in enumerate(right_kinds)}
    rows = np.array([left_at[s] for s in left_onsets], dtype=np.intp)
    columns = np.array([right_at[s] for s in right_onsets], dtype=np.intp)
    return small[rows[:, None], columns[None, :]]


def _ease(lexicon: Lexicon, side: Pool) -> npt.NDArray[Any]:
    """How easily each word of a pool is said, 0..1."""
    letters = np.array([len(lexicon.words[n]) for n in side.numbers])
    return np.asarray(CLUMSY ** np.maximum(0, letters - EASY_LETTERS))


def _choose(
    pairs: _Pairs, count: int, params: Params, rng: np.random.Generator, taken: set[str], uses: Counter[str]
) -> list[Proposal]:
    """Near ones first come by nearness and some chance, far ones by plain chance; both obey the cap."""
    n_near = count - round(count * params.far_share)
    near_pool = np.arange(min(len(pairs), NEAR_POOL * count + 200))
    stirred = np.log(pairs.weight[near_pool] + 1e-12) + VARIETY * rng.standard_normal(near_pool.size)
    near_order = near_pool[np.argsort(-stirred, kind="stable")]
    far_order = rng.permutation(np.flatnonzero(pairs.least >= FAR_FLOOR))
    rest = np.arange(len(pairs))  # what is left, nearest first, if the others do not suffice
    chosen: list[Proposal] = []
    for order, wanted, far in ((near_order, n_near, False), (far_order, count, True), (rest, count, False)):
        for at in order.tolist():
            if len(chosen) >= wanted:
                break
            left, right = pairs.words(at)
            key = title_key(f"{left} {right}")
            if max(uses[left], uses[right]) < params.word_cap and key not in taken:
                taken.add(key)
                uses.update((left, right))
                chosen.append(pairs.proposal(at, far))
    return [chosen[k] for k in rng.permutation(len(chosen)).tolist()]
