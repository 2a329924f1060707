/**
 * The outbox: what was said stays here until the server has it for good.
 *
 * Every event is stored in the browser before it is sent, sent in order, sent
 * again after any failure, and forgotten only when the server says that it would
 * survive a power cut. Sending twice is harmless: the server counts each
 * client_id once. So a dead server, a reload or a crash of the page loses nothing.
 */
import type { EventsResponse, OutgoingEvent } from './types.ts';

export interface Entry {
  seq: number; // order of saying, across reloads
  actor: string;
  said: OutgoingEvent;
  log_id?: number; // after sending: the log's highest id at that time
}

export interface Store {
  all(): Promise<Entry[]>;
  put(entry: Entry): Promise<void>;
  remove(client_ids: string[]): Promise<void>;
}

/** Thrown by `send` when the server understood and said no: trying again will not help. */
export class Refused extends Error {}

export interface OutboxState {
  waiting: number; // not with the server yet
  failing: boolean;
  refused: { client_id: string; reason: string }[];
}

const BATCH = 200;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
const CONFIRM_EVERY_MS = 12_000;
const STORE = 'letters'; // as browsers have it since the first version

export class Outbox {
  state: OutboxState = { waiting: 0, failing: false, refused: [] };
  onchange: () => void = () => {};
  onsent: (answer: EventsResponse) => void = () => {};
  private entries: Entry[] = [];
  private lastSeq = 0;
  private busy: Promise<void> | null = null;
  private wait = FIRST_WAIT_MS;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private confirm: ReturnType<typeof setTimeout> | null = null;
  private store: Store;
  private send: (actor: string, events: OutgoingEvent[]) => Promise<EventsResponse>;
  private clock: () => number;
  private later: (work: () => void) => void;

  /** `later` puts off sending until what was said is on the screen. */
  constructor(
    store: Store,
    send: (actor: string, events: OutgoingEvent[]) => Promise<EventsResponse>,
    clock: () => number = Date.now,
    later: (work: () => void) => void = (work) => work(),
  ) {
    this.store = store;
    this.send = send;
    this.clock = clock;
    this.later = later;
  }

  /** Read what an earlier page left behind, and send it. */
  async open(): Promise<void> {
    const left = await this.store.all();
    left.sort((a, b) => a.seq - b.seq);
    const said = new Set(this.entries.map((l) => l.said.client_id)); // since this page began
    const older = left.filter((l) => !said.has(l.said.client_id));
    this.entries = [...older.map(({ seq, actor, said }) => ({ seq, actor, said })), ...this.entries];
    this.lastSeq = Math.max(this.lastSeq, ...left.map((l) => l.seq));
    this.tell();
    void this.flush();
  }

  /** Keep an event and send it soon. Returns when it is stored in the browser. */
  say(actor: string, said: OutgoingEvent): Promise<void> {
    this.lastSeq = Math.max(this.lastSeq + 1, this.clock() * 1000);
    const entry: Entry = { seq: this.lastSeq, actor, said };
    this.entries.push(entry);
    this.tell();
    const stored = this.store.put(entry);
    this.later(() => void this.flush());
    return stored;
  }

  /** What the server may not know yet, in order. */
  unsent(): Entry[] {
    return this.entries.filter((l) => l.log_id === undefined);
  }

  /** Send all that waits; resolves when there is nothing left to send or sending failed. */
  flush(): Promise<void> {
    this.busy ??= this.work().finally(() => {
      this.busy = null;
    });
    return this.busy;
  }

  private async work(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    for (let batch = this.batch(); batch.length; batch = this.batch()) {
      const actor = batch[0]!.actor;
      let answer: EventsResponse;
      try {
        answer = await this.send(actor, batch.map((l) => l.said));
      } catch (error) {
        if (error instanceof Refused) {
          await this.drop(batch.map((l) => ({ client_id: l.said.client_id, reason: error.message })));
          continue;
        }
        this.state = { ...this.state, failing: true };
        this.tell();
        this.timer = setTimeout(() => void this.flush(), this.wait);
        this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
        return;
      }
      this.wait = FIRST_WAIT_MS;
      this.state = { ...this.state, failing: false };
      for (const entry of batch) entry.log_id = answer.last_id;
      await this.drop(answer.refused);
      await this.forget(answer.durable_id);
      this.onsent(answer);
      this.tell();
    }
    if (this.entries.length && !this.confirm) {
      this.confirm = setTimeout(() => void this.askWhetherDurable(), CONFIRM_EVERY_MS);
    }
  }

  private batch(): Entry[] {
    const waiting = this.unsent();
    const actor = waiting[0]?.actor;
    const end = waiting.findIndex((l) => l.actor !== actor);
    return waiting.slice(0, Math.min(BATCH, end < 0 ? BATCH : end));
  }

  private async askWhetherDurable(): Promise<void> {
    this.confirm = null;
    const first = this.entries[0];
    if (!first) return;
    try {
      await this.forget((await this.send(first.actor, [])).durable_id);
    } catch {
      // the server is away; the entries stay
    }
    if (this.entries.length) this.confirm = setTimeout(() => void this.askWhetherDurable(), CONFIRM_EVERY_MS);
  }

  private async forget(durable_id: number): Promise<void> {
    const safe = this.entries.filter((l) => l.log_id !== undefined && l.log_id <= durable_id);
    if (!safe.length) return;
    this.entries = this.entries.filter((l) => !safe.includes(l));
    await this.store.remove(safe.map((l) => l.said.client_id));
  }

  private async drop(refused: { client_id: string; reason: string }[]): Promise<void> {
    if (!refused.length) return;
    const names = new Set(refused.map((r) => r.client_id));
    this.entries = this.entries.filter((l) => !names.has(l.said.client_id));
    this.state = { ...this.state, refused: [...this.state.refused, ...refused] };
    await this.store.remove([...names]);
  }

  private tell(): void {
    const waiting = this.unsent().length;
    if (waiting !== this.state.waiting) this.state = { ...this.state, waiting };
    this.onchange();
  }
}

/**
 * The browser's own store. IndexedDB is asynchronous: a page that is closed in
 * the same instant may take an open transaction with it. So each entry also
 * lies in localStorage, which is written at once, until its transaction is done.
 */
export class BrowserStore implements Store {
  private db: Promise<IDBDatabase>;
  private tailKey: string;
  private tail = new Map<string, Entry>();
  private painted: () => Promise<void>;

  constructor(project_id: string, painted: () => Promise<void>) {
    this.painted = painted;
    const name = `neuralbum-${project_id}`;
    this.tailKey = `${name}-tail`;
    try {
      for (const entry of JSON.parse(localStorage.getItem(this.tailKey) ?? '[]') as Entry[]) {
        this.tail.set(entry.said.client_id, entry);
      }
    } catch {
      localStorage.removeItem(this.tailKey);
    }
    this.db = new Promise((resolve, reject) => {
      const opening = indexedDB.open(name, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'said.client_id' });
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
  }

  async all(): Promise<Entry[]> {
    const db = await this.db;
    const stored = await finished<Entry[]>(db.transaction(STORE).objectStore(STORE).getAll());
    const known = new Set(stored.map((l) => l.said.client_id));
    return [...stored, ...[...this.tail.values()].filter((l) => !known.has(l.said.client_id))];
  }

  async put(entry: Entry): Promise<void> {
    this.tail.set(entry.said.client_id, entry);
    this.writeTail();
    await this.painted(); // safe by now, even if the page goes in this instant
    await this.change((entries) => entries.put(entry));
    this.tail.delete(entry.said.client_id);
    this.writeTail();
  }

  async remove(client_ids: string[]): Promise<void> {
    await this.change((entries) => client_ids.forEach((id) => entries.delete(id)));
    client_ids.forEach((id) => this.tail.delete(id));
    this.writeTail();
  }

  private async change(work: (entries: IDBObjectStore) => void): Promise<void> {
    const db = await this.db;
    const transaction = db.transaction(STORE, 'readwrite');
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    work(transaction.objectStore(STORE));
    transaction.commit();
    await done;
  }

  private writeTail(): void {
    try {
      if (this.tail.size) localStorage.setItem(this.tailKey, JSON.stringify([...this.tail.values()]));
      else localStorage.removeItem(this.tailKey);
    } catch {
      // storage full or forbidden: IndexedDB alone must do
    }
  }
}

function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
