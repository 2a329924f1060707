/** The server's types, and what the page adds to them. */
import type { Mine, TakeState } from './api_types.ts';

export * from './api_types.ts';

/** One thing said; the server adds who and gives it a place in the log. */
export interface OutgoingEvent {
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
export const NOTHING_KNOWN: TakeState = {
  mine: NOTHING_SAID,
  heard: 0,
  blind: false,
  album: null,
  who: null,
  others: [],
  other_notes: [],
};
