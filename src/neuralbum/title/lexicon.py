"""The word table: adjectives and nouns, and which of them share thesaurus entries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..errors import ToolError


@dataclass(frozen=True, eq=False)
class Lexicon:
    """All words, by number."""

    words: tuple[str, ...]
    number: dict[str, int]
    is_adjective: npt.NDArray[np.uint8]  #: 0..255: how much of a word's use it is
    is_noun: npt.NDArray[np.uint8]
    lexnames: npt.NDArray[np.uint32]  #: bit i: one of its first senses is in WordNet's file i (lexnames(5WN))
    adjectives: sparse.csr_matrix  #: (n_words, n_words), 1 where one stands in the other's entry, and for itself
    nouns: sparse.csr_matrix
    clusters: tuple[tuple[int, ...], ...]  #: of each word: which groups of like adjectives
    opposites: dict[int, set[int]]
    singulars: dict[int, int]  #: plural -> singular
    denied: frozenset[str]

    def links(self, side: str) -> sparse.csr_matrix:
        return self.adjectives if side == "left" else self.nouns

    def antonyms(self, word: int) -> set[int]:
        """Words in a group opposed to one of the word's own."""
        against = {other for cluster in self.clusters[word] for other in self.opposites.get(cluster, ())}
        return {i for i, own in enumerate(self.clusters) if against.intersection(own)} if against else set()

    def known(self, word: str, side: str) -> int | None:
        """The number of a word (or of its singular) if it can stand on that side."""
        kind = self.is_adjective if side == "left" else self.is_noun
        for form in (word, *singular_forms(word)):
            i = self.number.get(form)
            if i is not None and kind[i]:
                return self.singulars.get(i, i) if side == "right" else i
        return None


def singular_forms(word: str) -> list[str]:
    """What a plural may be the plural of: "bridges" -> bridge, bridg; "pities" -> pity."""
    forms = []
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith("s") and not word.endswith("ss"):
        forms.append(word[:-1])
    if word.endswith("es"):
        forms.append(word[:-2])
    return forms


@cache
def load() -> Lexicon:
    """Read the table; takes a tenth of a second, once."""
    folder = files("neuralbum.title")
    try:
        with folder.joinpath("lexicon.npz").open("rb") as file, np.load(file, allow_pickle=False) as table:
            arrays = {name: table[name] for name in table.files}
        listed = folder.joinpath("deny.txt").read_text(encoding="utf-8")
    except (OSError, ValueError) as cause:
        raise ToolError(f"the word table of neuralbum.title is missing or damaged ({cause}); reinstall it") from cause
    words = tuple(arrays["words"].tobytes().decode("ascii").split("\n"))
    denied = frozenset(word for line in listed.splitlines() if not line.startswith("#") for word in line.split())
    opposites: dict[int, set[int]] = {}
    for a, b in arrays["opposites"].tolist():
        opposites.setdefault(a, set()).add(b)
        opposites.setdefault(b, set()).add(a)
    starts, ids = arrays["cluster_starts"].tolist(), arrays["cluster_ids"].tolist()
    return Lexicon(
        words=words,
        number={word: i for i, word in enumerate(words)},
        is_adjective=arrays["is_adjective"],
        is_noun=arrays["is_noun"],
        lexnames=arrays["lexnames"],
        adjectives=_matrix(arrays["adjective_starts"], arrays["adjective_links"]),
        nouns=_matrix(arrays["noun_starts"], arrays["noun_links"]),
        clusters=tuple(tuple(ids[a:b]) for a, b in pairwise(starts)),
        opposites=opposites,
        singulars=dict(arrays["plurals"].tolist()),
        denied=denied,
    )


def _matrix(starts: npt.NDArray[np.uint32], steps: npt.NDArray[np.uint16]) -> sparse.csr_matrix:
    """CSR from rows of differences."""
    total = np.concatenate([[0], np.cumsum(steps, dtype=np.int64)])
    edges = starts.astype(np.int64)
    lengths = edges[1:] - edges[:-1]
    columns = total[1:] - np.repeat(total[starts[:-1]], lengths)
    n = starts.size - 1
    links = sparse.csr_matrix((np.ones(columns.size, np.float32), columns, starts.astype(np.int64)), shape=(n, n))
    return (links + sparse.identity(n, dtype=np.float32, format="csr")).tocsr()
