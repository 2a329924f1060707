import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Playhead, plan } from './playhead.ts';

const still = { from_s: 0, loops: false };

/** An element that records what it is told. */
function element(): { told: { frames: { transform: string }[]; timing: { duration: number; iterations: number } }[]; style: { transform: string } } & HTMLElement {
  const told: unknown[] = [];
  const animate = (frames: unknown, timing: unknown): unknown => (told.push({ frames, timing }), { cancel: () => {}, currentTime: 0 });
  return { told, style: { transform: '' }, animate } as never;
}

test('what is left of the take is crossed in the time that is left, whatever the speed', () => {
  for (const speed of [0.5, 1, 2]) {
    const { from, to, lasts_ms } = plan({ ...still, at_s: 30, to_s: 90, speed }, 900, 90);
    assert.deepEqual([from, to], [300, 900]);
    assert.equal(lasts_ms, 60_000 / speed);
  }
});

test('a loop begins in its middle and goes round', () => {
  const { from, to, lasts_ms, into_ms } = plan({ at_s: 12, from_s: 10, to_s: 14, speed: 1, loops: true }, 900, 90);
  assert.deepEqual([from, to, lasts_ms, into_ms], [100, 140, 4000, 2000]);
});

test('it is told once, and again only when it drifts or something changes', () => {
  const box = element();
  const playhead = new Playhead(box);
  const run = { ...still, at_s: 10, to_s: 90, speed: 1 };
  playhead.follow(run, 900, [0, 90], 0);
  playhead.follow({ ...run, at_s: 12.02 }, 900, [0, 90], 2000);
  assert.equal(box.told.length, 1, 'it is where it should be');
  playhead.follow({ ...run, at_s: 12.9 }, 900, [0, 90], 2500);
  assert.equal(box.told.length, 2, 'the sound was elsewhere');
  playhead.follow({ ...run, at_s: 13.4 }, 500, [0, 90], 3000);
  assert.equal(box.told.length, 3, 'the window is another');
  playhead.follow({ ...run, at_s: 45, speed: 0 }, 500, [0, 90], 4000);
  assert.equal(box.told.length, 3);
  assert.equal(box.style.transform, 'translateX(250.0px)', 'it stands where the sound stopped');
});

test('in a stretch of the take it lies where the stretch has it, also beyond its edges', () => {
  const { from, to, lasts_ms } = plan({ ...still, at_s: 30, to_s: 90, speed: 1 }, 900, 40, 20);
  assert.deepEqual([from, to, lasts_ms], [450, 3150, 60_000]);
});
