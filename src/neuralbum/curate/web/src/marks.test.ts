import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lanes } from './marks.ts';

test('labels that would print over each other go into different lanes', () => {
  const lanes = new Lanes();
  assert.deepEqual([lanes.of(0, 50), lanes.of(20, 70), lanes.of(50, 90), lanes.of(60, 80), lanes.of(90, 99)], [0, 1, 0, 2, 0]);
});
