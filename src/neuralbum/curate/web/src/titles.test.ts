import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TitleWords } from './api.ts';
import { Titles } from './titles.ts';
import type { TitlesResponse } from './types.ts';

/** A server with three kept takes, where one title is taken already. */
class Server {
  said: TitleWords[] = [];
  titles = async (): Promise<TitlesResponse> => this.answer('');
  sayTitle = async (words: TitleWords): Promise<TitlesResponse> => {
    if (words.verb === 'keep' && words.title === 'taken') throw new Error('another take has it');
    this.said.push(words);
    return this.answer(`mark-${this.said.length}`);
  };
  private answer(mark: string): TitlesResponse {
    const standing = this.said.filter((w, i) => w.verb !== 'undo' && !this.said.some((u) => u.verb === 'undo' && u.mark === `mark-${i + 1}`));
    const given = new Map(standing.flatMap((w) => (w.verb === 'keep' ? [[w.take_id, w.title]] : [])));
    const gone = new Set(standing.map((w) => ('title' in w ? w.title : '')));
    const takes = ['a', 'b', 'c'].map((id, i) => ({ id, number: i + 1, duration_s: 9, caption: '', title: given.get(id) ?? null }));
    const names = ['taken', 'mock melancholy', 'sham shame', 'bogus bliss', 'phony fear'];
    return { phrase: 'fake feelings', takes, candidates: names.filter((t) => !gone.has(t)).map((title) => ({ title, rule: 'letter', seeds: [] })), mark };
  }
}

async function sitting(): Promise<{ titles: Titles; server: Server }> {
  const server = new Server();
  const titles = new Titles(server);
  await titles.open();
  return { titles, server };
}

test('keeping gives the title, goes on and shows it before the server has heard', async () => {
  const { titles, server } = await sitting();
  titles.reject();
  titles.keep();
  assert.deepEqual([titles.takes[0]!.title, titles.cursor, titles.candidate!.title], ['mock melancholy', 1, 'sham shame']);
  assert.equal(server.said.length, 0);
  await titles.settled();
  assert.deepEqual(server.said.map((w) => w.verb), ['reject', 'keep']);
  assert.equal(titles.nTitled, 1);
});

test('undo takes back the last word, in whatever state the wire is', async () => {
  const { titles, server } = await sitting();
  titles.keep(1);
  titles.keep(1);
  titles.undo();
  await titles.settled();
  assert.deepEqual(server.said.at(-1), { verb: 'undo', mark: 'mark-2' });
  assert.deepEqual(titles.takes.map((t) => t.title), ['mock melancholy', null, null]);
  assert.equal(titles.cursor, 1);
});

test('what the server refuses is shown as it is there, and can be said again otherwise', async () => {
  const { titles } = await sitting();
  titles.keep();
  assert.equal(titles.takes[0]!.title, 'taken');
  await titles.settled();
  assert.equal(titles.takes[0]!.title, null);
  assert.match(titles.error, /another take has it/);
  titles.moveTo(0);
  titles.give('  my   own ');
  await titles.settled();
  assert.equal(titles.takes[0]!.title, 'my own');
  assert.equal(titles.error, '');
});
