import assert from 'node:assert/strict';
import { test } from 'node:test';
import { family, fit, startsAnew } from './taps.ts';

const beats = (bpm: number, n: number): number[] => Array.from({ length: n }, (_, i) => (i * 60) / bpm);

test('even taps give their tempo, however slow or fast', () => {
  for (const bpm of [17.5, 60, 174, 300, 420]) {
    const { bpm: found, spread, n } = fit(beats(bpm, 9));
    assert.ok(Math.abs(found - bpm) < 1e-6, `${found}`);
    assert.ok(spread < 1e-6);
    assert.equal(n, 9);
  }
});

test('one tap gives no tempo', () => assert.equal(fit([1]).bpm, 0));

test('a missed tap is shown and does not bend the tempo', () => {
  const times = beats(120, 12).filter((_, i) => i !== 5);
  const found = fit(times);
  assert.ok(Math.abs(found.bpm - 120) < 1e-6);
  assert.equal(found.missed, 1);
});

test('a double tap is shown and does not bend the tempo', () => {
  const times = [...beats(120, 10), 2.06].sort((a, b) => a - b);
  const found = fit(times);
  assert.ok(Math.abs(found.bpm - 120) < 0.2, `${found.bpm}`);
  assert.deepEqual(found.doubled, 1);
});

test('eight steady taps will do; shaky ones will not', () => {
  assert.ok(fit(beats(140, 8)).settled);
  assert.ok(!fit(beats(140, 7)).settled);
  const shaky = beats(140, 8).map((t, i) => t + (i % 2 ? 0.08 : -0.08));
  assert.ok(!fit(shaky).settled);
});

test('a long pause or a jump back begins anew', () => {
  assert.ok(startsAnew([], 0));
  assert.ok(!startsAnew([1], 4.4));
  assert.ok(startsAnew([1], 4.6));
  assert.ok(startsAnew([10], 3));
});

test('the family is half and double', () => assert.deepEqual(family(140), [70, 140, 280]));
