/**
 * One sitting: the queue, the cursor, what was said, and how to take it back.
 *
 * The page shows what a person said at once; the outbox brings it to the server;
 * the server's word replaces ours when it arrives, with what it cannot know yet
 * laid on top. No framework here: the page listens to `onchange`.
 */
import type { Api } from './api.ts';
import { apply } from './annotation.ts';
import type { Outbox } from './outbox.ts';
import type { PassResponse, Mine, PassName, TakeRow, OutgoingEvent, SessionResponse, TakeState, Verdict } from './types.ts';
import { NOTHING_KNOWN } from './types.ts';

export interface Filter {
  text: string; // in caption, tags, flags or number
  flag: string; // "" any, "none", or a flag's name
  tag: string;
  verdict: string; // "" any, "none", keep, maybe, drop
  model: string;
  tempo: [number, number] | null; // tapped
  temperature: [number, number] | null;
  sort: Sort;
}

/** Ways to put the takes in view in order; '' is the queue's own. */
export const SORTS = {
  '': 'as queued',
  shortest: 'shortest first',
  longest: 'longest first',
  quietest: 'quietest first',
  loudest: 'loudest first',
  coldest: 'coldest first',
  hottest: 'hottest first',
} as const;
export type Sort = keyof typeof SORTS;

const MEASURE: Record<Exclude<Sort, ''>, [(row: TakeRow) => number | null, 1 | -1]> = {
  shortest: [(row) => row.duration_s, 1],
  longest: [(row) => row.duration_s, -1],
  quietest: [(row) => row.loudness_lufs, 1],
  loudest: [(row) => row.loudness_lufs, -1],
  coldest: [(row) => row.temperature, 1],
  hottest: [(row) => row.temperature, -1],
};

export const NO_FILTER: Filter = { text: '', flag: '', tag: '', verdict: '', model: '', tempo: null, temperature: null, sort: '' };

/** What a filter asks for, in words: empty if it lets all through in the queue's order. */
export function filterWords(f: Filter): string[] {
  const range = ([low, high]: [number, number], unit: string): string =>
    high === Infinity ? `${unit} from ${low}` : low === 0 ? `${unit} to ${high}` : `${unit} ${low}–${high}`;
  return [
    f.text.trim() && `“${f.text.trim()}”`,
    f.verdict && (f.verdict === 'none' ? 'not decided' : f.verdict),
    f.flag && (f.flag === 'none' ? 'no flag' : `flag ${f.flag}`),
    f.tag && `tag ${f.tag}`,
    f.model && `model ${f.model}`,
    f.tempo && range(f.tempo, 'BPM'),
    f.temperature && range(f.temperature, 'T'),
    f.sort && SORTS[f.sort],
  ].filter((word): word is string => Boolean(word));
}

interface Step {
  client_id: string;
  take_id: string;
  kind: string;
  before: Mine;
  after: Mine;
  together?: string; // said with others in one go, and taken back with them
}

const RECENT = 9;
/** What the pool calls a song of the band. */
export const BAND = 'band:';

export class Session {
  about!: SessionResponse;
  pass: PassName = 'eye';
  queue: PassResponse['queue'] = { id: '', order: '', n_new: 0 };
  atlases: PassResponse['atlases'] = [];
  columns = 15;
  rows: TakeRow[] = [];
  view: number[] = []; // indices into rows, frozen when the filter is set
  cursor = 0; // index into view
  filter: Filter = NO_FILTER;
  pinned: string | null = null;
  recentTags: string[] = [];
  words = ''; // what was last announced
  ended = false; // the last take of the view was decided
  anchor: number | null = null; // where a selection began, an index into view; it reaches to the cursor
  blind = false; // a second pass is open
  /** Rows whose looks changed; null: everything. */
  onchange: (changed: number[] | null) => void = () => {};
  onmove: (advanced: boolean) => void = () => {};
  private places = new Map<string, number>();
  private states = new Map<string, TakeState>();
  private undos: Step[] = [];
  private redos: (Step & { undo_id: string })[] = [];
  private sitting = unique();
  private now = 0;
  private together: string | undefined;
  private nDecided = 0;
  private api: Api;
  private outbox: Outbox;
  private storage: Storage | null;

  constructor(api: Api, outbox: Outbox, storage: Storage | null) {
    this.api = api;
    this.outbox = outbox;
    this.storage = storage;
  }

  // ---- beginning ----------------------------------------------------------

  /** Begin with an answer that knows all we said. */
  begin(about: SessionResponse, opened: PassResponse): void {
    this.about = about;
    this.take(opened);
  }

  async open(about: SessionResponse, pass: PassName): Promise<void> {
    this.about = about;
    await this.outbox.flush(); // so that the answer knows all we said
    this.take(await this.api.openPass(pass));
  }

  async freezeAnew(order: string): Promise<void> {
    await this.outbox.flush();
    this.take(await (order === 'kept' ? this.api.hearAgain() : this.api.newQueue(this.pass, order)));
  }

  private take(opened: PassResponse): void {
    this.pass = opened.pass_name;
    this.queue = opened.queue;
    this.atlases = opened.atlases;
    this.columns = opened.columns;
    this.rows = opened.rows;
    this.places = new Map(opened.rows.map((row, i) => [row.id, i]));
    this.states = new Map(Object.entries(opened.state));
    this.count();
    this.now = opened.now;
    this.blind = opened.blind;
    this.anchor = null;
    this.ended = false;
    this.words = '';
    this.redos = [];
    this.undos = opened.undo.map((u, i) => {
      const later = opened.undo.slice(i + 1).find((v) => v.take_id === u.take_id);
      return { ...u, after: later?.before ?? this.state(u.take_id).mine };
    });
    for (const { actor, said } of this.outbox.unsent()) if (actor === this.about.actor) this.remember(said);
    this.filter = NO_FILTER;
    this.view = this.rows.map((_, i) => i);
    this.cursor = this.firstPlace();
    this.gatherTags();
    this.onchange(null);
    this.onmove(false);
  }

  private firstPlace(): number {
    const kept = this.places.get(this.storage?.getItem(`neuralbum.at.${this.queue.id}`) ?? '');
    if (kept !== undefined) return kept;
    const open = this.rows.findIndex((row) => !this.state(row.id).mine.by_pass[this.pass]);
    return Math.max(0, open);
  }

  private gatherTags(): void {
    let recent: string[] = [];
    try {
      recent = JSON.parse(this.storage?.getItem('neuralbum.tags') ?? '[]') as string[];
    } catch {
      // a damaged memory is no memory
    }
    this.recentTags = [...new Set([...recent, ...this.about.tags])].slice(0, RECENT);
  }

  // ---- looking ------------------------------------------------------------

  get row(): TakeRow | null {
    return this.rows[this.view[this.cursor] ?? -1] ?? null;
  }

  rowAt(viewIndex: number): TakeRow | null {
    return this.rows[this.view[viewIndex] ?? -1] ?? null;
  }

  /** Where a take's thumbnail lies: atlases follow the queue. */
  cellOf(take_id: string): { url: string; slot: number } {
    const place = this.places.get(take_id) ?? -1;
    const atlas = this.atlases.find((a) => a.start <= place && place < a.end);
    return atlas ? { url: atlas.url, slot: place - atlas.start } : { url: '', slot: 0 };
  }

  state(take_id: string): TakeState {
    return this.states.get(take_id) ?? NOTHING_KNOWN;
  }

  /** This pass's verdict, or in the open passes the latest one. */
  verdictOf(take_id: string): Verdict | null {
    const { mine } = this.state(take_id);
    return this.pass === 'second' ? (mine.by_pass.second ?? null) : mine.verdict;
  }

  /** How many takes of this queue this person decided in this pass. */
  get decided(): number {
    return this.nDecided;
  }

  private count(): void {
    this.nDecided = this.rows.reduce((n, row) => n + this.isDecided(this.state(row.id)), 0);
  }

  private isDecided(state: TakeState): number {
    return state.mine.by_pass[this.pass] ? 1 : 0;
  }

  /** The only place where a take's state is replaced, so that counting stays cheap. */
  private learn(take_id: string, state: TakeState): void {
    if (this.places.has(take_id)) this.nDecided += this.isDecided(state) - this.isDecided(this.state(take_id));
    this.states.set(take_id, state);
  }

  /** Takes that come after the cursor, and the one before it: what to have ready. */
  nearby(ahead: number): TakeRow[] {
    const order = [0, ...Array.from({ length: ahead }, (_, i) => i + 1), -1];
    return order.map((by) => this.rowAt(this.cursor + by)).filter((row): row is TakeRow => row !== null);
  }

  allTags(): string[] {
    return [...new Set([...this.recentTags, ...this.about.tags])];
  }

  // ---- moving -------------------------------------------------------------

  moveTo(viewIndex: number, advanced = false): void {
    const to = Math.max(0, Math.min(this.view.length - 1, viewIndex));
    const selected = this.anchor !== null;
    this.anchor = null;
    this.ended = false;
    if (to === this.cursor && !advanced && !selected) return;
    this.cursor = to;
    const row = this.row;
    if (row) this.storage?.setItem(`neuralbum.at.${this.queue.id}`, row.id);
    this.onmove(advanced);
  }

  // ---- selecting ----------------------------------------------------------

  /** Move the cursor and take all between with it. */
  extendTo(viewIndex: number): void {
    const from = this.anchor ?? this.cursor;
    this.moveTo(viewIndex, true);
    this.anchor = from;
    this.announce(`${this.selected.length} selected`);
    this.onmove(false);
  }

  selectAll(): void {
    if (!this.view.length) return;
    this.moveTo(this.view.length - 1, true);
    this.anchor = 0;
    this.announce(`${this.selected.length} selected`);
    this.onmove(false);
  }

  unselect(): void {
    if (this.anchor !== null) this.moveTo(this.cursor);
  }

  isSelected(viewIndex: number): boolean {
    return this.anchor !== null && Math.min(this.anchor, this.cursor) <= viewIndex && viewIndex <= Math.max(this.anchor, this.cursor);
  }

  /** The takes a key is about: the selected ones, else the one under the cursor. */
  get selected(): TakeRow[] {
    if (this.anchor === null) return this.row ? [this.row] : [];
    const [first, last] = [Math.min(this.anchor, this.cursor), Math.max(this.anchor, this.cursor)];
    return this.view.slice(first, last + 1).map((place) => this.rows[place]!);
  }

  /** Do something to several takes so that one undo takes it all back. */
  private asOne(work: () => void): void {
    this.together = unique();
    work();
    this.together = undefined;
  }

  moveToTake(take_id: string): void {
    const place = this.places.get(take_id);
    if (place === undefined) return;
    let at = this.view.indexOf(place);
    if (at < 0) {
      this.setFilter(NO_FILTER);
      at = this.view.indexOf(place);
    }
    this.moveTo(at);
  }

  /** Choose what is in view; the take under the cursor stays under the cursor. */
  setFilter(filter: Filter): void {
    const here = this.view[this.cursor];
    this.filter = filter;
    this.anchor = null;
    this.view = this.rows.map((_, i) => i).filter((i) => i === here || this.matches(this.rows[i]!, filter));
    if (filter.sort) {
      const [measure, sign] = MEASURE[filter.sort];
      const of = (place: number): number | null => measure(this.rows[place]!);
      // What was not measured comes last, whichever way; equals stay as they were queued.
      this.view.sort((a, b) => {
        const [x, y] = [of(a), of(b)];
        return x === y ? a - b : x === null ? 1 : y === null ? -1 : sign * (x - y);
      });
    }
    this.cursor = Math.max(0, this.view.indexOf(here ?? -1));
    this.onchange(null);
  }

  private matches(row: TakeRow, f: Filter): boolean {
    const state = this.state(row.id);
    const tags = state.blind ? state.mine.tags : [...state.mine.tags, ...state.others.flatMap((o) => o.tags)];
    const bpm = state.mine.bpm;
    const verdict = this.verdictOf(row.id);
    const text = f.text.trim().toLowerCase();
    const haystack = `${row.number} ${row.caption} ${tags.join(' ')} ${row.flags.join(' ')} ${row.id}`.toLowerCase();
    return (
      (!text || haystack.includes(text)) &&
      (!f.flag || (f.flag === 'none' ? row.flags.length === 0 : row.flags.includes(f.flag))) &&
      (!f.tag || tags.includes(f.tag)) &&
      (!f.model || row.model === f.model) &&
      (!f.verdict || (f.verdict === 'none' ? verdict === null : verdict === f.verdict)) &&
      (!f.tempo || (bpm !== null && bpm >= f.tempo[0] && bpm <= f.tempo[1])) &&
      (!f.temperature || (row.temperature !== null && row.temperature >= f.temperature[0] && row.temperature <= f.temperature[1]))
    );
  }

  // ---- saying -------------------------------------------------------------

  decide(value: Verdict): void {
    const takes = this.selected;
    if (!takes.length) return;
    const end = Math.max(this.anchor ?? 0, this.cursor);
    this.asOne(() => takes.forEach((row) => this.say('verdict', row.id, { value })));
    const past = { keep: 'kept', maybe: 'maybe', drop: 'dropped' }[value];
    const last = end >= this.view.length - 1;
    this.moveTo(end + 1, true);
    this.ended = last;
    this.announce(`${past} ${takes.length > 1 ? `${takes.length} takes` : takes[0]!.number}${last ? '; end of the queue' : ''}`);
  }

  /** The first take in view that this pass has not decided; -1 if there is none. */
  get firstOpen(): number {
    return this.view.findIndex((place) => !this.isDecided(this.state(this.rows[place]!.id)));
  }

  toggleTag(tag: string): void {
    const row = this.row;
    const plain = tag.trim().replace(/\s+/g, ' ').slice(0, 60);
    if (!row || !plain) return;
    const has = this.state(row.id).mine.tags.includes(plain);
    const differ = this.selected.filter(({ id }) => this.state(id).mine.tags.includes(plain) === has);
    this.asOne(() => differ.forEach(({ id }) => this.say(has ? 'untag' : 'tag', id, { tag: plain })));
    if (!this.recentTags.includes(plain)) this.recentTags = [plain, ...this.recentTags].slice(0, RECENT);
    this.storage?.setItem('neuralbum.tags', JSON.stringify(this.recentTags));
    this.announce(`${has ? 'removed' : 'tagged'} ${plain}`);
  }

  /** The nth of the recent tags; says whether there was an n. */
  toggleRecent(n: number | null): boolean {
    const tag = n === null ? undefined : this.recentTags[n];
    if (tag) this.toggleTag(tag);
    return n !== null;
  }

  note(start_s: number, end_s: number, text: string, note_id = `note-${unique()}`): void {
    const row = this.row;
    const plain = text.trim().replace(/\s+/g, ' ').slice(0, 2000);
    if (!row || (!plain && start_s === end_s)) return; // a stretch says something without words, too
    const [from, to] = start_s <= end_s ? [start_s, end_s] : [end_s, start_s];
    this.say('note', row.id, { note_id, start_s: round(from), end_s: round(to), text: plain });
    this.announce(`noted ${plain || 'a stretch'}`);
  }

  unnote(note_id: string): void {
    if (this.row) this.say('unnote', this.row.id, { note_id });
  }

  tempo(bpm: number, times_s: number[], family: number[]): void {
    if (!this.row) return;
    this.say('tap', this.row.id, { bpm: round(bpm), times_s: times_s.map(round), family });
  }

  played(take_id: string, start_s: number, end_s: number, speed: number): void {
    if (take_id.startsWith(BAND)) return; // theirs, not a take
    this.send('play', take_id, { start_s: round(start_s), end_s: round(end_s), speed });
  }

  undo(): void {
    const step = this.undos.at(-1);
    if (!step) return this.announce('nothing to undo');
    const n = this.eachTogether(this.undos, (one) => {
      const said = this.send('undo', one.take_id, {}, one.client_id);
      this.redos.push({ ...one, undo_id: said.client_id });
      this.put(one.take_id, one.before);
    });
    this.moveToTake(step.take_id);
    this.announce(`took back: ${step.kind}${n > 1 ? ` of ${n} takes` : ''}`);
  }

  redo(): void {
    const step = this.redos.at(-1);
    if (!step) return this.announce('nothing was undone');
    const n = this.eachTogether(this.redos, (one) => {
      this.send('undo', one.take_id, {}, one.undo_id);
      this.undos.push(one);
      this.put(one.take_id, one.after);
    });
    this.moveToTake(step.take_id);
    this.announce(`again: ${step.kind}${n > 1 ? ` of ${n} takes` : ''}`);
  }

  /** Take the last step, and those that were said together with it, off a stack; returns how many. */
  private eachTogether<S extends Step>(stack: S[], work: (step: S) => void): number {
    const together = stack.at(-1)?.together;
    let n = 0;
    do {
      work(stack.pop()!);
      n++;
    } while (together && stack.at(-1)?.together === together);
    return n;
  }

  private say(kind: string, take_id: string, payload: Record<string, unknown>): void {
    this.remember(this.send(kind, take_id, payload));
    this.redos = [];
  }

  private send(kind: string, take_id: string, payload: Record<string, unknown>, undoes?: string): OutgoingEvent {
    const said: OutgoingEvent = {
      client_id: unique(),
      kind,
      take_id,
      payload,
      pass: this.pass,
      session: this.sitting,
      at: Date.now() / 1000,
      ...(undoes ? { undoes } : {}),
    };
    this.outbox.say(this.about.actor, said).catch(() => {
      this.announce('this browser stores nothing: keep the page open until all is sent');
    });
    return said;
  }

  /** Lay one event of ours on what we know. */
  private remember(said: OutgoingEvent): void {
    const before = this.state(said.take_id).mine;
    if (said.kind === 'undo') {
      const at = this.undos.findIndex((u) => u.client_id === said.undoes);
      if (at >= 0) {
        const [step] = this.undos.splice(at, 1);
        this.redos.push({ ...step!, undo_id: said.client_id });
        this.put(said.take_id, step!.before);
        return;
      }
      const again = this.redos.findIndex((r) => r.undo_id === said.undoes);
      if (again >= 0) {
        const [step] = this.redos.splice(again, 1);
        this.undos.push(step!);
        this.put(said.take_id, step!.after);
      }
      return;
    }
    if (said.kind === 'play') return;
    const after = apply(before, said, this.about.actor);
    const together = this.together ? { together: this.together } : {};
    this.undos.push({ client_id: said.client_id, take_id: said.take_id, kind: said.kind, before, after, ...together });
    this.put(said.take_id, after);
  }

  private put(take_id: string, mine: Mine): void {
    this.learn(take_id, { ...this.state(take_id), mine });
    const place = this.places.get(take_id);
    this.onchange(place === undefined ? [] : [place]);
  }

  // ---- hearing from others ------------------------------------------------

  async listen(): Promise<void> {
    if (this.outbox.unsent().length) return; // our own words first
    const { state, rows, blind, now } = await this.api.news(this.now);
    if (this.outbox.unsent().length) return;
    if (blind !== this.blind) {
      // A second pass was opened, or finished, in another window: what may be shown is not what it was.
      this.take(await this.api.openPass(this.pass));
      return;
    }
    this.now = now;
    const changed = Object.keys(state);
    for (const take_id of changed) this.learn(take_id, state[take_id]!);
    this.learnRows(rows);
    const places = changed.map((t) => this.places.get(t)).filter((p): p is number => p !== undefined);
    if (changed.length) this.onchange(places);
  }

  /** Rows say more once their takes are judged. */
  learnRows(rows: TakeRow[]): void {
    const changed = rows.map((row) => this.places.get(row.id)).filter((p): p is number => p !== undefined);
    for (const row of rows) {
      const place = this.places.get(row.id);
      if (place !== undefined) this.rows[place] = row;
    }
    if (changed.length) this.onchange(changed);
  }

  announce(words: string): void {
    this.words = words;
    this.onchange([]);
  }
}

/** A name nobody else will give: for events, notes and sittings. */
export function unique(): string {
  // crypto.randomUUID is only there on HTTPS and loopback; a phone on the local network has neither.
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}

function round(x: number): number {
  return Math.round(x * 1000) / 1000;
}
