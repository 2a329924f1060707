"""How an English word begins, for the ear: first sound, and the consonant its stressed syllable starts with.

Two words alliterate if they share

    letter   the first letter                                archetypal angst
    sound    the first consonant sound                       counterfeit qualms
    stress   the consonant that opens the stressed syllable,
             against the other word's, or its first sound    de-CEP-tive SAD-ness, BOOT-leg a-BASE-ment

No pronouncing dictionary is used (those at hand are under the GPL, or of unclear
descent): spelling rules find the first sound and the stress. benchmarks/title.py
says how often they are right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

VOWELS = "aeiouy"

# Beginnings whose first letter is not heard, or is heard as another: (spelling, sound).
BEGINNINGS: tuple[tuple[str, str], ...] = (
    (r"kn", "n"), (r"gn", "n"), (r"pn", "n"), (r"mn", "n"), (r"wr", "r"), (r"ps", "s"), (r"pt", "t"), (r"rh", "r"),
    (r"ph", "f"), (r"sh", "sh"), (r"th", "th"), (r"ts", "ts"), (r"cz|x", "z"), (r"who(?!op)", "h"), (r"wh", "w"),
    (r"tch", "ch"),
    (r"ch(?=[rl]|aos|aot|ao|asm|aract|amel|imer|emi|oir|ord|oler|olic|ole|ron|oral|orus|ur|emo|arism)", "k"),
    (r"ch(?=ic$|ief$|evr|agrin|arade|aise|auffeur|alet|arlat|auvin|ampagne|iffon)", "sh"),
    (r"ch", "ch"), (r"sc[h]?(?=[eiy])(?!hem|hoo)", "s"), (r"sch(?=[lmn])", "sh"), (r"sch", "sk"), (r"gh", "g"),
    (r"g(?=e(?!ar|t|e|ld|ck)|i(?!v|rl|ft|dd|gg|ld|ll|rd|mm|bb)|y)", "j"), (r"c(?=[eiy])", "s"),
    (r"c", "k"), (r"q", "k"), (r"h(?=on(?!e[yd]|k)|our|eir)", ""),
    (r"eu", "y"), (r"u(?=ni(?!n|m)|s[eu]|til|tens|tter$^|kul|biq|ra[nl]|sa|top|fo)", "y"), (r"one(?=$|ness)|once", "w"),
)  # fmt: skip

# Endings that pull the stress to the syllable before them.
# Fudge, English Word-Stress (1984), tables of suffixes; Chomsky and Halle, The Sound Pattern of English, ch. 3.
PULLING = re.compile(r"(i(on|ous|al|an|ty|cs?|cal|fy|ve|tous|bility)|eous|ual|uous|ety|ulous|ulent|inous|erous)s?$")

# Endings the stress does not see; what is left decides.
NEUTRAL = re.compile(
    r"(?<=[a-z]{3})(fulness|lessness|iveness|ousness|edness|ingness|iness|ness|less|ful|ment|some|ish|ing|ed|able|ible"
    r"|ly|ers?|ors?|ists?|isms?|ance|ence|ant|ent|al|age|ure)$"
)

# Prefixes without stress, where a stem of one or two syllables follows.
PREFIX = re.compile(
    r"(a(?=([bcdfglnprst])\2|b[aiou]|m[au]|lo|wa|ve|g[or]|sl)|be|com|con|cor|col|de|dis|ex|e(?=[lmnrv])|em|en|for|il|im"
    r"|in|ir|mis|ob|of|op|per|pre|pro|re|se|sub|suc|sup|sur|trans|un|up|with|under|over|inter)(?=[a-z]{3})"
)
OUTER = ("un", "dis", "in", "im", "ir", "il", "mis", "under", "over")
"""Prefixes that may stand before a whole word, whose own stress then counts."""


@dataclass(frozen=True)
class Onset:
    """How a word begins."""

    letter: str
    first: str  #: first consonant sound; "" where a vowel comes first
    stressed: str  #: consonant that opens the stressed syllable; "" where a vowel does


@lru_cache(maxsize=65536)
def onset_of(word: str) -> Onset:
    """Guess from its spelling how an English word begins and where its stress lies.

    >>> onset_of("deceptive")
    Onset(letter='d', first='d', stressed='s')
    >>> onset_of("abasement").stressed, onset_of("disreputable").stressed, onset_of("phony").first
    ('b', 'r', 'f')
    """
    word = word.lower()
    at = stressed_at(word)
    return Onset(word[:1], _consonant(word), _consonant(word[at:]))


def stressed_at(word: str) -> int:
    """Where (which letter) the stressed syllable begins, onset included."""
    nuclei = _nuclei(word)
    if len(nuclei) < 2:
        return 0
    if word.endswith(("ation", "ations")):
        return _syllable_start(word, word.rindex("ation"), nuclei)
    pulled = PULLING.search(word)
    if pulled and (earlier := [n for n in nuclei if n < pulled.start()]):
        return _syllable_start(word, earlier[-1], nuclei)
    stem = word
    while (shorter := NEUTRAL.sub("", stem)) != stem and _nuclei(shorter):
        stem = shorter
    prefix = PREFIX.match(stem)
    if not prefix:
        return 0
    at = prefix.end() + (prefix.group() == "a" and stem[1] == stem[2])  # "af-fection": the doubled consonant is one
    n_syllables = len(_nuclei(stem[at:]))
    if n_syllables > 2 and prefix.group() in OUTER:
        return at + stressed_at(stem[at:])
    return at if n_syllables in (1, 2) else 0


def _nuclei(word: str) -> list[int]:
    """Where the vowels of the syllables begin; a final silent e is none."""
    bare = re.sub(r"(?<=[^aeiouy])e[sd]?$" if not word.endswith("le") else r"$^", "", word)
    return [m.start() for m in re.finditer(r"(?<![aeo])y(?=[^aeiouy]|$)|(?:[aeiou]|(?<=[aeo])y)+|y$", bare)]


def _syllable_start(word: str, nucleus: int, nuclei: list[int]) -> int:
    """Where the syllable with this vowel begins: the consonants before it that can open an English word."""
    start = nucleus
    while start > 0 and word[start - 1] not in "aeiou" and not (word[start - 1] == "y" and start > 1):
        start -= 1
    if start == 0 or nucleus == nuclei[0]:
        return 0 if nucleus == nuclei[0] else start
    cluster = word[start:nucleus]
    for i in range(len(cluster)):
        if cluster[i:] in ONSETS:
            return start + i
    return nucleus - 1 if cluster else nucleus


_OPENINGS = """b bl br c ch chr cl cr d dr f fl fr g gh gl gr h j k kl kr l m n p ph phr pl pr q qu r rh
    s sc sch scr sh shr sk sl sm sn sp sph spl spr squ st str sw t th thr thw tr tw v w wh wr x y z"""
ONSETS = frozenset(_OPENINGS.split())
"""Consonants that can open an English syllable."""


def _consonant(text: str) -> str:
    """The first consonant sound of what begins like ``text``; "" for a vowel."""
    for spelling, heard in BEGINNINGS:
        if re.match(spelling, text):
            return heard
    letter = text[:1]
    if letter == "y" and len(text) > 1 and text[1] in "aeiou":
        return "y"
    return "" if letter in VOWELS else letter


def alliterates(left: Onset, right: Onset) -> str | None:
    """The rule by which two words alliterate: "letter+sound", "letter", "sound", "stress", or None."""
    letter = left.letter == right.letter
    same_sound = bool(left.first) and left.first == right.first
    if letter:
        return "letter+sound" if same_sound else "letter"
    if same_sound:
        return "sound"
    crossed = {left.first, left.stressed} & {right.first, right.stressed} - {""}
    return "stress" if crossed else None
