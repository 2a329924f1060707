import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inks, pixels } from './levels.ts';

const light = (rgba: number): number => 0.2126 * (rgba & 255) + 0.7152 * ((rgba >> 8) & 255) + 0.0722 * ((rgba >> 16) & 255);

test('louder is lighter, at every level', () => {
  const lights = [...inks()].map(light);
  for (let level = 1; level < 256; level++) assert.ok(lights[level]! >= lights[level - 1]! - 1e-9, `${level}`);
  assert.ok(lights[255]! > 230);
  assert.ok([...inks()].every((ink) => ink >>> 24 === 255));
});

test('the lowest band is drawn at the bottom', () => {
  const drawn = pixels({ rows: 2, frames: 3, data: Uint8Array.from([255, 255, 255, 0, 0, 0]) });
  const [top, bottom] = [drawn[1]!, drawn[3 * 4 + 1]!];
  assert.ok(bottom > 200 && top < 20);
});

test('contrast leaves the middle and moves the ends apart', () => {
  assert.equal(inks(2)[128], inks(2)[128]);
  assert.ok(light(inks(2)[200]!) > light(inks(1)[200]!));
  assert.ok(light(inks(2)[50]!) < light(inks(1)[50]!));
});
