/** What the server answers: the mirror of answers.py. */

export type Verdict = 'keep' | 'maybe' | 'drop';
export const PASSES = ['eye', 'ear', 'full', 'second', 'disputes'] as const;
export type PassName = (typeof PASSES)[number];

export interface NoteWords {
  id: string;
  start_s: number;
  end_s: number;
  text: string;
  actor: string;
}

export interface Mine {
  verdict: Verdict | null;
  by_pass: Record<string, Verdict>;
  tags: string[];
  notes: NoteWords[];
  bpm: number | null;
  taps_s: number[];
}

export interface Other {
  actor: string;
  verdict: Verdict | null;
  bpm: number | null;
  tags: string[];
}

export interface State {
  mine: Mine;
  heard: number;
  blind: boolean;
  album: Verdict | null;
  who: string | null;
  others: Other[];
  other_notes: NoteWords[];
}

export interface Row {
  id: string;
  number: number;
  duration_s: number;
  temperature: number;
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

export interface Undoable {
  client_id: string;
  take_id: string;
  kind: string;
  before: Mine;
}

export interface DeskAnswer {
  pass_name: PassName;
  queue: { id: string; order: string; n_new: number };
  rows: Row[];
  state: Record<string, State>;
  atlases: Atlas[];
  columns: number;
  undo: Undoable[];
  blind: boolean;
  now: number;
}

export interface SessionAnswer {
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

export interface Point {
  at_s: number;
  why: string;
}

export interface Flag {
  name: string;
  value: number | null;
  threshold: number | null;
  ranges: [number, number][];
}

export interface TakeAnswer {
  id: string;
  points: Point[];
  flags: Flag[];
  reasons: string[];
  machine_tempo: { base_bpm?: number; clarity?: number } | null;
  state: State;
  facts: Record<string, string>;
  withheld: boolean;
}

export interface NewsAnswer {
  state: Record<string, State>;
  rows: Row[];
  blind: boolean;
  now: number;
}

/** One of the band's songs, to hear beside a take. */
export interface BandSong {
  id: string;
  title: string;
  duration_s: number;
}

export interface EventsAnswer {
  new: number;
  rows: Row[];
  refused: { client_id: string; reason: string }[];
  last_id: number;
  durable_id: number;
  now: number;
}

export interface TitledTake {
  id: string;
  number: number;
  duration_s: number;
  caption: string;
  title: string | null;
}

export interface Candidate {
  title: string;
  rule: string;
  seeds: string[];
}

export interface TitlesAnswer {
  phrase: string;
  takes: TitledTake[];
  candidates: Candidate[];
  mark: string;
}

export interface CalibrationPoint {
  predicted: number;
  kept: number;
  n: number;
}

export interface RankerAnswer {
  n_verdicts: number;
  n_kept: number;
  n_needed: number;
  points: CalibrationPoint[];
  drift: CalibrationPoint[];
  error: number | null;
  blind: boolean;
}

/** One thing said; the server adds who and gives it a place in the log. */
export interface Said {
  client_id: string;
  kind: string;
  take_id: string;
  payload: Record<string, unknown>;
  pass: string;
  session: string;
  at: number;
  undoes?: string;
}

export const NOTHING_SAID: Mine = { verdict: null, by_pass: {}, tags: [], notes: [], bpm: null, taps_s: [] };
export const NOTHING_KNOWN: State = {
  mine: NOTHING_SAID,
  heard: 0,
  blind: false,
  album: null,
  who: null,
  others: [],
  other_notes: [],
};
