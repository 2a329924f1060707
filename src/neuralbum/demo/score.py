"""What the built-in band plays: songs written down as notes and hits, before anyone plays them.

A song is composed for a form (intro, riff, verse, breakdown …) in a metre, a
key and a feel; positions count in beats and pitches in MIDI numbers, so the
same score can be played at another tempo, in another key and by another band
(``band.cover``). A *beat* is what a foot taps: a quarter note in 3/4, 4/4 and
5/4, a dotted quarter in 6/8.

Pure: dice come in as a Generator, nothing is heard yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

BEATS = {"4/4": 4, "3/4": 3, "5/4": 5, "6/8": 2}
STEPS_PER_BEAT = {"4/4": 4, "3/4": 4, "5/4": 4, "6/8": 6}
"""Sixteenth notes in one beat of each metre."""

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = {
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "major": (0, 2, 4, 5, 7, 9, 11),
}
LOWEST_ROOT = 36
"""MIDI number of the lowest guitar root (a low C, dropped tuning)."""

VOWELS = "aeiou"


@dataclass(frozen=True)
class Strum:
    """A guitar stroke: one to three strings."""

    beat: float
    beats: float
    pitches: tuple[int, ...]
    muted: bool = False  #: with the palm
    clean: bool = False  #: without distortion
    force: float = 1.0


@dataclass(frozen=True)
class Pluck:
    """A bass or lead note."""

    beat: float
    beats: float
    pitch: int
    force: float = 1.0


@dataclass(frozen=True)
class Hit:
    """One stroke on ``drum``: kick, snare, hat, open, ride, crash, tom1, tom2."""

    beat: float
    drum: str
    force: float = 1.0


@dataclass(frozen=True)
class Syllable:
    """One sound of the voice; ``manner`` is scream, shout or sung."""

    beat: float
    beats: float
    vowel: str
    manner: str
    pitch: int


@dataclass(frozen=True)
class Part:
    """How a section is played."""

    name: str
    bars: int  #: relative length
    guitar: str
    drums: str
    voice: str = ""
    lead: bool = False
    climb: int = 0  #: scale degrees the progression is moved


@dataclass(frozen=True)
class SongSpec:
    """All that has to be decided before composing."""

    title: str
    feel: str
    bpm: float
    metre: str
    root: int  #: pitch class, 0 = C
    mode: str
    form: tuple[Part, ...]
    tone: str = "basement"

    @property
    def key(self) -> str:
        return f"{NOTES[self.root]} {self.mode}"


@dataclass(frozen=True)
class Score:
    """A composed song."""

    metre: str
    n_bars: int
    sections: tuple[tuple[float, float, str], ...]  #: (start, end, name) in beats
    guitar: tuple[Strum, ...] = field(repr=False)
    lead: tuple[Pluck, ...] = field(repr=False)
    bass: tuple[Pluck, ...] = field(repr=False)
    drums: tuple[Hit, ...] = field(repr=False)
    voice: tuple[Syllable, ...] = field(repr=False)

    @property
    def n_beats(self) -> int:
        return self.n_bars * BEATS[self.metre]


@dataclass(frozen=True)
class Clock:
    """What turns beats into samples while a score is played."""

    beat_s: float
    start_s: float  #: where beat 0 falls
    n_samples: int  #: of the whole song
    sample_rate: int

    def sample(self, beat: float, late_s: float = 0.0) -> int:
        """The sample at which ``beat`` falls, ``late_s`` behind the clock."""
        return max(0, round((self.start_s + beat * self.beat_s + late_s) * self.sample_rate))


# One character is a sixteenth. Guitar: x struck and ringing, m muted, - ringing on, . silence.
RIFFS: dict[str, dict[int, tuple[str, ...]]] = {
    "chug": {
        16: ("xmmmxmmmxmmmx-m-", "m.m.x-m.m.m.x-x-", "x-mmx-mmm.x-mmmm", "mmx-mmx-mmx-x-x-"),
        12: ("xmmmx-mmx-mm", "m.m.x-m.x-x-", "x-mmmmx-mmm."),
        20: ("xmmmxmmmx-mmx-mmx-x-", "x-m.x-m.mmx-mmx-m.m.", "mmx-mmx-x-mmmmx-x---"),
    },
    "gallop": {16: ("m.mmx.mmm.mmx-x-", "x-mmm.mmx-mmm.mm"), 12: ("m.mmx.mmm.mm",), 20: ("m.mmx.mmm.mmx-mmx-x-",)},
    "open": {
        16: ("x-----x-----x---", "x---x-x-x---x-x-", "x-------x-----x-", "x-x-x-x-x-x-x-x-"),
        12: ("x-----x---x-", "x---x---x---", "x-------x-x-", "x-----x-----"),
        20: ("x-----x-----x---x---", "x---x-x---x-x---x-x-"),
    },
    "stabs": {
        16: ("x...x.x...x...x.", "x-..x-..x.x...x-", "..x-..x-x...x-x."),
        12: ("x...x.x...x.", "x-..x-..x.x."),
        20: ("x-..x.x-..x-..x.x...", "x...x.x.x-....x-x.x."),
    },
    "octaves": {
        16: ("x-x-x-x-x-x-x-x-", "x-xxx-xxx-xxx-x-", "x---x-x-x---x-x-"),
        12: ("x-x-x-x-x-x-", "x---x-x---x-"),
        20: ("x-x-x-x-x-x-x-x-x-x-", "x---x-x-x---x-x-x-x-"),
    },
    "tremolo": {16: ("xxxxxxxxxxxxxxxx",), 12: ("xxxxxxxxxxxx",), 20: ("xxxxxxxxxxxxxxxxxxxx",)},
}

DRUMS: dict[str, dict[int, dict[str, str]]] = {
    "dbeat": {16: {"kick": "x.....x...x.....", "snare": "....x.......x...", "open": "x...x...x...x..."}},
    "blast": {16: {"kick": "x.x.x.x.x.x.x.x.", "snare": ".x.x.x.x.x.x.x.x", "ride": "x.x.x.x.x.x.x.x."}},
    "skank": {16: {"kick": "x...x.x.x...x...", "snare": "..x...x...x...x.", "hat": "x.x.x.x.x.x.x.x."}},
    "rock": {
        16: {"kick": "x.....x.x.x.....", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
        12: {"kick": "x.....x.....", "snare": "....x...x...", "hat": "x.x.x.x.x.x."},
        20: {"kick": "x..x..x.....x.x.....", "snare": "....x.......x...x...", "hat": "x.x.x.x.x.x.x.x.x.x."},
    },
    "ride": {
        16: {"kick": "x.x...x.x..x....", "snare": "....x.......x..x", "ride": "x...x...x...x..."},
        12: {"kick": "x...x.....x.", "snare": "......x.....", "ride": "x.x.x.x.x.x."},
        20: {"kick": "x...x.....x.x..x....", "snare": "........x.......x...", "ride": "x.x.x.x.x.x.x.x.x.x."},
    },
    "half": {
        16: {"kick": "x..x..x.......x.", "snare": "........x.......", "crash": "x...x...x...x..."},
        12: {"kick": "x.....x...x.", "snare": "......x.....", "open": "x...x...x..."},
        20: {"kick": "x..x..x...x.....x.x.", "snare": "............x.......", "open": "x...x...x...x...x..."},
    },
    "toms": {
        16: {"kick": "x...x...x...x...", "tom1": "x.xx..x.x.xx..x.", "tom2": "....x..x....x..x"},
        12: {"kick": "x...x...x...", "tom1": "x.xx..x.xx..", "tom2": "....x..x..x."},
        20: {"kick": "x...x...x...x...x...", "tom1": "x.xx..x.x.xx..x.x.xx", "tom2": "....x..x....x..x...."},
    },
    "brush": {16: {"hat": "x...x...x...x..."}, 12: {"hat": "x.....x....."}, 20: {"hat": "x...x...x...x...x..."}},
    "": {16: {}, 12: {}, 20: {}},
}


def _scale_pitch(spec: SongSpec, degree: int, lowest: int) -> int:
    """The scale's ``degree`` (0 = root, may be negative or beyond an octave) at or above ``lowest``."""
    octave, step = divmod(degree, 7)
    root = lowest + (spec.root - lowest) % 12
    return root + 12 * octave + MODES[spec.mode][step]


PROGRESSIONS = (
    (0, 5, 2, 6),
    (0, 3, 5, 4),
    (0, 6, 5, 4),
    (0, 2, 5, 3),
    (5, 6, 0, 0),
    (0, 0, 3, 5),
    (0, 1, 0, 6),
    (0, 4, 5, 3),
)


def plan(spec: SongSpec, n_bars: int) -> list[tuple[Part, int, int]]:
    """Share ``n_bars`` among the form's parts in proportion: (part, first bar, end bar).

    A long song goes through the parts between intro and outro again; one too short for
    its form loses its last parts.
    """
    inner = spec.form[1:-1]
    written = sum(part.bars for part in inner)
    rounds = max(1, round((n_bars - spec.form[0].bars - spec.form[-1].bars) / written)) if inner else 1
    parts = [spec.form[0], *inner * rounds, *spec.form[1:][-1:]][: max(1, n_bars)]
    weights = np.array([part.bars for part in parts], dtype=float)
    edges = np.rint(np.cumsum(weights) / weights.sum() * n_bars).astype(int)
    for i in range(len(edges) - 1):  # at least one bar each
        edges[i] = min(max(edges[i], i + 1), n_bars - (len(edges) - 1 - i))
    edges[-1] = n_bars
    starts = [0, *edges[:-1]]
    return [(part, int(a), int(b)) for part, a, b in zip(parts, starts, edges, strict=True) if b > a]


def compose(spec: SongSpec, n_bars: int, rng: np.random.Generator) -> Score:
    """Write a song of ``n_bars`` bars for the whole band."""
    beats, per_beat = BEATS[spec.metre], STEPS_PER_BEAT[spec.metre]
    n_steps = beats * per_beat
    progression = tuple(int(d) for d in PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))])
    themes = _Themes(spec, n_steps, progression, rng)
    guitar: list[Strum] = []
    lead: list[Pluck] = []
    bass: list[Pluck] = []
    drums: list[Hit] = []
    voice: list[Syllable] = []
    sections: list[tuple[float, float, str]] = []
    for part, first, end in plan(spec, n_bars):
        sections.append((float(first * beats), float(end * beats), part.name))
        for bar in range(first, end):
            start = float(bar * beats)
            degree = progression[(bar - first) % len(progression)] + part.climb
            strums = themes.guitar_bar(part, start, degree, bar - first)
            guitar += strums
            bass += themes.bass_bar(part, start, degree, strums)
            last = bar == end - 1
            drums += _drum_bar(spec, part, start, n_steps, first=bar == first, fill=last and end - first > 1, rng=rng)
            voice += themes.voice_bar(part, start, degree, bar - first)
            if part.lead:
                lead += themes.lead_bar(start, degree, bar - first)
    total = float(n_bars * beats)
    root = _scale_pitch(spec, 0, LOWEST_ROOT)
    guitar.append(Strum(total, float(2 * beats), (root, root + 7, root + 12)))  # the last chord rings out
    bass.append(Pluck(total, float(2 * beats), root - 12))
    drums += [Hit(total, "kick"), Hit(total, "crash")]
    return Score(
        metre=spec.metre,
        n_bars=n_bars,
        sections=tuple(sections),
        guitar=tuple(guitar),
        lead=tuple(lead),
        bass=tuple(bass),
        drums=tuple(drums),
        voice=tuple(voice),
    )


class _Themes:
    """What makes the song itself: its riffs, its tune, its words' rhythm, drawn once."""

    def __init__(self, spec: SongSpec, n_steps: int, progression: tuple[int, ...], rng: np.random.Generator) -> None:
        self.spec, self.n_steps, self.progression = spec, n_steps, progression
        self.step = 1.0 / STEPS_PER_BEAT[spec.metre]
        self.riffs = {name: _pick(by_length[n_steps], rng) for name, by_length in RIFFS.items()}
        self.riffs["breakdown"] = _breakdown(n_steps, rng)
        self.answer = {name: _pick(by_length[n_steps], rng) for name, by_length in RIFFS.items()}
        # A tune of eight scale steps that mostly walks, now and then leaps (Huron, Sweet Anticipation, ch. 5).
        walk = rng.choice((-2, -1, -1, 0, 1, 1, 2, 4), size=8)
        self.tune = [int(d) for d in np.clip(np.cumsum(walk), -3, 6)]
        self.broken = [int(i) for i in rng.permutation([0, 1, 2, 3, 2, 1])]
        self.words = ["".join(rng.choice(list(VOWELS), size=4)) for _ in range(4)]
        self.phrasing = [sorted(rng.choice(n_steps // 2, size=4, replace=False) * 2) for _ in range(2)]
        self.second = int(rng.integers(1, 4))

    def guitar_bar(self, part: Part, start: float, degree: int, n: int) -> list[Strum]:
        if part.guitar == "":
            return []
        root = _scale_pitch(self.spec, degree % 7, LOWEST_ROOT)
        if part.guitar == "arpeggio":
            return self._arpeggio(start, degree)
        feel = self.answer if n % 4 == 3 and part.guitar in self.answer else self.riffs
        rhythm = feel[part.guitar]
        strums = []
        for at, n_steps, mark in _strokes(rhythm):
            pitch = root
            if part.guitar in ("chug", "breakdown", "gallop") and mark == "m":
                pitch = _scale_pitch(self.spec, 0, LOWEST_ROOT)  # muted strokes stay on the low string
            if part.guitar == "tremolo":  # the tune, picked as fast as the hand goes
                tone = self.tune[(at // 4 + n) % len(self.tune)]
                pitch = _scale_pitch(self.spec, degree % 7 + max(0, tone), LOWEST_ROOT)
            if part.guitar == "octaves":
                pitches: tuple[int, ...] = (pitch + 12, pitch + 24)
            else:
                pitches = (pitch,) if mark == "m" else (pitch, pitch + 7, pitch + 12)
            force = 1.0 if at % (4 if self.n_steps != 12 else 6) == 0 else 0.85
            strums.append(Strum(start + at * self.step, n_steps * self.step, pitches, mark == "m", False, force))
        return strums

    def _arpeggio(self, start: float, degree: int) -> list[Strum]:
        chord = [_scale_pitch(self.spec, degree % 7 + third, LOWEST_ROOT + 12) for third in (0, 2, 4, 7)]
        strums = []
        for i, at in enumerate(range(0, self.n_steps, 2)):
            pitch = chord[self.broken[i % len(self.broken)]]
            strums.append(Strum(start + at * self.step, 4 * self.step, (pitch,), False, True, 0.9 - 0.15 * (i % 2)))
        return strums

    def bass_bar(self, part: Part, start: float, degree: int, strums: list[Strum]) -> list[Pluck]:
        if part.guitar in ("", "octaves", "tremolo", "arpeggio"):
            root = _scale_pitch(self.spec, degree % 7, LOWEST_ROOT) - 12
            every = 2 if part.guitar in ("octaves", "tremolo") else self.n_steps // 2
            if part.guitar == "" and part.drums == "":
                return []
            return [Pluck(start + at * self.step, every * self.step, root) for at in range(0, self.n_steps, every)]
        return [Pluck(s.beat, s.beats, s.pitches[0] - 12, s.force) for s in strums]

    def voice_bar(self, part: Part, start: float, degree: int, n: int) -> list[Syllable]:
        if part.voice == "" or n % 4 == 3:  # breathe
            return []
        word = self.words[n % len(self.words)]
        steps = [int(s) for s in self.phrasing[n % 2]]
        ends = [*steps[1:], self.n_steps]
        sung = []
        for i, (at, end) in enumerate(zip(steps, ends, strict=True)):
            tone = _scale_pitch(self.spec, degree % 7 + self.tune[(4 * n + i) % len(self.tune)], 52)
            long = min(end - at, 6) * 0.9
            sung.append(Syllable(start + at * self.step, long * self.step, word[i], part.voice, tone))
        return sung

    def lead_bar(self, start: float, degree: int, n: int) -> list[Pluck]:
        half = self.n_steps // 2
        notes = []
        for i, at in enumerate((0, half - half % 2 - 2, half)):
            end = (half - half % 2 - 2, half, self.n_steps)[i]
            tone = degree % 7 + self.tune[(3 * n + i) % len(self.tune)]
            notes.append(Pluck(start + at * self.step, (end - at) * self.step, _scale_pitch(self.spec, tone, 60)))
        return notes


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _strokes(rhythm: str) -> list[tuple[int, int, str]]:
    """(step, length in steps, mark) of each stroke in a rhythm string."""
    found = []
    for at, mark in enumerate(rhythm):
        if mark in "xm":
            n = 1
            while at + n < len(rhythm) and rhythm[at + n] == "-":
                n += 1
            found.append((at, n, mark))
    return found


def _breakdown(n_steps: int, rng: np.random.Generator) -> str:
    """Chugs in groups of two, three and four sixteenths, ending in a held chord."""
    text = ""
    while len(text) < n_steps - 4:
        text += ("m.", "mm.", "m..", "mm..")[int(rng.integers(4))]
    return text[: n_steps - 4] + "x---"


def _drum_bar(
    spec: SongSpec, part: Part, start: float, n_steps: int, *, first: bool, fill: bool, rng: np.random.Generator
) -> list[Hit]:
    patterns = DRUMS[part.drums]
    pattern = patterns.get(n_steps) or {k: (v * 2)[:n_steps] for k, v in patterns[16].items()}
    step = 1.0 / STEPS_PER_BEAT[spec.metre]
    free = n_steps - 4 if fill and pattern else n_steps  # the fill takes the last four sixteenths
    hits = []
    for drum, marks in pattern.items():
        for at in range(free):
            if marks[at] == "x":
                accent = 1.0 if at % 4 == 0 or drum in ("kick", "snare") else 0.75
                hits.append(Hit(start + at * step, drum, accent))
    if pattern and first:
        hits.append(Hit(start, "crash"))
    if pattern and fill:
        for i in range(4):
            drum = ("snare", "tom1", "tom1", "tom2")[i] if rng.random() < 0.6 else "snare"
            hits.append(Hit(start + (free + i) * step, drum, 0.7 + 0.1 * i))
    return hits
