/**
 * The playhead: an animation the compositor runs by itself.
 *
 * Moving it from script would wake the page sixty times a second for as long as
 * music plays; a key would then wait its turn. So it is told once where it is and
 * how fast it goes, and looked after a few times a second.
 */

export interface Run {
  at_s: number; // where it is now
  from_s: number; // where it begins again, if it loops
  to_s: number; // where it stops, or turns
  speed: number; // media seconds a second; 0 stands
  loops: boolean;
}

export const TOLERANCE_S = 0.05;

/** Key frames and timing of a run over a picture `width` px wide that shows `left_s` to `end_s` of a take. Pure. */
export function plan(run: Run, width: number, end_s: number, left_s = 0): { from: number; to: number; lasts_ms: number; into_ms: number } {
  const x = (time_s: number): number => place(time_s, width, end_s, left_s);
  const begin_s = run.loops ? run.from_s : run.at_s;
  const lasts_ms = run.speed > 0 ? Math.max(0, ((run.to_s - begin_s) / run.speed) * 1000) : 0;
  const into_ms = run.loops && run.speed > 0 ? ((run.at_s - run.from_s) / run.speed) * 1000 : 0;
  return { from: x(begin_s), to: x(run.to_s), lasts_ms, into_ms };
}

/** Where a time lies in such a picture, px; beyond its right edge where the picture ends before. */
function place(time_s: number, width: number, end_s: number, left_s: number): number {
  return end_s > left_s ? ((time_s - left_s) / (end_s - left_s)) * width : 0;
}

export class Playhead {
  private element: HTMLElement;
  private animation: Animation | null = null;
  private key = '';
  private begun = 0;
  private run: Run | null = null;

  constructor(element: HTMLElement) {
    this.element = element;
  }

  /** Go on from here; nothing happens if that is what it does already. */
  follow(run: Run, width: number, [left_s, end_s]: readonly [number, number], now_ms = performance.now()): void {
    const key = `${run.speed} ${run.loops} ${run.from_s} ${run.to_s} ${width} ${left_s} ${end_s}`;
    if (key === this.key && this.run && Math.abs(this.where(now_ms) - run.at_s) < TOLERANCE_S) return;
    [this.key, this.run, this.begun] = [key, run, now_ms];
    this.animation?.cancel();
    this.animation = null;
    const { from, to, lasts_ms, into_ms } = plan(run, width, end_s, left_s);
    if (!lasts_ms) {
      this.element.style.transform = `translateX(${place(run.at_s, width, end_s, left_s).toFixed(1)}px)`;
      return;
    }
    const frames = [{ transform: `translateX(${from}px)` }, { transform: `translateX(${to}px)` }];
    // As many steps as there are pixels: between two there is nothing to draw.
    const easing = `steps(${Math.max(1, Math.round(to - from))})`;
    this.animation = this.element.animate(frames, { duration: lasts_ms, iterations: run.loops ? Infinity : 1, fill: 'forwards', easing });
    this.animation.currentTime = into_ms;
  }

  private where(now_ms: number): number {
    const { at_s, from_s, to_s, speed, loops } = this.run!;
    const on_s = at_s + ((now_ms - this.begun) / 1000) * speed;
    if (!loops || on_s < to_s) return Math.min(on_s, to_s);
    return from_s + ((on_s - from_s) % (to_s - from_s));
  }

  close(): void {
    this.animation?.cancel();
  }
}
