/** Talking to the server. Asking again is always safe: every request is idempotent. */
import { Refused } from './outbox.ts';
import type { BandSong, DeskAnswer, EventsAnswer, NewsAnswer, PassName, RankerAnswer, Said, SessionAnswer, TakeAnswer, TitlesAnswer } from './types.ts';

const TIMEOUT_MS = 15_000;
/** Where the browser remembers who curates. */
export const CURATOR = 'neuralbum.curator';

export type TitleWords = { verb: 'keep'; take_id: string; title: string } | { verb: 'reject'; title: string } | { verb: 'undo'; mark: string };

export class Api {
  actor: string | null = null;

  private async ask<T>(path: string, body?: unknown, actor: string | null = this.actor): Promise<T> {
    const headers: Record<string, string> = {};
    if (actor) headers['x-curator'] = encodeURIComponent(actor);
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!answer.ok) {
      let why = `${answer.status}`;
      try {
        why = ((await answer.json()) as { error: string }).error;
      } catch {
        // the status must do
      }
      // 401 and 421 say who may talk, not that the words were wrong: keep them.
      throw answer.status === 400 || answer.status === 413 ? new Refused(why) : new Error(why);
    }
    return (await answer.json()) as T;
  }

  session = (): Promise<SessionAnswer> => this.ask('/api/session');
  /** A pass; its queue is frozen at first sight, but for the second pass, whose takes are drawn by hand. */
  desk = async (pass: PassName): Promise<DeskAnswer> => {
    const found = await this.ask<DeskAnswer>(`/api/desk/${pass}`);
    return found.queue.id || pass === 'second' ? found : this.ask(`/api/desk/${pass}`, {});
  };
  newQueue = (pass: PassName, order: string): Promise<DeskAnswer> => this.ask(`/api/queue/${pass}?order=${order}`, {});
  /** All that is kept, to be heard blind once more. */
  hearAgain = (): Promise<DeskAnswer> => this.ask('/api/queue/second?of=kept', {});
  bandSongs = (): Promise<{ songs: BandSong[] }> => this.ask('/api/band');
  take = (id: string): Promise<TakeAnswer> => this.ask(`/api/takes/${id}`);
  news = (since: number): Promise<NewsAnswer> =>
    this.ask(`/api/news?since=${since}`);
  numbers = async (): Promise<[Agreement, Progress, RankerAnswer]> =>
    Promise.all([this.ask<Agreement>('/api/agreement'), this.ask<Progress>('/api/progress'), this.ask<RankerAnswer>('/api/ranker')]);
  titles = (): Promise<TitlesAnswer> => this.ask('/api/titles');
  sayTitle = (words: TitleWords): Promise<TitlesAnswer> => this.ask('/api/titles', words);
  say = (actor: string, events: Said[]): Promise<EventsAnswer> => this.ask('/api/events', { events }, actor);

  async levels(id: string): Promise<{ rows: number; frames: number; data: Uint8Array }> {
    const answer = await fetch(`/media/${id}.mel`);
    if (!answer.ok) throw new Error(`${answer.status}`);
    const buffer = await answer.arrayBuffer();
    const head = new DataView(buffer);
    return { rows: head.getUint32(0, true), frames: head.getUint32(4, true), data: new Uint8Array(buffer, 8) };
  }
}

export interface Agreement {
  blind: boolean;
  pairs: {
    first: string;
    second: string;
    n: number;
    kappa: number | null;
    tempo_n: number;
    tempo_same: number | null;
    tempo_same_pulse: number | null;
    region_overlap: number | null;
  }[];
  alpha: number | null;
  n_takes: number;
  n_disputed: number;
}

export interface Progress {
  n_takes: number;
  verdicts: Record<string, number>;
  by_pass: Record<string, number>;
  heard_in_full: number;
  heard_h: number;
  missed: Record<
    string,
    { n_unheard: number; n_audited: number; n_audited_kept: number; estimate: number | null; low: number; high: number }
  >;
}
