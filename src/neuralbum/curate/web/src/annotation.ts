/**
 * What an event does to what one person says about a take: the client's half of the
 * fold (catalogue/projection.py), so that the page can show a decision before the server
 * has heard of it. Both are tested from tests/catalogue/annotations.json.
 *
 * Pure. Undo is not here: the undo stack remembers what stood before (session.ts).
 */
import type { Mine, NoteResponse, OutgoingEvent, Verdict } from './types.ts';

export function apply(mine: Mine, said: OutgoingEvent, actor: string): Mine {
  const words = said.payload;
  switch (said.kind) {
    case 'verdict': {
      const verdict = words.value as Verdict;
      return { ...mine, verdict, by_pass: { ...mine.by_pass, [said.pass]: verdict } };
    }
    case 'tag': {
      const tag = words.tag as string;
      return mine.tags.includes(tag) ? mine : { ...mine, tags: [...mine.tags, tag] };
    }
    case 'untag':
      return { ...mine, tags: mine.tags.filter((t) => t !== words.tag) };
    case 'note': {
      const note: NoteResponse = {
        id: words.note_id as string,
        start_s: words.start_s as number,
        end_s: words.end_s as number,
        text: words.text as string,
        actor,
      };
      const notes = [...mine.notes.filter((n) => n.id !== note.id), note];
      notes.sort((a, b) => a.start_s - b.start_s || (a.id < b.id ? -1 : 1));
      return { ...mine, notes };
    }
    case 'unnote':
      return { ...mine, notes: mine.notes.filter((n) => n.id !== words.note_id) };
    case 'tap':
      return { ...mine, bpm: words.bpm as number, taps_s: words.times_s as number[] };
    default:
      return mine;
  }
}
