/**
 * Which key does what: by physical position (event.code), rebindable, remembered.
 *
 * A chord is "KeyX" or "Shift+KeyZ". Typing in a text field is typing; Ctrl, Alt
 * and Meta belong to the browser.
 */

export const ACTIONS = {
  previous: ['Previous take', 'KeyH', 'ArrowLeft'],
  next: ['Next take', 'KeyJ', 'ArrowRight'],
  up: ['A row up', 'ArrowUp'],
  down: ['A row down', 'ArrowDown'],
  home: ['First take', 'Home'],
  end: ['Last take', 'End'],
  pageup: ['A screen up', 'PageUp'],
  pagedown: ['A screen down', 'PageDown'],
  keep: ['Keep, and on', 'KeyK'],
  drop: ['Drop, and on', 'KeyX'],
  maybe: ['Maybe, and on', 'KeyM'],
  undo: ['Undo', 'KeyZ', 'Backspace'],
  redo: ['Undo the undo', 'Shift+KeyZ'],
  play: ['Play or pause', 'Space'],
  point: ['Next telling moment', 'Tab'],
  slower: ['Slower', 'BracketLeft'],
  faster: ['Faster', 'BracketRight'],
  loop: ['Loop around the playhead', 'KeyR'],
  note: ['Note here; hold to mark a stretch', 'KeyN'],
  tagbox: ['Tag; a title of your own', 'KeyT'],
  tag1: ['Recent tag 1', 'Digit1'],
  tag2: ['Recent tag 2', 'Digit2'],
  tag3: ['Recent tag 3', 'Digit3'],
  tag4: ['Recent tag 4', 'Digit4'],
  tag5: ['Recent tag 5', 'Digit5'],
  tag6: ['Recent tag 6', 'Digit6'],
  tag7: ['Recent tag 7', 'Digit7'],
  tag8: ['Recent tag 8', 'Digit8'],
  tag9: ['Recent tag 9', 'Digit9'],
  tap: ['Tap the beat', 'KeyB'],
  half: ['Half the tempo', 'Comma'],
  double: ['Double the tempo', 'Period'],
  nopulse: ['No pulse', 'Digit0'],
  pin: ['Pin this take', 'KeyP'],
  compare: ['Compare with the pinned take', 'KeyC'],
  band: ["Compare with the band's song", 'KeyV'],
  zoomin: ['Zoom into the picture', 'Equal', 'Shift+Equal'],
  zoomout: ['Zoom out', 'Minus'],
  selectprevious: ['Select back; scroll the picture', 'Shift+ArrowLeft'],
  selectnext: ['Select on; scroll the picture', 'Shift+ArrowRight'],
  selectup: ['Select a row up', 'Shift+ArrowUp'],
  selectdown: ['Select a row down', 'Shift+ArrowDown'],
  selectall: ['Select all in view', 'Shift+KeyA'],
  unselect: ['Select nothing', 'Escape'],
  wall: ['Wall or one take', 'KeyW', 'Enter'],
  filter: ['Filter', 'KeyF'],
  numbers: ['Progress and agreement', 'KeyG'],
  help: ['Keys', 'Slash', 'Shift+Slash'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type Action = keyof typeof ACTIONS;
export type Bindings = Record<Action, string[]>;

const STORED = 'neuralbum.keys';

export function defaults(): Bindings {
  const bindings = {} as Bindings;
  for (const [action, [, ...chords]] of Object.entries(ACTIONS)) bindings[action as Action] = [...chords];
  return bindings;
}

/** What a view does for an action. */
export type Verbs = Partial<Record<Action, () => void>>;

/** Do it, if it is among the verbs; says whether it is. */
export function obey(verbs: Verbs, action: Action): boolean {
  const verb = verbs[action];
  verb?.();
  return verb !== undefined;
}

/** Which of the nine `tag1` to `tag9` mean, from 0; null for other actions. */
export function nth(action: Action): number | null {
  const [, digit] = /^tag(\d)$/.exec(action) ?? [];
  return digit ? Number(digit) - 1 : null;
}

export interface KeyPress {
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

export function chordOf(press: KeyPress): string | null {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  if (/^(Shift|Control|Alt|Meta)/.test(press.code) || press.code === '') return null;
  return (press.shiftKey ? 'Shift+' : '') + press.code;
}

export class Keymap {
  bindings: Bindings;
  private storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;

  constructor(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null) {
    this.storage = storage;
    this.bindings = defaults();
    try {
      const own = JSON.parse(storage?.getItem(STORED) ?? '{}') as Partial<Bindings>;
      for (const action of Object.keys(this.bindings) as Action[]) {
        const chords = own[action];
        if (Array.isArray(chords) && chords.every((c) => typeof c === 'string')) this.bindings[action] = chords;
      }
    } catch {
      storage?.removeItem(STORED);
    }
  }

  actionOf(press: KeyPress): Action | null {
    const chord = chordOf(press);
    if (chord === null) return null;
    for (const [action, chords] of Object.entries(this.bindings)) if (chords.includes(chord)) return action as Action;
    return null;
  }

  /** Give an action one new chord; whatever had it before loses it. */
  rebind(action: Action, chord: string): void {
    for (const name of Object.keys(this.bindings) as Action[]) {
      this.bindings[name] = this.bindings[name].filter((c) => c !== chord);
    }
    this.bindings[action] = [chord];
    this.storage?.setItem(STORED, JSON.stringify(this.bindings));
  }

  reset(): void {
    this.bindings = defaults();
    this.storage?.removeItem(STORED);
  }

  label(action: Action): string {
    return this.bindings[action].map(chordLabel).join(' or ') || 'no key';
  }

  first(action: Action): string {
    const chord = this.bindings[action][0];
    return chord ? chordLabel(chord) : '';
  }
}

const NAMES: Record<string, string> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  BracketLeft: '[',
  BracketRight: ']',
  Comma: ',',
  Period: '.',
  Slash: '/',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
  Backspace: '⌫',
  Equal: '+',
  Minus: '−',
  Escape: 'Esc',
};

export function chordLabel(chord: string): string {
  const shift = chord.startsWith('Shift+');
  const code = shift ? chord.slice(6) : chord;
  if (shift && code === 'Slash') return '?';
  return (shift ? '⇧ ' : '') + (NAMES[code] ?? code.replace(/^(Key|Digit)/, ''));
}

export function isTyping(target: EventTarget | null): boolean {
  const node = target as HTMLElement | null;
  if (!node || !node.tagName) return false;
  if (node.tagName === 'TEXTAREA' || node.tagName === 'SELECT' || node.isContentEditable) return true;
  return node.tagName === 'INPUT' && !['checkbox', 'radio', 'button', 'range'].includes((node as HTMLInputElement).type);
}
