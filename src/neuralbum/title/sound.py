"""How an English word begins, for the ear: first sound, and the consonant its stressed syllable starts with.

Two words alliterate if they share

    letter   the first letter                                archetypal angst
    sound    the first consonant sound                       counterfeit qualms
    stress   the consonant that opens the stressed syllable,
             against the other word's, or its first sound    de-CEP-tive SAD-ness, BOOT-leg a-BASE-ment

No pronouncing dictionary is used (those at hand are under the GPL, or of unclear
descent): spelling rules find the first sound and the stress. Where the rules see
no stressed syllable that begins with a consonant, ``stressed`` is the first
sound, and only the other two rules can match. benchmarks/title.py says how often
they are right.
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

# Endings before which the stress lies: how many syllables before the ending it falls.
# Fudge, English Word-Stress (1984), tables of suffixes; Chomsky and Halle, The Sound Pattern of English, ch. 3.
PULLING: tuple[tuple[str, int], ...] = (
    (r"ations?$", 0),
    (r"(t|s|c|x|g|l)ions?$", 1), (r"(t|c|sc|x|rt|lt)ious$", 1), (r"[cgd]eous$", 1), (r"(t|c)ial$", 1), (r"[cs]ian$", 1),
    (r"[bdhmnprvl]ious$", 1), (r"[dmnrv]ial$", 1), (r"ual$", 1), (r"uous$", 1), (r"[bdmnrlp]ian$", 1),
    (r"(?<=[a-z])ical$", 1), (r"(?<=[a-z])ics?$", 1), (r"[ie]ty$", 1), (r"[ie]fy$", 1), (r"[ou]logy$", 0),
    (r"[og]raphy$", 0), (r"onomy$", 0), (r"etry$", 0), (r"escent$", 0), (r"escence$", 0), (r"esque$", 0), (r"eer$", 0),
    (r"ee$", 0), (r"ette$", 0), (r"oon$", 0), (r"osis$", 0), (r"itis$", 0),
    (r"[cpstlnrv][st]ive$", 1), (r"(?<=[clpsv])ive$", 1), (r"ional$", 1), (r"(t|s)ionary$", 1), (r"ulent$", 1),
    (r"ulous$", 1), (r"inous$", 1), (r"erous$", 1), (r"itous$", 1), (r"imous$", 1), (r"ogous$", 1), (r"ity$", 1),
)  # fmt: skip

# Endings the stress does not see; what is left decides.
NEUTRAL = re.compile(
    r"(?<=[a-z]{3})(fulness|lessness|iveness|ousness|edness|ingness|iness|ness|less(?:ly)?|fully|ful|liness|ingly|edly"
    r"|ment|ships?|doms?|hoods?|some|ish|ing|ed|able|ible|ability|ery|ers?|ors?|ly|ists?|isms?|ance|ence|ancy|ency"
    r"|ant|ent|al|age|ure)$"
)

# Prefixes without stress, where a stem of one or two syllables follows.
PREFIX = re.compile(
    r"(a(?=(?:b(?=as|at|id|od|ov|us)|c(?=c)|d(?=d)|f(?=f)|g(?=g|hast|o|re)|l(?=l|on|er|ar|ik|iv)|m(?=az|us)|n(?=n)"
    r"|p(?=p)|r(?=r|ous)|s(?=s|leep|ham|tou|tra|und)|t(?=t|on)|v(?=ow|er)|w(?=a|ry)))"
    r"|be(?=[cdfghklmnrstw][aeiour])|com(?=[mp])|con(?=[cdfgjnqstv])|cor(?=r)|col(?=l)|de(?=[bcdfghjlmnprstv][a-z])"
    r"|dis(?=[a-z])|ex(?=[a-z])|e(?=[lmnrstv][aeiou])|em(?=[bp])|en(?=[cdfghjlmnrst])|for(?=[bglsw])|il(?=l)|im(?=[mbp])"
    r"|in(?=[a-z])|ir(?=r)|mis(?=[a-z])|ob(?=[jlst])|oc(?=c)|of(?=f)|op(?=p)|per(?=[fmpstv])|pre(?=[cdfmpstv])"
    r"|pro(?=[cdfglmnpt])|re(?=[bcdfgjlmnpqstvw][a-z])|se(?=[cdlpv])|sub(?=[jmsv])|suc(?=c)|sup(?=p)|sur(?=[mpr])"
    r"|trans(?=[a-z])|un(?=[a-z])|up(?=[hrs])|with(?=[a-z]{3})|under(?=[a-z]{3})|over(?=[a-z]{3})|inter(?=[a-z]{3}))"
)

# Two-syllable nouns that keep the stress on such a prefix, and other words the rules get wrong.
_FIRST = """
    abject absence access accent adult advent agony alien anger angle angst anguish ardent ardor arid arrant
    asset atom august avid comfort comic comma common comrade concept concert concord conduct conflict congress
    conquest conscience conscious consul contact contempt contest context contour contract contrast convent convert
    convict decent deity delicate deluge demon dentist deprecate derelict desert desolate despot detail devil
    discord distance distant district effort empire empty engine enmity entrance envy envoy essence ethics evil
    excess exile exit expert exploit extra forest forlorn foreign formal fortune former image imminent impact
    import impotent impulse inborn incense incest income index infamy infant infinite influence injury inmate
    inner innocence innocent input insect inside insight insolence insolent instant instance instinct insult intellect
    interest interim intimate into inward irony misery mischief miserable missile mistress object obstacle offal
    office offspring open opera opus oral orphan perfect perfume peril period person perjury pervert premium
    prejudice presence present prestige pretext previous problem process product profile profit progress project
    promise prophet prospect protest proverb province realm rebel recent record reckless reflex refuge refuse
    regal regent region relic remnant reptile rescue respite restive restless retail revel reverence secret
    secular segment sequel serial serum sever several subject subtle suburb surface surfeit surname surplus
    transit under undertow uproar upset"""
FIRST_STRESSED = frozenset(_FIRST.split())

COUNTS_AS = {"counterfeit": ("k", "k"), "melancholy": ("m", "m"), "archetypal": ("", "t"), "bootleg": ("b", "b")}
"""Words checked by hand whose spelling misleads the rules: (first sound, stressed consonant)."""


@dataclass(frozen=True)
class Sound:
    """How a word begins."""

    letter: str
    first: str  #: first consonant sound; "" where a vowel comes first
    stressed: str  #: consonant that opens the stressed syllable; "" where a vowel does


@lru_cache(maxsize=65536)
def sound(word: str) -> Sound:
    """Guess from its spelling how an English word begins and where its stress lies.

    >>> sound("deceptive")
    Sound(letter='d', first='d', stressed='s')
    >>> sound("abasement").stressed, sound("disreputable").stressed, sound("phony").first
    ('b', 'r', 'f')
    """
    word = word.lower()
    if word in COUNTS_AS:
        return Sound(word[:1], *COUNTS_AS[word])
    at = stressed_at(word)
    return Sound(word[:1], _consonant(word), _consonant(word[at:]))


def stressed_at(word: str) -> int:
    """Where (which letter) the stressed syllable begins, onset included."""
    nuclei = _nuclei(word)
    if len(nuclei) < 2:
        return 0
    for ending, before in PULLING:
        found = re.search(ending, word)
        if not found:
            continue
        earlier = [n for n in nuclei if n < found.start() + (1 if word[found.start()] not in VOWELS else 0)]
        later = [found.start()] if word[found.start()] in VOWELS else [n for n in nuclei if n >= found.start()]
        if before and earlier:
            return _onset(word, earlier[-before:][0], nuclei)
        if not before and later:
            return _onset(word, later[0], nuclei)
    stem = word
    verbal = False  # "recorded" comes from the verb, whatever the noun does
    while (shorter := NEUTRAL.sub("", stem)) != stem and _nuclei(shorter):
        verbal |= stem[len(shorter) :] in ("ed", "ing", "er", "ers", "or", "ors")
        stem = shorter
    return _stem_stress(stem, verbal)


def _stem_stress(stem: str, verbal: bool = False) -> int:
    if stem in FIRST_STRESSED and not (verbal and PREFIX.match(stem) and stem not in ("comfort", "interest")):
        return 0
    prefix = PREFIX.match(stem)
    if prefix:
        rest = stem[prefix.end() :]
        if prefix.group().startswith("a") and len(prefix.group()) == 1 and len(rest) > 1 and rest[0] == rest[1]:
            rest = rest[1:]  # "af-fection": the doubled consonant is one
        nuclei = _nuclei(rest)
        if 1 <= len(nuclei) <= 2 and len(rest) >= 2:
            return len(stem) - len(rest)
        if len(nuclei) > 2 and prefix.group() in ("un", "dis", "in", "im", "ir", "il", "mis", "under", "over", "inter"):
            return len(stem) - len(rest) + _stem_stress(rest)
    return 0


def _nuclei(word: str) -> list[int]:
    """Where the vowels of the syllables begin; a final silent e is none."""
    bare = re.sub(r"(?<=[^aeiouy])e[sd]?$" if not word.endswith("le") else r"$^", "", word)
    return [m.start() for m in re.finditer(r"(?<![aeo])y(?=[^aeiouy]|$)|(?:[aeiou]|(?<=[aeo])y)+|y$", bare)]


def _onset(word: str, nucleus: int, nuclei: list[int]) -> int:
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


def alliterates(left: Sound, right: Sound) -> str | None:
    """The rule by which two words alliterate: "letter+sound", "letter", "sound", "stress", or None."""
    letter = left.letter == right.letter
    same_sound = bool(left.first) and left.first == right.first
    if letter:
        return "letter+sound" if same_sound else "letter"
    if same_sound:
        return "sound"
    crossed = {left.first, left.stressed} & {right.first, right.stressed} - {""}
    return "stress" if crossed else None
