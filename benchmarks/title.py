"""Titles: how fast, how different, how varied, and how well the spelling rules hear.

The rules for first sound and stress are compared with a pronouncing dictionary in
CMU's format if ``$NEURALBUM_PRONUNCIATIONS`` names one (none is shipped or fetched:
those packaged for Python are under the GPL). Seeds: 1, 2, 3.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np

import report
from neuralbum.title.alliteration import onset_of
from neuralbum.title.lexicon import load
from neuralbum.title.pairs import FAR_FLOOR, _Pairs, propose, title_key
from neuralbum.title.words import pool, seeds_of

ARTICLE = (
    "disreputable discomfort",
    "mock melancholy",
    "bootleg abasement",
    "archetypal angst",
    "deceptive sadness",
)
PHRASES = ("fake feelings", "burning bridges", "hollow machines")
SAME = {"CH": "ch", "SH": "sh", "TH": "th", "DH": "th", "JH": "j", "HH": "h", "NG": "n", "ZH": "zh"}


def main() -> None:
    asked = report.arguments(__doc__ or "")
    seeds = (1,) if asked.quick else (1, 2, 3)
    start = time.process_time()
    load()
    rows = [report.row("opening the word table", time.process_time() - start, "CPU s")]
    lexicon_mb = len(resources.files("neuralbum.title").joinpath("lexicon.npz").read_bytes()) / 1e6
    rows.append(report.row("the word table on disk", lexicon_mb, "MB", "<= 3"))
    for phrase in PHRASES[:1] if asked.quick else PHRASES:
        rows += thousand(phrase, seeds)
    rows.append(reachable())
    rows += ears()
    report.print_report(rows, as_json=asked.json)


def thousand(phrase: str, seeds: tuple[int, ...]) -> list[report.Row]:
    worst_cpu, least, most, words, rules = 0.0, 1000, 0, 10**6, Counter[str]()
    for seed in seeds:
        start = time.process_time()
        titles = propose(phrase, count=1000, seed=seed)
        worst_cpu = max(worst_cpu, time.process_time() - start)
        uses = Counter(word for p in titles for word in (p.left, p.right))
        least = min(least, len({title_key(p.title) for p in titles}))
        most, words = max(most, *uses.values()), min(words, len(uses))
        rules.update(p.rule for p in titles)
    said = ", ".join(f"{rule} {100 * n / rules.total():.0f} %" for rule, n in rules.most_common())
    return [
        report.row(f"{phrase}: 1000 titles", worst_cpu, "CPU s", "<= 10"),
        report.row(f"{phrase}: different by more than an ending", least, "titles", ">= 1000"),
        report.row(f"{phrase}: titles that share one word", most, "at most", "<= 6"),
        report.row(f"{phrase}: different words", words, "words", reason=said),
    ]


def reachable() -> report.Row:
    """How many of the article's titles the far share can hold (and so may come up)."""
    lexicon = load()
    left, right = seeds_of("fake feelings", lexicon)
    pairs = _Pairs(lexicon, pool(lexicon, left, "left"), pool(lexicon, right, "right"), letter_only=True)
    wanted = {tuple(title.split()) for title in ARTICLE}
    near = np.flatnonzero(pairs.least >= FAR_FLOOR)
    places = {pairs.words(at): at + 1 for at in near.tolist() if pairs.words(at) in wanted}
    said = f"of {len(pairs)} pairs, at " + ", ".join(str(places.get(tuple(t.split()))) for t in ARTICLE)
    return report.row("the article's five titles that can come up", len(places), "titles", ">= 5", reason=said)


def ears() -> list[report.Row]:
    name = os.environ.get("NEURALBUM_PRONUNCIATIONS")
    names = ("first sound right", "stressed consonant right", "… if stress were always first")
    if not name:
        why = "set NEURALBUM_PRONUNCIATIONS to a dictionary in CMU's format"
        return [report.row(what, None, "% of words", reason=why) for what in names]
    spoken: dict[str, list[tuple[str, str]]] = {}
    for line in Path(name).read_text(encoding="latin-1").splitlines():
        if line[:1].isalpha():
            word, *phones = line.partition("#")[0].split()
            spoken.setdefault(word.partition("(")[0].lower(), []).append(heard(phones))
    words = [word for word in load().words if word in spoken]
    right = np.zeros(3)
    for word in words:
        ours, truth = onset_of(word), spoken[word]
        right += (
            any(ours.first == first for first, _ in truth),
            any(ours.stressed == stressed for _, stressed in truth),
            any(ours.first == stressed for _, stressed in truth),
        )
    of = f"of {len(words)} words that are in both tables"
    return [
        report.row(what, 100 * n / len(words), "% of words", reason=of) for what, n in zip(names, right, strict=True)
    ]


def heard(phones: list[str]) -> tuple[str, str]:
    """(first consonant, consonant that opens the stressed syllable) of a CMU pronunciation; "" for a vowel."""
    plain = [SAME.get(p, p.lower()) for p in phones]
    vowel = [p[-1].isdigit() for p in phones]
    at = next((i for i, p in enumerate(phones) if p.endswith("1")), 0)
    start = at
    while start > 0 and not vowel[start - 1]:
        start -= 1
    cluster = plain[start:at]
    if start > 0:  # inside of a word, only what can open a syllable belongs to it
        while len(cluster) > 1 and not _opens(cluster):
            cluster = cluster[1:]
    return ("" if vowel[0] else plain[0], cluster[0] if cluster else "")


def _opens(cluster: list[str]) -> bool:
    first, second = cluster[0], cluster[1]
    if len(cluster) == 3:
        return first == "s"
    if second == "y":
        return True
    return (first == "s" and second in "ptkmnlw") or (
        second in "rlw" and first in ("p", "b", "t", "d", "k", "g", "f", "th", "sh")
    )


if __name__ == "__main__":
    main()
