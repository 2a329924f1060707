/**
 * Tap tempo: a straight line through the taps, in media time.
 *
 * The slope of tap time over beat number is the beat; one missed tap or one
 * bounce does not bend it, because beats are counted from the median gap. The
 * playback speed does not matter: a tap is a place in the take.
 */

export const RESET_AFTER_S = 3.5; // 17 beats/min: slower than any doom riff
export const BOUNCE = 0.55; // a gap below this share of a beat is a double tap
export const SETTLED_TAPS = 8;
export const SETTLED_SPREAD = 0.01;

export interface TapFit {
  n: number; // taps that count
  bpm: number; // 0 until there are two
  spread: number; // standard error of the tempo, as a share of it
  missed: number; // beats nobody tapped
  doubled: number[]; // indices of taps that were bounces
  settled: boolean; // enough, and steady enough
}

export function fit(times: readonly number[]): TapFit {
  const none = { n: times.length, bpm: 0, spread: 0, missed: 0, doubled: [], settled: false };
  if (times.length < 2) return none;
  const gaps = times.slice(1).map((t, i) => t - times[i]!);
  const beat = median(gaps.filter((g) => g > 0.04));
  if (!(beat > 0)) return none;

  const doubled: number[] = [];
  const xs = [0];
  const ys = [times[0]!];
  let missed = 0;
  for (let i = 1; i < times.length; i++) {
    const gap = times[i]! - ys[ys.length - 1]!;
    if (gap < BOUNCE * beat) {
      doubled.push(i);
      continue;
    }
    const steps = Math.max(1, Math.round(gap / beat));
    missed += steps - 1;
    xs.push(xs[xs.length - 1]! + steps);
    ys.push(times[i]!);
  }
  const n = xs.length;
  if (n < 2) return { ...none, n, doubled };
  const mx = mean(xs);
  const my = mean(ys);
  const sxx = sum(xs.map((x) => (x - mx) ** 2));
  const period = sum(xs.map((x, i) => (x - mx) * (ys[i]! - my))) / sxx;
  const residual = sum(xs.map((x, i) => (ys[i]! - my - period * (x - mx)) ** 2));
  const error = n > 2 ? Math.sqrt(residual / (n - 2) / sxx) : 0;
  const spread = error / period;
  // [s/min] / [s/beat] = [beats/min]
  return { n, bpm: 60 / period, spread, missed, doubled, settled: n >= SETTLED_TAPS && spread < SETTLED_SPREAD };
}

/** The same pulse at other metrical levels. */
export function family(bpm: number): number[] {
  return bpm > 0 ? [bpm / 2, bpm, bpm * 2].map((b) => Math.round(b * 100) / 100) : [];
}

/** Whether a new tap begins a new count. */
export function startsAnew(times: readonly number[], now_s: number): boolean {
  const last = times[times.length - 1];
  return last === undefined || now_s - last > RESET_AFTER_S || now_s < last;
}

const sum = (xs: number[]): number => xs.reduce((a, b) => a + b, 0);
const mean = (xs: number[]): number => sum(xs) / xs.length;
function median(xs: number[]): number {
  const sorted = [...xs].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
