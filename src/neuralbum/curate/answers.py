"""What the server answers, as types: the page's TypeScript mirrors them, the API page is made from them."""

from __future__ import annotations

from typing import Any, TypedDict


class Refused(TypedDict):
    client_id: str
    reason: str


class EventsAnswer(TypedDict):
    """After POST /api/events: every event is either in the log now or refused with a reason."""

    new: int  #: how many were not known before
    refused: list[Refused]
    rows: list[Row]  #: of the takes that were judged or tapped now: a row says more then
    last_id: int  #: highest id in the log
    durable_id: int  #: events up to this id survive a power cut; keep later ones in the outbox
    now: int  #: for /api/news


class NoteWords(TypedDict):
    id: str
    start_s: float
    end_s: float
    text: str
    actor: str


class Mine(TypedDict):
    """What this curator said about a take."""

    verdict: str | None
    by_pass: dict[str, str]
    tags: list[str]
    notes: list[NoteWords]
    bpm: float | None
    taps_s: list[float]


class Other(TypedDict):
    actor: str
    verdict: str | None
    bpm: float | None
    tags: list[str]


class State(TypedDict):
    """Where a take stands for this curator; ``others`` and ``album`` are withheld while it is blind."""

    mine: Mine
    heard: float  #: share of the take this curator played, 0 to 1
    blind: bool
    album: str | None
    who: str | None
    others: list[Other]
    other_notes: list[NoteWords]


class Row(TypedDict):
    """A take on the wall."""

    id: str
    number: int
    duration_s: float
    temperature: float
    model: str
    caption: str
    flags: list[str]
    score: float | None
    loudness_lufs: float | None
    withheld: bool  #: flags, score and what the caption says of them are not told yet


class Atlas(TypedDict):
    url: str
    start: int  #: position in the queue of its first cell
    end: int


class Undoable(TypedDict):
    client_id: str
    take_id: str
    kind: str
    before: Mine


class QueueAnswer(TypedDict):
    id: str
    order: str
    n_new: int  #: takes that came after the queue was frozen


class DeskAnswer(TypedDict):
    """Everything a pass needs to begin: one request."""

    pass_name: str
    queue: QueueAnswer
    rows: list[Row]
    state: dict[str, State]
    atlases: list[Atlas]
    columns: int
    undo: list[Undoable]
    blind: bool  #: a second pass is open
    now: int


class NewsAnswer(TypedDict):
    state: dict[str, State]
    rows: list[Row]  #: of the same takes: a row says more once its take is judged
    blind: bool  #: a second pass is open
    now: int


class SessionAnswer(TypedDict):
    project: str
    project_id: str  #: keeps the outboxes of two projects on one address apart
    artist: str
    actor: str
    may_choose_actor: bool
    people: list[str]
    n_takes: int
    passes: list[str]
    tags: list[str]
    excerpt_s: float
    heard_in_full: float


class BandSong(TypedDict):
    """One of the band's own songs, to hear beside a take."""

    id: str
    title: str
    duration_s: float


class BandAnswer(TypedDict):
    songs: list[BandSong]  #: those whose files are where they were


class Point(TypedDict):
    at_s: float
    why: str


class Flag(TypedDict):
    name: str
    value: float | None
    threshold: float | None
    ranges: list[list[float]]


class TakeAnswer(TypedDict):
    """A take while it is listened to. ``machine_tempo`` is withheld until this curator has tapped."""

    id: str
    points: list[Point]
    flags: list[Flag]
    reasons: list[str]
    machine_tempo: dict[str, Any] | None
    state: State
    facts: dict[str, str]
    withheld: bool  #: flags and reasons are not told yet


class Pair(TypedDict):
    first: str
    second: str
    n: int
    kappa: float | None
    tempo_n: int
    tempo_same: float | None
    tempo_same_pulse: float | None
    region_overlap: float | None


class AgreementAnswer(TypedDict):
    blind: bool  #: withheld while a second pass is open
    pairs: list[Pair]
    alpha: float | None
    n_takes: int
    n_disputed: int


class MissedAnswer(TypedDict):
    n_unheard: int
    n_audited: int
    n_audited_kept: int
    estimate: float | None
    low: float
    high: float


class ProgressAnswer(TypedDict):
    n_takes: int
    verdicts: dict[str, int]
    by_pass: dict[str, int]  #: takes this curator decided in each pass
    heard_in_full: int
    heard_h: float
    missed: dict[str, MissedAnswer]  #: pass -> estimate, where the queue was ranked


class TitledTake(TypedDict):
    """A kept take, and the title it has, if any."""

    id: str
    number: int
    duration_s: float
    caption: str
    title: str | None


class Candidate(TypedDict):
    """A title that may be given; ``seeds`` are the words its own are near to."""

    title: str
    rule: str
    seeds: list[str]


class TitlesAnswer(TypedDict):
    """Kept takes in the album's order, and what they might be called."""

    phrase: str
    takes: list[TitledTake]
    candidates: list[Candidate]
    mark: str  #: names what was just said, to take it back; empty if nothing was


class CalibrationPoint(TypedDict):
    predicted: float
    kept: float
    n: int


class RankerAnswer(TypedDict):
    """How far the ranking's scores can be trusted: each on a take whose verdict that fit had not seen."""

    n_verdicts: int
    n_kept: int
    n_needed: int  #: of each kind before anything is learned; ``points`` is empty until then
    points: list[CalibrationPoint]
    drift: list[CalibrationPoint]  #: the same in the order people judged, earliest first
    error: float | None  #: mean distance of ``predicted`` and ``kept`` over the points, weighted by ``n``
    blind: bool  #: withheld while a second pass is open
