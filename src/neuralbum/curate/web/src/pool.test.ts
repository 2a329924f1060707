import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool, type Player, type Wanted } from './pool.ts';

class FakePlayer implements Player {
  src = '';
  playbackRate = 1;
  preservesPitch = false;
  volume = 1;
  preload = '';
  readyState = 0;
  duration = 90;
  paused = true;
  seeks: number[] = [];
  loads = 0;
  private time = 0;
  private listeners = new Map<string, (() => void)[]>();
  get currentTime(): number {
    return this.time;
  }
  set currentTime(time: number) {
    this.seeks.push(time);
    this.time = time;
  }
  play(): Promise<void> {
    this.paused = false;
    this.fire('play');
    return Promise.resolve();
  }
  pause(): void {
    this.paused = true;
    this.fire('pause');
  }
  load(): void {
    this.loads++;
    this.time = 0;
    this.readyState = 0;
  }
  removeAttribute(): void {}
  addEventListener(name: string, listener: () => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }
  fire(name: string): void {
    this.listeners.get(name)?.forEach((l) => l());
  }
  arrive(): void {
    this.readyState = 4;
    this.fire('loadedmetadata');
  }
  run(seconds: number): void {
    this.time += seconds * this.playbackRate;
  }
}

function make(): { pool: Pool; players: FakePlayer[]; played: [string, number, number, number][] } {
  const players: FakePlayer[] = [];
  const pool = new Pool(() => {
    const player = new FakePlayer();
    players.push(player);
    return player;
  });
  const played: [string, number, number, number][] = [];
  pool.onplayed = (...words) => played.push(words);
  return { pool, players, played };
}
const want = (...ids: string[]): Wanted[] => ids.map((id) => ({ id, url: `/media/${id}.opus`, start_s: 10 }));
const holding = (players: FakePlayer[], id: string): FakePlayer => players.find((p) => p.src.includes(`/${id}.`))!;

test('the next takes are loaded and seeked before they are wanted now', () => {
  const { pool, players } = make();
  pool.want(want('a', 'b', 'c'), false);
  players.forEach((p) => p.src && p.arrive());
  assert.deepEqual(holding(players, 'b').seeks, [10]);
  assert.deepEqual(holding(players, 'c').seeks, [10]);

  pool.want(want('b', 'c', 'd'), true);
  assert.equal(holding(players, 'b').loads, 1, 'not loaded again');
  assert.equal(holding(players, 'b').paused, false);
  assert.equal(pool.currentId, 'b');
});

test('switching fast never leaves two takes sounding, and never needs more players', () => {
  const { pool, players } = make();
  for (let n = 0; n < 300; n++) {
    pool.want(want(`t${n}`, `t${n + 1}`, `t${n + 2}`, `t${n - 1}`), true);
    players.forEach((p) => p.readyState === 0 && p.src && n % 3 && p.arrive());
    assert.ok(players.filter((p) => !p.paused).length <= 1);
    assert.equal(holding(players, `t${n}`).paused, false);
  }
  assert.equal(players.length, 5);
});

test('every stretch that was played is told once, with its speed', () => {
  const { pool, players, played } = make();
  pool.want(want('a', 'b'), false);
  players.forEach((p) => p.src && p.arrive());
  pool.play();
  holding(players, 'a').run(2);
  pool.setSpeed(2);
  holding(players, 'a').run(1);
  pool.seek(50);
  holding(players, 'a').run(0.05); // too short to count
  pool.want(want('b'), true);
  holding(players, 'b').run(3);
  pool.pause();
  assert.deepEqual(played, [
    ['a', 10, 12, 1],
    ['a', 12, 14, 2],
    ['b', 10, 16, 2],
  ]);
});

test('a place asked for before the sound has arrived is where it begins', () => {
  const { pool, players } = make();
  pool.want(want('a'), false);
  pool.seek(33);
  assert.equal(pool.time_s, 33);
  holding(players, 'a').arrive();
  assert.deepEqual(holding(players, 'a').seeks, [33]);
});

test('the speed is remembered from take to take, with the pitch kept', () => {
  const { pool, players } = make();
  pool.setSpeed(1.5);
  pool.want(want('a'), true);
  assert.equal(holding(players, 'a').playbackRate, 1.5);
  assert.equal(holding(players, 'a').preservesPitch, true);
});
