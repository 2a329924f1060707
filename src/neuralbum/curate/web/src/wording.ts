/** What is said in words, so that nothing is said by colour alone. */
import type { PassName, TakeRow, TakeState } from './types.ts';

export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** What people call a flag: noise_floor is a name for programs. */
export function flagWords(name: string): string {
  return name.replaceAll('_', ' ');
}

/** keep, maybe, drop; with "auto-" before it where no person has spoken; with "other-" where I have not. */
export function shownMark(state: TakeState, pass: PassName): string {
  if (state.blind || pass === 'second') return state.mine.by_pass.second ?? '';
  if (state.mine.verdict) return state.mine.verdict;
  if (!state.album) return '';
  return `${state.who === 'auto' ? 'auto' : 'other'}-${state.album}`;
}

export function describe(row: TakeRow, state: TakeState, pass: PassName): string {
  const mark = shownMark(state, pass);
  const said: Record<string, string> = { keep: 'kept', maybe: 'maybe', drop: 'dropped' };
  const [who, verdict] = mark.includes('-') ? (mark.split('-') as [string, string]) : ['', mark];
  const parts = [`take ${row.number}`, clock(row.duration_s)];
  if (row.caption) parts.push(row.caption);
  if (row.flags.length) parts.push(`flags: ${row.flags.map(flagWords).join(', ')}`);
  if (state.mine.tags.length) parts.push(`tags: ${state.mine.tags.join(', ')}`);
  parts.push(verdict ? `${said[verdict] ?? verdict}${who === 'auto' ? ' by ranking' : who ? ' by somebody else' : ''}` : 'not decided');
  return parts.join(', ');
}

export function percent(share: number | null): string {
  return share === null ? '–' : `${Math.round(share * 100)} %`;
}
