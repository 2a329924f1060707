/**
 * Tap tempo: the line through tap times over beat numbers, in media time.
 *
 * The same arithmetic as neuralbum.screen.taps, here because the number must be
 * there with the tap, and without a server; a test feeds both the same taps. One
 * missed or doubled tap does not bend the line, and the playback speed does not
 * matter: a tap is a place in the take.
 */

export const RESET_AFTER_S = 3.5; // 17 beats/min: slower than any doom riff
const DOUBLE_SHARE = 0.35; // taps nearer than this share of a beat are one tap doubled
const HUBER_S = 0.025; // errors beyond this weigh less
const BOUNCE_S = 0.06; // nearer taps are the key's bounce
const ROUNDS = 12;
const SETTLED_TAPS = 8;
const SETTLED_SPREAD = 0.01;

export interface TapFit {
  n: number; // taps that count, after the last pause
  bpm: number; // 0 until there are two
  spread: number; // standard error of the tempo, as a share of it; infinite below three taps
  missed: number; // beats nobody tapped
  doubled: number; // taps that hit a beat twice
  settled: boolean; // enough, and steady enough
}

/** Fit a tempo to taps (seconds, not decreasing). Pure. */
export function fit(all: readonly number[]): TapFit {
  let begin = 0;
  for (let i = 1; i < all.length; i++) if (all[i]! - all[i - 1]! > RESET_AFTER_S) begin = i;
  const recent = all.slice(begin);
  const times = recent.filter((t, i) => i === 0 || t - recent[i - 1]! > BOUNCE_S);
  const bounced = recent.length - times.length;
  const none = { n: times.length, bpm: 0, spread: Infinity, missed: 0, doubled: bounced, settled: false };
  if (times.length < 2) return none;
  let period = firstGuess(times);
  let start = times[0]!;
  let beats = new Array<number>(times.length).fill(0);
  for (let round = 0; round < ROUNDS; round++) {
    const numbered = number(times, start, period);
    if (numbered.every((beat, i) => beat === beats[i])) break;
    beats = numbered;
    if (beats[beats.length - 1] === beats[0]) return none;
    [start, period] = line(beats, times);
  }
  [start, period] = line(beats, times);
  const steps = beats.slice(1).map((beat, i) => beat - beats[i]!);
  const spread = spreadOf(beats, times, start, period);
  return {
    n: times.length,
    bpm: 60 / period, // [s/min] / [s/beat] = [beats/min]
    spread,
    missed: sum(steps.map((step) => Math.max(step - 1, 0))),
    doubled: bounced + steps.filter((step) => step === 0).length,
    settled: times.length >= SETTLED_TAPS && spread < SETTLED_SPREAD,
  };
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

/** The median gap, refined by the mean of the gaps near it. */
function firstGuess(times: readonly number[]): number {
  const gaps = times.slice(1).map((t, i) => t - times[i]!);
  const middle = median(gaps);
  const near = gaps.filter((gap) => gap > 0.6 * middle && gap < 1.5 * middle);
  return near.length ? mean(near) : middle;
}

/** Which beat each tap meant: by the line where it is close, else whole steps from the neighbour. */
function number(times: readonly number[], start: number, period: number): number[] {
  let steps = 0;
  let highest = -Infinity;
  const first = even((times[0]! - start) / period);
  return times.map((time, i) => {
    if (i) {
      const gap = (time - times[i - 1]!) / period;
      steps += gap < DOUBLE_SHARE ? 0 : Math.max(1, even(gap));
    }
    const exact = (time - start) / period;
    const byLine = even(exact);
    highest = Math.max(highest, Math.abs(exact - byLine) < 0.3 ? byLine - first : steps);
    return highest;
  });
}

/** Huber's line through times over beats: [start, period], by reweighted least squares. */
function line(beats: readonly number[], times: readonly number[]): [number, number] {
  let weight = times.map(() => 1);
  let start = times[0]!;
  let period = 1;
  for (let round = 0; round < ROUNDS; round++) {
    const all = sum(weight);
    const meanBeat = sum(beats.map((b, i) => b * weight[i]!)) / all;
    const meanTime = sum(times.map((t, i) => t * weight[i]!)) / all;
    const rise = sum(beats.map((b, i) => weight[i]! * (b - meanBeat) * (times[i]! - meanTime)));
    const run = sum(beats.map((b, i) => weight[i]! * (b - meanBeat) ** 2));
    period = rise / Math.max(run, 1e-12);
    start = meanTime - period * meanBeat;
    const fresh = times.map((t, i) => Math.min(1, HUBER_S / Math.max(Math.abs(t - start - period * beats[i]!), 1e-12)));
    // as close as numpy.allclose(new, old, atol=1e-4) has it
    if (fresh.every((w, i) => Math.abs(w - weight[i]!) <= 1e-4 + 1e-5 * Math.abs(weight[i]!))) break;
    weight = fresh;
  }
  return [start, period];
}

/** Standard error of the period over the period. */
function spreadOf(beats: readonly number[], times: readonly number[], start: number, period: number): number {
  if (times.length < 3) return Infinity;
  const errors = times.map((t, i) => Math.min(Math.abs(t - start - period * beats[i]!), 2 * HUBER_S));
  const variance = sum(errors.map((e) => e * e)) / (times.length - 2);
  const middle = mean(beats);
  return Math.sqrt(variance / Math.max(sum(beats.map((b) => (b - middle) ** 2)), 1e-12)) / period;
}

/** Nearest whole number, halves to the even one, as NumPy rounds. */
function even(x: number): number {
  const low = Math.floor(x);
  const part = x - low;
  if (part !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const mean = (xs: readonly number[]): number => sum(xs) / xs.length;
function median(xs: readonly number[]): number {
  const sorted = [...xs].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
