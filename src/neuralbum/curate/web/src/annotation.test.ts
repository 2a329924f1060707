/** The page's half of the fold, from the vectors that the server's half is tested with. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { apply } from './annotation.ts';
import { NOTHING_SAID } from './types.ts';
import type { Mine, OutgoingEvent } from './types.ts';

interface Vector {
  law: string;
  events: Pick<OutgoingEvent, 'kind' | 'pass' | 'payload'>[];
  mine: Partial<Mine>;
}
const file = new URL('../../../../../tests/catalogue/annotations.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf-8')) as Vector[];

for (const { law, events, mine } of vectors) {
  test(law, () => {
    const said = events.map((e, n) => ({ client_id: `c${n}`, take_id: 't1', session: '', at: n, ...e }));
    const found = said.reduce((known, event) => apply(known, event, 'ana'), NOTHING_SAID);
    assert.deepEqual(found, { ...NOTHING_SAID, ...mine });
  });
}
