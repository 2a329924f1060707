/** The first two answers, asked for before the page is there; see main.ts. */
import { Api, CURATOR } from './api.ts';
import { PASSES } from './types.ts';
import type { PassResponse, PassName, SessionResponse } from './types.ts';

type Answers = Promise<[SessionResponse, PassResponse]>;
let asked: { pass: PassName; actor: string | null; answers: Answers } | null = null;

/** Which pass an address asks for. */
export function passOf(hash: string): PassName {
  const name = hash.slice(1) as PassName;
  return PASSES.includes(name) ? name : 'eye';
}

export function askAhead(storage: Storage, hash: string): void {
  const api = new Api();
  api.actor = storage.getItem(CURATOR);
  const pass = passOf(hash);
  asked = { pass, actor: api.actor, answers: ask(api, pass) };
  asked.answers.catch(() => {}); // whoever takes them hears of it
}

/** What was asked ahead, once, if it was the same question; else asks now. */
export function firstAnswers(api: Api, pass: PassName): Answers {
  const ahead = asked;
  asked = null;
  return ahead && ahead.pass === pass && ahead.actor === api.actor ? ahead.answers : ask(api, pass);
}

function ask(api: Api, pass: PassName): Answers {
  return Promise.all([api.session(), api.openPass(pass)]);
}
