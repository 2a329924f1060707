/** What the server answers. Made by scripts/page_types.py from curate/responses.py: change it there. */

export const VERDICTS = ['keep', 'maybe', 'drop'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const PASSES = ['eye', 'ear', 'full', 'second', 'disputes'] as const;
export type PassName = (typeof PASSES)[number];

export interface RefusedEvent {
  client_id: string;
  reason: string;
}

/** After POST /api/events: every event is either in the log now or refused with a reason. */
export interface EventsResponse {
  new: number;
  refused: RefusedEvent[];
  rows: TakeRow[];
  last_id: number;
  durable_id: number;
  now: number;
}

export interface NoteResponse {
  id: string;
  start_s: number;
  end_s: number;
  text: string;
  actor: string;
}

/** What this curator said about a take. */
export interface Mine {
  verdict: Verdict | null;
  by_pass: Record<string, Verdict>;
  tags: string[];
  notes: NoteResponse[];
  bpm: number | null;
  taps_s: number[];
}

export interface OtherPerson {
  actor: string;
  verdict: Verdict | null;
  bpm: number | null;
  tags: string[];
}

/** Where a take stands for this curator; ``others`` and ``album`` are withheld while it is blind. */
export interface TakeState {
  mine: Mine;
  heard: number;
  blind: boolean;
  album: Verdict | null;
  who: string | null;
  others: OtherPerson[];
  other_notes: NoteResponse[];
}

/** A take on the wall. */
export interface TakeRow {
  id: string;
  number: number;
  duration_s: number;
  temperature: number | null;
  model: string;
  caption: string;
  flags: string[];
  score: number | null;
  loudness_lufs: number | null;
  withheld: boolean;
}

export interface Atlas {
  url: string;
  start: number;
  end: number;
}

export interface UndoStep {
  client_id: string;
  take_id: string;
  kind: string;
  before: Mine;
}

export interface QueueResponse {
  id: string;
  order: string;
  n_new: number;
}

/** Everything a pass needs to begin: one request. */
export interface PassResponse {
  pass_name: PassName;
  queue: QueueResponse;
  rows: TakeRow[];
  state: Record<string, TakeState>;
  atlases: Atlas[];
  columns: number;
  undo: UndoStep[];
  blind: boolean;
  now: number;
}

export interface NewsResponse {
  state: Record<string, TakeState>;
  rows: TakeRow[];
  blind: boolean;
  now: number;
}

export interface SessionResponse {
  project: string;
  project_id: string;
  artist: string;
  actor: string;
  may_choose_actor: boolean;
  people: string[];
  n_takes: number;
  passes: PassName[];
  tags: string[];
  excerpt_s: number;
  heard_in_full: number;
}

/** One of the band's own songs, to hear beside a take. */
export interface BandSong {
  id: string;
  title: string;
  duration_s: number;
}

export interface BandResponse {
  songs: BandSong[];
}

export interface Highlight {
  at_s: number;
  why: string;
}

export interface ScreenFlag {
  name: string;
  value: number | null;
  threshold: number | null;
  ranges: [number, number][];
}

/** What the screen heard; see docs/screen.md. */
export interface MachineTempo {
  base_bpm?: number;
  clarity?: number;
}

/** A take while it is listened to. ``machine_tempo`` is withheld until this curator has tapped. */
export interface TakeResponse {
  id: string;
  points: Highlight[];
  flags: ScreenFlag[];
  reasons: string[];
  machine_tempo: MachineTempo | null;
  state: TakeState;
  facts: Record<string, string>;
  withheld: boolean;
}

export interface PairAgreement {
  first: string;
  second: string;
  n: number;
  kappa: number | null;
  tempo_n: number;
  tempo_same: number | null;
  tempo_same_pulse: number | null;
  region_overlap: number | null;
}

export interface AgreementResponse {
  blind: boolean;
  pairs: PairAgreement[];
  alpha: number | null;
  n_takes: number;
  n_disputed: number;
}

export interface MissedResponse {
  n_unheard: number;
  n_audited: number;
  n_audited_kept: number;
  estimate: number | null;
  low: number;
  high: number;
}

export interface ProgressResponse {
  n_takes: number;
  verdicts: Record<string, number>;
  by_pass: Record<string, number>;
  heard_in_full: number;
  heard_h: number;
  missed: Record<string, MissedResponse>;
}

/** A kept take, and the title it has, if any. */
export interface TitledTake {
  id: string;
  number: number;
  duration_s: number;
  caption: string;
  title: string | null;
}

/** A title that may be given; ``seeds`` are the words its own are near to. */
export interface TitleCandidate {
  title: string;
  rule: string;
  seeds: string[];
}

/** Kept takes in the album's order, and what they might be called. */
export interface TitlesResponse {
  phrase: string;
  takes: TitledTake[];
  candidates: TitleCandidate[];
  mark: string;
}

export interface CalibrationPoint {
  predicted: number;
  kept: number;
  n: number;
}

/** How far the ranking's scores can be trusted: each on a take whose verdict that fit had not seen. */
export interface RankerResponse {
  n_verdicts: number;
  n_kept: number;
  n_needed: number;
  points: CalibrationPoint[];
  drift: CalibrationPoint[];
  error: number | null;
  blind: boolean;
}
