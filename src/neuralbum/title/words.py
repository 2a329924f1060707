"""Which words are near to the seeds, and which of these may stand in a title. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .lexicon import Lexicon

LEFT_SHARE, RIGHT_SHARE = 40, 90
"""How much (of 255) of a word's use must be as an adjective, as a noun."""
MIN_LINKS = 12
"""A word in fewer thesaurus entries is too rare to be understood, or no real word of the kind."""
FEW = 100
"""With fewer words of the seeds' own kind (a summer is a time, and few times are near it), any noun may do."""
DIRECT = 0.25
"""What standing in a seed's own entry adds to the overlap of entries."""

PHRASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fake feelings": (
        ("fake", "sham", "counterfeit", "bootleg", "deceptive", "disreputable", "archetypal"),
        ("feeling", "emotion", "sadness", "melancholy", "discomfort", "shame", "anxiety"),
    ),
}
"""Seed lists of phrases somebody has thought about: what "fake" and "feelings" stand for in that album."""


@dataclass(frozen=True)
class Pool:
    """Words for one side of a title, nearest first."""

    numbers: npt.NDArray[np.int64]
    nearness: npt.NDArray[np.float64]  #: 0..1, falling
    seeds: tuple[str, ...]  #: of each word: the seed it is nearest to


def seeds_of(
    phrase: str, lexicon: Lexicon, left: Sequence[str] = (), right: Sequence[str] = ()
) -> tuple[list[int], list[int]]:
    """Seed words (numbers) for both sides: the given ones, else the phrase's.

    Raises
    ------
    ParameterError
        None of a side's words is known; says which.
    """
    words = [w for w in phrase.lower().replace("-", " ").split() if w.isalpha()]
    listed = PHRASES.get(" ".join(words))
    if listed:
        default_left, default_right = listed
    else:
        default_left, default_right = tuple(words[:-1]) or tuple(words), tuple(words[-1:])
    return (
        _known(left or default_left, "left", "adjective", lexicon),
        _known(right or default_right, "right", "noun", lexicon),
    )


def _known(words: Iterable[str], side: str, kind: str, lexicon: Lexicon) -> list[int]:
    listed = [word.strip().lower() for word in words]
    found = [i for word in listed if (i := lexicon.known(word, side)) is not None]
    if not found:
        said = ", ".join(map(repr, listed)) or "nothing"
        raise ParameterError(f"no {kind} among {said}; give some with --seeds-{side} fake,sham or [title] seeds_{side}")
    return list(dict.fromkeys(found))


def pool(lexicon: Lexicon, seeds: Sequence[int], side: str, *, deny: Iterable[str] = ()) -> Pool:
    """The words near to any of the seeds that may stand on ``side``.

    Nearness is the cosine of two words' thesaurus entries, rare entries counting
    more (Salton and Buckley 1988, tf-idf), a quarter more where one stands in the
    other's own entry; the nearest seed counts.
    """
    links = lexicon.links(side)
    degree, weighted, norms = _weighted(lexicon, side)
    overlap = (weighted @ weighted[list(seeds)].T).toarray() / norms[:, None] / norms[list(seeds)][None, :]
    direct = links[:, list(seeds)].toarray()
    near = np.clip((1 - DIRECT) * overlap + DIRECT * direct, 0.0, 1.0)
    nearness, nearest = near.max(axis=1), near.argmax(axis=1)
    allowed = (nearness > 0) & _fit(lexicon, seeds, side, degree, nearness > 0)
    allowed[[lexicon.number[w] for w in {*lexicon.denied, *deny} if w in lexicon.number]] = False
    numbers = np.flatnonzero(allowed)
    numbers = numbers[np.lexsort((numbers, -nearness[numbers]))]
    names = tuple(lexicon.words[seeds[k]] for k in nearest[numbers])
    return Pool(numbers, nearness[numbers].astype(np.float64), names)


@cache
def _weighted(lexicon: Lexicon, side: str) -> tuple[npt.NDArray[np.floating], Any, npt.NDArray[np.floating]]:
    """How many entries each word stands in; the entries weighted by their rarity; their norms."""
    links = lexicon.links(side)
    degree = np.asarray(links.sum(axis=0)).ravel()
    weight = np.log((links.shape[0] + 1) / (degree + 1)).astype(np.float32)
    weighted = links.multiply(weight[None, :]).tocsr()
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel()) + 1e-9
    return degree, weighted, norms


def _fit(
    lexicon: Lexicon, seeds: Sequence[int], side: str, degree: npt.NDArray[np.floating], near: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Words of the right kind that do not say the opposite."""
    common = degree > MIN_LINKS
    if side == "left":
        fit = common & (lexicon.is_adjective >= LEFT_SHARE)
        for seed in seeds:
            fit[list(lexicon.antonyms(seed))] = False
        fit[list(seeds)] = True
        return fit
    files = np.uint32(0)
    for bit in range(32):  # kinds of things that a third of the seeds are
        votes = sum(bool(lexicon.lexnames[seed] >> bit & 1) for seed in seeds)
        if votes * 3 >= len(seeds):
            files |= np.uint32(1 << bit)
    fit = common & (lexicon.is_noun >= RIGHT_SHARE)
    fit[list(lexicon.singulars)] = False  # the singular stands for both
    alike = fit & ((lexicon.lexnames & files) != 0)
    if int((alike & near).sum()) >= FEW:
        fit = alike
    fit[list(seeds)] = True
    return fit
