import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS, chordLabel, defaults, isTyping, Keymap, nth, obey } from './keys.ts';

const press = (code: string, more: object = {}) => ({ code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more });
function memory(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const kept = new Map<string, string>();
  return { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v), removeItem: (k) => void kept.delete(k) };
}

test('every chord does one thing', () => {
  const all = Object.values(defaults()).flat();
  assert.equal(new Set(all).size, all.length);
  assert.equal(Object.keys(ACTIONS).length, Object.keys(defaults()).length);
});

test('keys are places, not letters, and modifiers belong to the browser', () => {
  const keymap = new Keymap(null);
  assert.equal(keymap.actionOf(press('KeyK')), 'keep');
  assert.equal(keymap.actionOf(press('KeyZ', { shiftKey: true })), 'redo');
  assert.equal(keymap.actionOf(press('KeyK', { ctrlKey: true })), null);
  assert.equal(keymap.actionOf(press('ShiftLeft', { shiftKey: true })), null);
});

test('a new key is taken from whatever had it, and remembered', () => {
  const storage = memory();
  const keymap = new Keymap(storage);
  keymap.rebind('keep', 'KeyX');
  assert.equal(keymap.actionOf(press('KeyX')), 'keep');
  assert.deepEqual(keymap.bindings.drop, []);
  assert.equal(new Keymap(storage).actionOf(press('KeyX')), 'keep');
  keymap.reset();
  assert.deepEqual(new Keymap(storage).bindings, defaults());
});

test('a damaged memory is no memory', () => {
  const storage = memory();
  storage.setItem('neuralbum.keys', '{nonsense');
  assert.deepEqual(new Keymap(storage).bindings, defaults());
});

test('typing is typing', () => {
  assert.ok(isTyping({ tagName: 'INPUT', type: 'text' } as unknown as EventTarget));
  assert.ok(!isTyping({ tagName: 'INPUT', type: 'range' } as unknown as EventTarget));
  assert.ok(!isTyping({ tagName: 'BUTTON' } as unknown as EventTarget));
});

test('chords have names a person can read', () => {
  assert.equal(chordLabel('Shift+KeyZ'), '⇧ Z');
  assert.equal(chordLabel('Comma'), ',');
  assert.equal(chordLabel('Shift+Slash'), '?');
});

test('a table of verbs does what it knows and says so', () => {
  const done: string[] = [];
  const verbs = { keep: () => done.push('keep'), play: () => done.push('play') };
  assert.ok(obey(verbs, 'play'));
  assert.ok(!obey(verbs, 'drop'));
  assert.deepEqual(done, ['play']);
});

test('the recent tags have numbers from 0, other actions none', () => {
  assert.deepEqual([nth('tag1'), nth('tag9'), nth('tagbox'), nth('keep')], [0, 8, null, null]);
});
