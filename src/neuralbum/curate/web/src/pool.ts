/**
 * A few audio players that we own, so that the next take sounds at once.
 *
 * The wanted takes (the current one first, then those likely to come) are loaded
 * and already seeked to where listening begins; a switch is pause and play, with
 * no network and no decoding in between. Never more players than `size`: leaving
 * players to the page is how audio tools leak and play two takes at once.
 */

export interface Wanted {
  id: string;
  url: string;
  start_s: number;
}

export interface Player {
  src: string;
  currentTime: number;
  playbackRate: number;
  preservesPitch: boolean;
  volume: number;
  preload: string;
  readonly readyState: number;
  readonly duration: number;
  readonly paused: boolean;
  play(): Promise<void>;
  pause(): void;
  load(): void;
  removeAttribute(name: string): void;
  addEventListener(name: string, listener: () => void): void;
}

interface Slot {
  player: Player;
  id: string | null;
  start_s: number;
  placed: boolean; // has been seeked to its start
  request: number;
}

export const SHORTEST_PLAY_S = 0.2;
/** Takes that are kept ready after the current one; beside them stays the one before. */
export const AHEAD = 3;
const HAVE_METADATA = 1;
const HAVE_FUTURE_DATA = 3;

export class Pool {
  /** A stretch of a take was played: for the record of what was heard. */
  onplayed: (id: string, start_s: number, end_s: number, speed: number) => void = () => {};
  onchange: () => void = () => {};
  speed = 1;
  volume = 1;
  private slots: Slot[];
  private current: Slot | null = null;
  private since: number | null = null; // media time where the present stretch began
  private requests = 0;

  constructor(make: () => Player, size = AHEAD + 2) {
    this.slots = Array.from({ length: size }, () => {
      const slot: Slot = { player: make(), id: null, start_s: 0, placed: false, request: 0 };
      slot.player.preload = 'auto';
      slot.player.addEventListener('loadedmetadata', () => this.place(slot));
      slot.player.addEventListener('ended', () => this.stopped(slot));
      slot.player.addEventListener('play', () => this.onchange());
      slot.player.addEventListener('pause', () => this.onchange());
      slot.player.addEventListener('playing', () => this.onchange());
      slot.player.addEventListener('seeked', () => this.onchange());
      return slot;
    });
  }

  get players(): readonly Player[] {
    return this.slots.map((s) => s.player);
  }

  get currentId(): string | null {
    return this.current?.id ?? null;
  }

  get playing(): boolean {
    return this.current !== null && !this.current.player.paused;
  }

  /** Whether the current take is heard now: it plays, and it is not waiting for data. */
  get sounds(): boolean {
    return this.playing && this.current!.placed && this.current!.player.readyState >= HAVE_FUTURE_DATA;
  }

  get time_s(): number {
    return this.current ? this.timeOf(this.current) : 0;
  }

  /**
   * Say what is wanted, the current take first; `play` starts it at its start.
   * A take that is already loaded keeps its player, and its place unless it is new as the current one.
   */
  want(wanted: readonly Wanted[], play: boolean): void {
    const kept = wanted.slice(0, this.slots.length);
    const names = new Set(kept.map((w) => w.id));
    const first = kept[0];
    if (this.current && this.current.id !== first?.id) this.leave();
    for (const [rank, want] of kept.entries()) {
      let slot = this.slots.find((s) => s.id === want.id);
      if (!slot) {
        slot = this.slots
          .filter((s) => s.id === null || !names.has(s.id))
          .reduce((a, b) => (b.request < a.request ? b : a));
        this.fill(slot, want);
      } else if (slot !== this.current && slot.start_s !== want.start_s) {
        slot.start_s = want.start_s;
        slot.placed = false;
        this.place(slot);
      }
      slot.request = ++this.requests;
      if (rank === 0) this.current = slot;
    }
    if (!first) this.current = null;
    if (play && this.current && this.current.player.paused) this.play();
  }

  play(): void {
    const slot = this.current;
    if (!slot) return;
    slot.player.playbackRate = this.speed;
    slot.player.preservesPitch = true;
    this.since = this.timeOf(slot);
    slot.player.play().catch(() => {
      this.since = null; // paused again before it began, or the browser wants a gesture first
      this.onchange();
    });
  }

  pause(): void {
    const slot = this.current;
    if (!slot) return;
    this.note(slot);
    slot.player.pause();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(time_s: number): void {
    const slot = this.current;
    if (!slot) return;
    const going = !slot.player.paused;
    this.note(slot);
    slot.start_s = Math.max(0, time_s);
    slot.placed = false;
    this.place(slot);
    if (going) this.since = slot.start_s;
  }

  setSpeed(speed: number): void {
    const slot = this.current;
    if (slot && !slot.player.paused) {
      this.note(slot);
      this.since = this.timeOf(slot);
    }
    this.speed = Math.min(4, Math.max(0.25, speed));
    if (slot) slot.player.playbackRate = this.speed;
    this.onchange();
  }

  setVolume(volume: number): void {
    this.volume = Math.min(1, Math.max(0, volume));
    for (const { player } of this.slots) player.volume = this.volume;
  }

  /** Record what was played so far, for a page that is about to go. */
  settle(): void {
    const slot = this.current;
    if (!slot) return;
    const going = !slot.player.paused;
    this.note(slot);
    if (going) this.since = this.timeOf(slot);
  }

  private timeOf(slot: Slot): number {
    return slot.placed ? slot.player.currentTime : slot.start_s;
  }

  private fill(slot: Slot, want: Wanted): void {
    if (!slot.player.paused) slot.player.pause();
    slot.id = want.id;
    slot.start_s = want.start_s;
    slot.placed = false;
    slot.player.src = want.url;
    slot.player.load();
  }

  private place(slot: Slot): void {
    if (slot.placed || slot.player.readyState < HAVE_METADATA) return;
    slot.placed = true;
    if (slot.player.currentTime !== slot.start_s) slot.player.currentTime = slot.start_s;
  }

  private leave(): void {
    const slot = this.current!;
    this.note(slot);
    if (!slot.player.paused) slot.player.pause();
    this.current = null;
  }

  private stopped(slot: Slot): void {
    if (slot === this.current) this.note(slot);
    this.onchange();
  }

  private note(slot: Slot): void {
    if (this.since === null || slot.id === null) return;
    const start_s = this.since;
    const end_s = this.timeOf(slot);
    this.since = null;
    if (end_s - start_s >= SHORTEST_PLAY_S) this.onplayed(slot.id, start_s, end_s, this.speed);
  }
}
