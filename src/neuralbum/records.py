"""What flows between the rooms: small frozen records, standard library only.

Their words are the house's: a *track* is theirs, a *take* is ours and not
judged yet, a *finding* is what a stage measured, an *event* is what a person
(or ``auto``) said, a *song* is a take that was kept and titled.

Identity is content: a take's id is the digest of its recipe, a finding's key
is the digest of everything it depends on. ``digest`` is the only place where
such names are made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SPLITS = ("train", "valid", "heldout")
VERDICTS = ("keep", "maybe", "drop")
HEARD = ("keep", "better", "worse")
"""What can be said of a checkpoint's clip."""
AUTO = "auto"
"""The actor that stands in where no person has decided; people always win over it."""


def canonical(value: object) -> object:
    """Reduce a value to plain JSON types in one defined way (for digests and storage).

    Dataclasses become objects, tuples become lists, float NaN and infinities are refused.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: canonical(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): canonical(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be stored: JSON has no such number; store None")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "item"):  # a NumPy scalar
        return canonical(value.item())
    raise TypeError(f"{type(value).__name__} cannot be stored: use numbers, text, lists and objects")


def digest(*parts: object) -> str:
    """Name things by what they are: 20 hexadecimal digits of BLAKE2b over canonical JSON."""
    text = json.dumps([canonical(p) for p in parts], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


@dataclass(frozen=True, slots=True)
class Track:
    """One of the band's recordings, prepared for training.

    ``split`` is one of SPLITS and holds for the whole song, so that held-out
    numbers are honest. ``gain`` (linear) is the corpus gain applied when the
    prepared audio was written: one for all tracks.
    """

    id: str
    path: str  #: the file it came from, as given
    title: str
    artist: str
    sha256: str  #: of the source file
    duration_s: float
    sample_rate: int  #: Hz, of the source
    channels: int
    split: str
    level_db: float  #: RMS of the mono mix before gain, dB re full scale
    peak_db: float


@dataclass(frozen=True, slots=True)
class Model:
    """A trained net's row: its weights lie in ``models/<id>/``."""

    id: str
    kind: str  #: which net: "samplernn", "skeleton", "flesh"
    preset: str
    sample_rate: int
    corpus_digest: str
    config: Mapping[str, Any] = field(default_factory=dict)
    created_at: float = 0.0  #: Unix seconds


@dataclass(frozen=True, slots=True)
class Recipe:
    """All it takes to make a take again, bit for bit.

    ``temperature`` is a piecewise linear schedule of (time in s, temperature)
    points; a constant is one point. ``prime`` says which bar of which of the
    model's examples the take begins like. ``conditions`` is what was asked of it
    ("tempo": beats per minute), ``flesh`` which flesh made it sound; both may be
    empty. ``origin`` is what is known of an imported take: {"sound", "generator", "file",
    "recipe"}; then nothing else here is known, and the take's name is its sound's.
    """

    model_id: str
    model_digest: str  #: of the weights file
    step: int
    seed: int  #: of the project
    number: int  #: which take of that seed: its stream is SeedSequence([seed, number])
    temperature: tuple[tuple[float, float], ...]
    n_samples: int
    sample_rate: int
    engine: str  #: name and version of the way it is played
    prime: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    flesh: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def take_id(self) -> str:
        if self.origin:
            return digest("take", "imported", self.origin["sound"])
        said = canonical(self)
        assert isinstance(said, dict)
        for late in ("conditions", "flesh", "origin"):  # takes without them keep the names they always had
            if not said[late]:
                del said[late]
        return digest("take", said)

    @property
    def mean_temperature(self) -> float | None:
        """None for an imported take: it is not known."""
        if not self.temperature:
            return None
        return sum(t for _, t in self.temperature) / len(self.temperature)


@dataclass(frozen=True, slots=True)
class Take:
    """A piece of sampled audio, not judged yet."""

    id: str
    recipe: Recipe
    path: str  #: relative to the project folder
    sha256: str
    sample_rate: int
    channels: int
    n_samples: int
    created_at: float = 0.0
    events: tuple[Mapping[str, Any], ...] = ()  #: what the watchdog did while it was made

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Finding:
    """What a stage measured about a subject (a take, a track, a model or the whole project).

    ``error`` is None for a success; a failure is a finding too, so that a
    stage never stumbles twice over the same stone without being asked.
    """

    key: str
    stage: str
    version: int
    subject: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Any]
    values: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)  #: name -> path relative to the project
    error: str | None = None
    cpu_s: float = 0.0
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody said about a take; never changed, only followed by others.

    kinds and payloads: ``verdict {value}``, ``tag {tag}``, ``untag {tag}``,
    ``style {style}``, ``note {note_id, start_s, end_s, text}``, ``unnote {note_id}``,
    ``tap {times_s, bpm, family}``, ``play {start_s, end_s, speed}``, ``undo {}``
    (``undoes`` holds the client_id of the event taken back); and about no single
    take (``take_id`` is empty): ``queue {queue_id, order, seed, takes, audit}``.
    """

    client_id: str  #: made by whoever speaks; saying it twice counts once
    at: float  #: Unix seconds
    actor: str
    kind: str
    take_id: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    session: str = ""
    pass_name: str = ""
    undoes: str | None = None
    id: int = 0  #: position in the log, given by the catalogue


@dataclass(frozen=True, slots=True)
class Note:
    """Something heard in a stretch of a take: "breakdown in 6/8"."""

    note_id: str
    start_s: float
    end_s: float
    text: str
    actor: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where a take stands: the fold of its events, of all people's or of one person's alone."""

    take_id: str
    verdict: str | None = None
    actor: str | None = None  #: who decided
    by_actor: Mapping[str, str] = field(default_factory=dict)  #: whoever spoke last comes last
    by_pass: Mapping[str, str] = field(default_factory=dict)  #: pass -> the last verdict in it, the latest pass last
    tags: tuple[str, ...] = ()
    style: str | None = None
    notes: tuple[Note, ...] = ()
    bpm: float | None = None  #: tapped; 0.0 means "no pulse"; None means nobody tapped
    taps_s: tuple[float, ...] = ()
    heard_s: float = 0.0  #: seconds that were played, repeats counted
    heard: tuple[tuple[float, float], ...] = ()  #: stretches (start_s, end_s) heard at least once, merged
    at: float = 0.0  #: of the last event, Unix seconds

    def share_heard(self, duration_s: float) -> float:
        """Share of a take that was played at least once, in [0, 1]."""
        if duration_s <= 0:
            return 0.0
        return min(1.0, sum(min(end, duration_s) - min(start, duration_s) for start, end in self.heard) / duration_s)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a person said of a clip of a checkpoint."""

    step: int
    clip: int  #: its number
    actor: str
    value: str  #: one of HEARD


@dataclass(frozen=True, slots=True)
class RunOpinion:
    """What people said of a training: the fold of the events about it."""

    model_id: str
    name: str = ""  #: what people call it
    starred: bool = False
    starred_steps: tuple[int, ...] = ()  #: checkpoints with a star of their own
    heard: tuple[Heard, ...] = ()  #: the last word of each person about each clip

    def score(self, step: int | None = None) -> float | None:
        """From -1 (all worse) to 1 (all better or kept), of one checkpoint or all; None where nobody said anything.

        ``better`` and ``worse`` compare with the clip that played before, ``keep`` is said of a clip for itself.
        """
        said = [h.value for h in self.heard if step is None or h.step == step]
        return sum(-1.0 if value == "worse" else 1.0 for value in said) / len(said) if said else None


@dataclass(frozen=True, slots=True)
class BlindTest:
    """Two checkpoints compared by a person who does not know which is which."""

    test_id: str
    actor: str
    a: str  #: ID@step
    b: str
    n: int  #: trials that were planned
    chosen: tuple[str, ...] = ()  #: "a" or "b" of each trial that was answered, in their order

    @property
    def done(self) -> bool:
        return len(self.chosen) >= self.n


@dataclass(frozen=True, slots=True)
class Song:
    """A take that was kept and titled: number and title are unique in the album."""

    number: int
    take_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the energy ledger: what ran, where, for how long.

    Written by every stage, failed and abandoned work included; the footprint
    room turns it into energy and carbon.
    """

    stage: str
    started_at: float
    wall_s: float
    cpu_s: float
    device: str = "cpu"
    device_s: float = 0.0  #: seconds an accelerator was held
    n_done: int = 0
    n_failed: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
