/**
 * Titles for what was kept: one key keeps or rejects the candidate on show.
 *
 * What a key did shows at once; the server hears of it in order, and its answer
 * counts as soon as nothing of ours is on the way. A title is refused there, not
 * here (it may be another take's by now): then the page shows what the server has.
 */
import type { Api, TitleWords } from './api.ts';
import type { TitleCandidate, TitledTake, TitlesResponse } from './types.ts';

interface Step {
  take_id: string;
  words: string;
  mark: Promise<string>;
}

export class Titles {
  phrase = '';
  takes: TitledTake[] = [];
  candidates: TitleCandidate[] = [];
  cursor = 0;
  words = '';
  error = '';
  onchange: () => void = () => {};
  onmove: () => void = () => {};
  private api: Pick<Api, 'titles' | 'sayTitle'>;
  private line: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private undos: Step[] = [];

  constructor(api: Pick<Api, 'titles' | 'sayTitle'>) {
    this.api = api;
  }

  async open(): Promise<void> {
    this.take(await this.api.titles());
    const first = this.takes.findIndex((t) => t.title === null);
    this.cursor = Math.max(0, first);
    this.onmove();
    this.onchange();
  }

  get current(): TitledTake | null {
    return this.takes[this.cursor] ?? null;
  }

  get candidate(): TitleCandidate | null {
    return this.candidates[0] ?? null;
  }

  get nTitled(): number {
    return this.takes.filter((t) => t.title !== null).length;
  }

  /** All that was said has arrived. */
  settled(): Promise<unknown> {
    return this.line;
  }

  moveTo(index: number): void {
    const to = Math.max(0, Math.min(this.takes.length - 1, index));
    if (to === this.cursor) return;
    this.cursor = to;
    this.onmove();
    this.onchange();
  }

  /** Give the take under the cursor a candidate (the first unless another is named) and go on to the next without a title. */
  keep(which = 0): void {
    const chosen = this.candidates[which];
    if (chosen) this.give(chosen.title);
    else this.announce('no candidate left');
  }

  /** A title of one's own. */
  give(text: string): void {
    const take = this.current;
    const title = text.trim().replace(/\s+/g, ' ');
    if (!take || !title) return;
    this.takes = this.takes.map((t) => (t.id === take.id ? { ...t, title } : t));
    this.candidates = this.candidates.filter((c) => c.title !== title);
    this.send({ verb: 'keep', take_id: take.id, title }, take.id, `${take.number} is ${title}`);
    const next = this.nextOpen();
    if (next >= 0) {
      this.cursor = next;
      this.onmove();
    }
    this.onchange();
  }

  reject(): void {
    const chosen = this.candidate;
    if (!chosen) return this.announce('no candidate left');
    this.candidates = this.candidates.slice(1);
    this.send({ verb: 'reject', title: chosen.title }, this.current?.id ?? '', `not ${chosen.title}`);
  }

  undo(): void {
    const step = this.undos.pop();
    if (!step) return this.announce('nothing to undo');
    this.waiting++;
    this.line = this.line
      .then(async () => {
        const mark = await step.mark;
        const answer = mark ? await this.api.sayTitle({ verb: 'undo', mark }) : await this.api.titles();
        this.waiting--;
        this.take(answer);
        const at = this.takes.findIndex((t) => t.id === step.take_id);
        if (at >= 0) this.cursor = at;
        this.onmove();
        this.announce(`took back: ${step.words}`);
      })
      .catch((why: Error) => this.failed(why));
  }

  private nextOpen(): number {
    const after = this.takes.findIndex((t, i) => i > this.cursor && t.title === null);
    return after >= 0 ? after : this.takes.findIndex((t) => t.title === null);
  }

  private send(words: TitleWords, take_id: string, spoken: string): void {
    this.waiting++;
    const said = this.line.then(async () => {
      const answer = await this.api.sayTitle(words);
      this.waiting--;
      if (this.waiting === 0) this.take(answer);
      else this.candidates = merged(this.candidates, answer.candidates);
      this.error = '';
      this.onchange();
      return answer.mark;
    });
    const mark = said.catch(() => '');
    this.undos.push({ take_id, words: spoken, mark });
    this.line = said.catch((why: Error) => this.failed(why));
    this.announce(spoken);
  }

  private async failed(why: Error): Promise<void> {
    this.waiting--;
    this.error = why.message;
    this.undos.pop();
    try {
      this.take(await this.api.titles());
    } catch {
      // the server is away; what it has shows when it is back
    }
    this.onchange();
  }

  private take(answer: TitlesResponse): void {
    const here = this.current?.id;
    this.phrase = answer.phrase;
    this.takes = answer.takes;
    this.candidates = answer.candidates;
    const at = this.takes.findIndex((t) => t.id === here);
    this.cursor = at >= 0 ? at : Math.min(this.cursor, Math.max(0, this.takes.length - 1));
  }

  private announce(words: string): void {
    this.words = words;
    this.onchange();
  }
}

/** What is on show stays; what the server offers beyond it comes after. */
function merged(shown: TitleCandidate[], offered: TitleCandidate[]): TitleCandidate[] {
  const known = new Set(shown.map((c) => c.title));
  const last = offered.findIndex((c) => c.title === shown[shown.length - 1]?.title);
  return last < 0 ? shown : [...shown, ...offered.slice(last + 1).filter((c) => !known.has(c.title))];
}
