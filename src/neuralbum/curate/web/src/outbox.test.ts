import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox, Refused, type Entry, type Store } from './outbox.ts';
import type { EventsResponse, OutgoingEvent } from './types.ts';

class Memory implements Store {
  entries = new Map<string, Entry>();
  all = async (): Promise<Entry[]> => [...this.entries.values()].map((l) => ({ ...l }));
  put = async (entry: Entry): Promise<void> => void this.entries.set(entry.said.client_id, entry);
  remove = async (ids: string[]): Promise<void> => ids.forEach((id) => this.entries.delete(id));
}

/** A server that counts each client_id once, may be away, and may answer into the void. */
class Server {
  log: OutgoingEvent[] = [];
  away = false;
  deaf = false; // takes the words, then the line breaks
  durable = true;
  refuses = (_: OutgoingEvent): string | null => null;
  sent: number[] = [];
  send = async (_actor: string, events: OutgoingEvent[]): Promise<EventsResponse> => {
    if (this.away) throw new Error('away');
    this.sent.push(events.length);
    const refused = [];
    for (const event of events) {
      const why = this.refuses(event);
      if (why) refused.push({ client_id: event.client_id, reason: why });
      else if (!this.log.some((e) => e.client_id === event.client_id)) this.log.push(event);
    }
    if (this.deaf) throw new Error('the line broke');
    return { new: events.length, refused, last_id: this.log.length, durable_id: this.durable ? this.log.length : 0, now: 0 };
  };
}

const said = (n: number): OutgoingEvent => ({ client_id: `event-${n}`, kind: 'verdict', take_id: 't', payload: {}, pass: 'eye', session: 's', at: 0 });
const ids = (log: OutgoingEvent[]): string[] => log.map((e) => e.client_id);

function quiet(outbox: Outbox): Outbox {
  // Retries and confirmations are timers; a test says itself when to try again.
  return Object.assign(outbox, {}) as Outbox;
}

test('what is said arrives in order, and is forgotten once it is durable', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [store, server] = [new Memory(), new Server()];
  const outbox = quiet(new Outbox(store, server.send));
  for (let n = 0; n < 450; n++) void outbox.say('ana', said(n));
  await outbox.flush();
  await outbox.flush();
  assert.deepEqual(ids(server.log), Array.from({ length: 450 }, (_, n) => `event-${n}`));
  assert.ok(Math.max(...server.sent) <= 200);
  assert.equal(store.entries.size, 0);
});

test('a dead server loses nothing: the next page sends what this one could not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [store, server] = [new Memory(), new Server()];
  server.away = true;
  const outbox = new Outbox(store, server.send);
  for (let n = 0; n < 7; n++) await outbox.say('ana', said(n));
  await outbox.flush();
  assert.equal(outbox.state.failing, true);
  assert.equal(outbox.state.waiting, 7);

  server.away = false;
  const after = new Outbox(store, server.send);
  await after.say('ana', said(7)); // before the old ones are read
  await after.open();
  await after.flush();
  assert.deepEqual(new Set(ids(server.log)), new Set(Array.from({ length: 8 }, (_, n) => `event-${n}`)));
  assert.equal(store.entries.size, 0);
});

test('an answer that got lost makes a second sending, which counts once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [store, server] = [new Memory(), new Server()];
  server.deaf = true;
  const outbox = new Outbox(store, server.send);
  await outbox.say('ana', said(1));
  await outbox.flush();
  server.deaf = false;
  t.mock.timers.tick(10_000);
  await outbox.flush();
  assert.deepEqual(ids(server.log), ['event-1']);
  assert.equal(store.entries.size, 0);
});

test('what would not survive a power cut is kept and sent again by the next page', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [store, server] = [new Memory(), new Server()];
  server.durable = false;
  const outbox = new Outbox(store, server.send);
  await outbox.say('ana', said(1));
  await outbox.flush();
  assert.equal(outbox.state.waiting, 0);
  assert.equal(store.entries.size, 1);

  server.log = []; // the power was cut
  server.durable = true;
  const after = new Outbox(store, server.send);
  await after.open();
  await after.flush();
  assert.deepEqual(ids(server.log), ['event-1']);
  assert.equal(store.entries.size, 0);
});

test('a refused event is shown and does not hold up the others', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [store, server] = [new Memory(), new Server()];
  server.refuses = (e) => (e.client_id === 'event-1' ? 'no such take' : null);
  const outbox = new Outbox(store, server.send);
  for (let n = 0; n < 3; n++) void outbox.say('ana', said(n));
  await outbox.flush();
  await outbox.flush();
  assert.deepEqual(ids(server.log), ['event-0', 'event-2']);
  assert.deepEqual(outbox.state.refused, [{ client_id: 'event-1', reason: 'no such take' }]);
  assert.equal(store.entries.size, 0);
});

test('words the server cannot understand at all are not sent for ever', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = new Memory();
  const outbox = new Outbox(store, async () => {
    throw new Refused('the body is not JSON');
  });
  await outbox.say('ana', said(1));
  await outbox.flush();
  assert.equal(outbox.state.refused.length, 1);
  assert.equal(store.entries.size, 0);
});

test('two people at one browser are not mixed in one sending', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [store, server] = [new Memory(), new Server()];
  server.away = true;
  const outbox = new Outbox(store, server.send);
  await outbox.say('ana', said(1));
  await outbox.say('ben', said(2));
  await outbox.flush();
  server.away = false;
  t.mock.timers.tick(10_000);
  await outbox.flush();
  assert.deepEqual(server.sent, [1, 1]);
});
