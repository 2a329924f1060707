import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Api } from './api.ts';
import { apply } from './annotation.ts';
import { Outbox, type Entry } from './outbox.ts';
import { filterWords, NO_FILTER, Session } from './session.ts';
import type { PassResponse, Mine, OutgoingEvent, SessionResponse } from './types.ts';
import { NOTHING_SAID } from './types.ts';

const about = { actor: 'ana', tags: ['doom riff', 'blastbeat'] } as SessionResponse;

function opened(n: number): PassResponse {
  const rows = Array.from({ length: n }, (_, i) => ({
    id: `t${i}`,
    number: i + 1,
    duration_s: 90,
    temperature: 0.98 + (i % 5) / 100,
    model: 'net',
    caption: i % 2 ? 'loud, dense' : 'sparse',
    flags: i % 3 ? [] : ['silence'],
    score: 0.5,
    loudness_lufs: i === 3 ? null : -20 + ((i * 7) % 10),
    withheld: false,
  }));
  return { pass_name: 'eye', queue: { id: 'q', order: 'ranked', n_new: 0 }, rows, state: {}, atlases: [], columns: 15, undo: [], blind: false, now: 0 };
}

async function sitting(n = 10): Promise<{ session: Session; said: OutgoingEvent[] }> {
  const said: OutgoingEvent[] = [];
  const store = { all: async (): Promise<Entry[]> => [], put: async (e: Entry): Promise<void> => void said.push(e.said), remove: async (): Promise<void> => {} };
  const outbox = new Outbox(store, () => new Promise(() => {})); // a server that never answers
  const api = { openPass: async () => opened(n) } as unknown as Api;
  const session = new Session(api, outbox, null);
  await session.open(about, 'eye');
  return { session, said };
}

/** The server's rule: an undone event is as if never said; undoing an undo brings it back. */
function fold(log: OutgoingEvent[]): Map<string, Mine> {
  const undone = new Set<string>();
  for (const e of [...log].reverse()) if (e.kind === 'undo' && !undone.has(e.client_id)) undone.add(e.undoes!);
  const state = new Map<string, Mine>();
  for (const e of log) {
    if (e.kind === 'undo' || undone.has(e.client_id)) continue;
    state.set(e.take_id, apply(state.get(e.take_id) ?? NOTHING_SAID, e, 'ana'));
  }
  return state;
}

test('one key decides and moves on; the end is the end', async () => {
  const { session, said } = await sitting(2);
  session.decide('keep');
  session.decide('drop');
  session.decide('maybe');
  assert.deepEqual(said.map((e) => [e.take_id, e.payload.value]), [['t0', 'keep'], ['t1', 'drop'], ['t1', 'maybe']]);
  assert.match(session.words, /end of the queue/);
});

test('whatever a person does, the page shows the fold of what was said', async () => {
  const { session, said } = await sitting(12);
  let seed = 1;
  const dice = (n: number): number => ((seed = (seed * 48271) % 2147483647), seed % n);
  for (let i = 0; i < 3000; i++) {
    const doing = [
      () => session.extendTo(dice(12)),
      () => session.decide((['keep', 'drop', 'maybe'] as const)[dice(3)]!),
      () => session.undo(),
      () => session.redo(),
      () => session.toggleTag(`tag ${dice(4)}`),
      () => session.note(dice(80), dice(80), `heard ${dice(5)}`),
      () => session.row && session.unnote(session.state(session.row.id).mine.notes[0]?.id ?? 'note-none'),
      () => session.tempo(60 + dice(200), [1, 2, 3], []),
      () => session.moveTo(dice(12)),
      () => session.setFilter(dice(2) ? NO_FILTER : { ...NO_FILTER, flag: 'silence' }),
      () => session.played('t1', 0, dice(90), 1),
    ];
    doing[dice(doing.length)]!();
  }
  const truth = fold(said);
  for (const row of session.rows) assert.deepEqual(session.state(row.id).mine, truth.get(row.id) ?? NOTHING_SAID, row.id);
});

test('a filter never moves the cursor to another take', async () => {
  const { session } = await sitting(10);
  session.moveTo(4);
  session.setFilter({ ...NO_FILTER, flag: 'silence' });
  assert.equal(session.row?.id, 't4');
  assert.deepEqual(session.view, [0, 3, 4, 6, 9]);
  session.decide('keep');
  assert.equal(session.row?.id, 't6');
  session.setFilter({ ...NO_FILTER, verdict: 'none' });
  session.decide('drop');
  assert.ok(session.view.includes(6), 'a take that no longer fits stays until the filter is set again');
});

test('undo goes to where it was said, even from behind a filter', async () => {
  const { session } = await sitting(10);
  session.moveTo(1);
  session.decide('keep');
  session.moveTo(6);
  session.setFilter({ ...NO_FILTER, flag: 'silence' });
  session.undo();
  assert.equal(session.row?.id, 't1');
  assert.equal(session.verdictOf('t1'), null);
});

test('a selection is decided with one key and taken back with one', async () => {
  const { session, said } = await sitting(10);
  session.moveTo(2);
  session.extendTo(6);
  assert.deepEqual(session.selected.map((r) => r.id), ['t2', 't3', 't4', 't5', 't6']);
  session.decide('drop');
  assert.equal(session.row?.id, 't7', 'and on, behind it');
  assert.equal(session.selected.length, 1);
  assert.equal(session.decided, 5);
  assert.equal(said.length, 5);
  session.undo();
  assert.equal(session.decided, 0);
  session.redo();
  assert.equal(session.decided, 5);
  session.undo();
  session.selectAll();
  session.toggleTag('slow');
  assert.ok(session.rows.every((r) => session.state(r.id).mine.tags.includes('slow')));
});

test('takes can be put in order, and what was not measured comes last', async () => {
  const { session } = await sitting(10);
  const shown = (measure: (i: number) => number | null): (number | null)[] => session.view.map((i) => measure(i));
  for (const sort of ['quietest', 'loudest'] as const) {
    session.setFilter({ ...NO_FILTER, sort });
    const levels = shown((i) => session.rows[i]!.loudness_lufs);
    assert.equal(levels.at(-1), null);
    const measured = levels.slice(0, -1) as number[];
    assert.deepEqual(measured, [...measured].sort((a, b) => (sort === 'quietest' ? a - b : b - a)));
  }
  session.setFilter({ ...NO_FILTER, sort: 'hottest' });
  assert.equal(session.rows[session.view[0]!]!.temperature, 1.02);
  session.setFilter(NO_FILTER);
  assert.deepEqual(session.view, session.rows.map((_, i) => i), 'the queue itself stands as it was frozen');
});

test('the end is told until something else happens', async () => {
  const { session } = await sitting(2);
  session.decide('keep');
  assert.ok(!session.ended);
  session.decide('keep');
  assert.ok(session.ended);
  session.moveTo(0);
  assert.ok(!session.ended);
  session.decide('drop');
  session.decide('drop');
  session.begin(about, opened(2)); // as another pass does
  assert.ok(!session.ended);
  assert.equal(session.words, '');
});

test('a filter is told in words', () => {
  assert.deepEqual(filterWords(NO_FILTER), []);
  assert.deepEqual(filterWords({ ...NO_FILTER, text: ' loud ', verdict: 'none', flag: 'silence', tempo: [90, Infinity], sort: 'loudest' }), [
    '“loud”',
    'not decided',
    'flag silence',
    'BPM from 90',
    'loudest first',
  ]);
});

test('what a row says once its take is judged takes its place', async () => {
  const { session } = await sitting(3);
  const told: (number[] | null)[] = [];
  session.onchange = (changed) => void told.push(changed);
  session.learnRows([{ ...session.rows[1]!, flags: ['collapse'] }]);
  assert.deepEqual(session.rows[1]!.flags, ['collapse']);
  assert.deepEqual(told, [[1]]);
});
