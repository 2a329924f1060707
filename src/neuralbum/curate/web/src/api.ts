/** Talking to the server. Asking again is always safe: every request is idempotent. */
import { Refused } from './outbox.ts';
import type { AgreementResponse, BandResponse, EventsResponse, NewsResponse, PassName, PassResponse, ProgressResponse, RankerResponse, OutgoingEvent, SessionResponse, TakeResponse, TitlesResponse } from './types.ts';

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

  session = (): Promise<SessionResponse> => this.ask('/api/session');
  /** A pass; its queue is frozen at first sight, but for the second pass, whose takes are drawn by hand. */
  openPass = async (pass: PassName): Promise<PassResponse> => {
    const found = await this.ask<PassResponse>(`/api/passes/${pass}`);
    return found.queue.id || pass === 'second' ? found : this.ask(`/api/passes/${pass}`, {});
  };
  newQueue = (pass: PassName, order: string): Promise<PassResponse> => this.ask(`/api/queue/${pass}?order=${order}`, {});
  /** All that is kept, to be heard blind once more. */
  hearAgain = (): Promise<PassResponse> => this.ask('/api/queue/second?of=kept', {});
  bandSongs = (): Promise<BandResponse> => this.ask('/api/band');
  take = (id: string): Promise<TakeResponse> => this.ask(`/api/takes/${id}`);
  news = (since: number): Promise<NewsResponse> =>
    this.ask(`/api/news?since=${since}`);
  numbers = async (): Promise<[AgreementResponse, ProgressResponse, RankerResponse]> =>
    Promise.all([this.ask<AgreementResponse>('/api/agreement'), this.ask<ProgressResponse>('/api/progress'), this.ask<RankerResponse>('/api/ranker')]);
  titles = (): Promise<TitlesResponse> => this.ask('/api/titles');
  sayTitle = (words: TitleWords): Promise<TitlesResponse> => this.ask('/api/titles', words);
  say = (actor: string, events: OutgoingEvent[]): Promise<EventsResponse> => this.ask('/api/events', { events }, actor);

  async levels(id: string): Promise<{ rows: number; frames: number; data: Uint8Array }> {
    const answer = await fetch(`/media/${id}.mel`);
    if (!answer.ok) throw new Error(`${answer.status}`);
    const buffer = await answer.arrayBuffer();
    const head = new DataView(buffer);
    return { rows: head.getUint32(0, true), frames: head.getUint32(4, true), data: new Uint8Array(buffer, 8) };
  }
}
