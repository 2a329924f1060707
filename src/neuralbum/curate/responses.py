"""What the server answers, as types: the page's TypeScript and the API page are made from them.

``scripts/page_types.py`` writes curate/web/src/api_types.ts from this file; a test holds it fresh.
"""

from __future__ import annotations

from typing import Literal, TypedDict

Verdict = Literal["keep", "maybe", "drop"]
PassName = Literal["eye", "ear", "full", "second", "disputes"]


class RefusedEvent(TypedDict):
    client_id: str
    reason: str


class EventsResponse(TypedDict):
    """After POST /api/events: every event is either in the log now or refused with a reason."""

    new: int  #: how many were not known before
    refused: list[RefusedEvent]
    rows: list[TakeRow]  #: of the takes that were judged or tapped now: a row says more then
    last_id: int  #: highest id in the log
    durable_id: int  #: events up to this id survive a power cut; keep later ones in the outbox
    now: int  #: for /api/news


class NoteResponse(TypedDict):
    id: str
    start_s: float
    end_s: float
    text: str
    actor: str


class Mine(TypedDict):
    """What this curator said about a take."""

    verdict: Verdict | None
    by_pass: dict[str, Verdict]
    tags: list[str]
    notes: list[NoteResponse]
    bpm: float | None
    taps_s: list[float]


class OtherPerson(TypedDict):
    actor: str
    verdict: Verdict | None
    bpm: float | None
    tags: list[str]


class TakeState(TypedDict):
    """Where a take stands for this curator; ``others`` and ``album`` are withheld while it is blind."""

    mine: Mine
    heard: float  #: share of the take this curator played, 0 to 1
    blind: bool
    album: Verdict | None
    who: str | None
    others: list[OtherPerson]
    other_notes: list[NoteResponse]


class TakeRow(TypedDict):
    """A take on the wall."""

    id: str
    number: int
    duration_s: float
    temperature: float | None  #: None: an imported take
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


class UndoStep(TypedDict):
    client_id: str
    take_id: str
    kind: str
    before: Mine


class QueueResponse(TypedDict):
    id: str
    order: str
    n_new: int  #: takes that came after the queue was frozen


class PassResponse(TypedDict):
    """Everything a pass needs to begin: one request."""

    pass_name: PassName
    queue: QueueResponse
    rows: list[TakeRow]
    state: dict[str, TakeState]
    atlases: list[Atlas]
    columns: int
    undo: list[UndoStep]
    blind: bool  #: a second pass is open
    now: int


class NewsResponse(TypedDict):
    state: dict[str, TakeState]
    rows: list[TakeRow]  #: of the same takes: a row says more once its take is judged
    blind: bool  #: a second pass is open
    now: int


class SessionResponse(TypedDict):
    project: str
    project_id: str  #: keeps the outboxes of two projects on one address apart
    artist: str
    actor: str
    may_choose_actor: bool
    people: list[str]
    n_takes: int
    passes: list[PassName]
    tags: list[str]
    excerpt_s: float
    heard_in_full: float


class BandSong(TypedDict):
    """One of the band's own songs, to hear beside a take."""

    id: str
    title: str
    duration_s: float


class BandResponse(TypedDict):
    songs: list[BandSong]  #: those whose files are where they were


class Highlight(TypedDict):
    at_s: float
    why: str


class ScreenFlag(TypedDict):
    name: str
    value: float | None
    threshold: float | None
    ranges: list[tuple[float, float]]


class MachineTempo(TypedDict, total=False):
    """What the screen heard; see docs/screen.md."""

    base_bpm: float
    clarity: float


class TakeResponse(TypedDict):
    """A take while it is listened to. ``machine_tempo`` is withheld until this curator has tapped."""

    id: str
    points: list[Highlight]
    flags: list[ScreenFlag]
    reasons: list[str]
    machine_tempo: MachineTempo | None
    state: TakeState
    facts: dict[str, str]
    withheld: bool  #: flags and reasons are not told yet


class PairAgreement(TypedDict):
    first: str
    second: str
    n: int
    kappa: float | None
    tempo_n: int
    tempo_same: float | None
    tempo_same_pulse: float | None
    region_overlap: float | None


class AgreementResponse(TypedDict):
    blind: bool  #: withheld while a second pass is open
    pairs: list[PairAgreement]
    alpha: float | None
    n_takes: int
    n_disputed: int


class MissedResponse(TypedDict):
    n_unheard: int
    n_audited: int
    n_audited_kept: int
    estimate: float | None
    low: float
    high: float


class ProgressResponse(TypedDict):
    n_takes: int
    verdicts: dict[str, int]
    by_pass: dict[str, int]  #: takes this curator decided in each pass
    heard_in_full: int
    heard_h: float
    missed: dict[str, MissedResponse]  #: pass -> estimate, where the queue was ranked


class TitledTake(TypedDict):
    """A kept take, and the title it has, if any."""

    id: str
    number: int
    duration_s: float
    caption: str
    title: str | None


class TitleCandidate(TypedDict):
    """A title that may be given; ``seeds`` are the words its own are near to."""

    title: str
    rule: str
    seeds: list[str]


class TitlesResponse(TypedDict):
    """Kept takes in the album's order, and what they might be called."""

    phrase: str
    takes: list[TitledTake]
    candidates: list[TitleCandidate]
    mark: str  #: names what was just said, to take it back; empty if nothing was


class CalibrationPoint(TypedDict):
    predicted: float
    kept: float
    n: int


class RankerResponse(TypedDict):
    """How far the ranking's scores can be trusted: each on a take whose verdict that fit had not seen."""

    n_verdicts: int
    n_kept: int
    n_needed: int  #: of each kind before anything is learned; ``points`` is empty until then
    points: list[CalibrationPoint]
    drift: list[CalibrationPoint]  #: the same in the order people judged, earliest first
    error: float | None  #: mean distance of ``predicted`` and ``kept`` over the points, weighted by ``n``
    blind: bool  #: withheld while a second pass is open
