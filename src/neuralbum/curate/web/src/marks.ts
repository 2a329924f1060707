/** What is drawn over a take's picture: axes, and what was measured and said. */
import { clock } from './wording.ts';

export interface Marks {
  from_s: number; // the stretch that the picture shows
  to_s: number;
  flags: { name: string; start_s: number; end_s: number }[];
  notes: { start_s: number; end_s: number; text: string; mine: boolean }[];
  points_s: number[];
  taps_s: number[];
  mark: { start_s: number; end_s: number } | null; // the stretch being marked or looped
}

/** Draw on a canvas of `width` by `height` pixels, `unit` of them to a CSS px. */
export function drawMarks(context: CanvasRenderingContext2D, over: Marks, width: number, height: number, unit: number): void {
  const span_s = over.to_s - over.from_s;
  if (span_s <= 0) return;
  const x = (time_s: number): number => ((time_s - over.from_s) / span_s) * width;
  const lanes = new Lanes();
  context.font = `${11 * unit}px ui-sans-serif, system-ui, sans-serif`;
  context.textBaseline = 'top';

  axes(context, over.from_s, over.to_s, width, height, unit);
  for (const flag of over.flags) {
    const left = x(flag.start_s);
    const span = Math.max(2 * unit, x(flag.end_s) - left);
    context.fillStyle = 'rgba(224, 113, 127, 0.16)';
    context.fillRect(left, 0, span, height);
    context.fillStyle = '#e0717f';
    context.fillRect(left, height - 4 * unit, span, 4 * unit);
    if (left + span < 0 || left > width) continue;
    label(context, flag.name, left, (lane) => height - (34 + 18 * lane) * unit, unit, '#ffc9cf', width, lanes);
  }
  if (over.mark) {
    const left = x(over.mark.start_s);
    context.fillStyle = 'rgba(138, 180, 255, 0.22)';
    context.fillRect(left, 0, Math.max(2 * unit, x(over.mark.end_s) - left), height);
  }
  const rows = new Lanes();
  for (const note of over.notes) {
    const left = x(note.start_s);
    const span = Math.max(2 * unit, x(note.end_s) - left);
    context.fillStyle = note.mine ? 'rgba(79, 209, 165, 0.20)' : 'rgba(200, 200, 220, 0.14)';
    context.fillRect(left, 0, span, height);
    context.fillStyle = note.mine ? '#4fd1a5' : '#b6bccb';
    context.fillRect(left, 0, 1.5 * unit, height);
    if (note.text && left + span >= 0 && left <= width) label(context, note.text, left + 4 * unit, (lane) => (6 + 18 * lane) * unit, unit, '#eafff7', width, rows);
  }
  context.fillStyle = '#ffffff';
  for (const at_s of over.points_s) {
    const at = x(at_s);
    context.beginPath();
    context.moveTo(at - 5 * unit, 0);
    context.lineTo(at + 5 * unit, 0);
    context.lineTo(at, 7 * unit);
    context.fill();
  }
  context.fillStyle = '#bcd3ff';
  for (const at_s of over.taps_s) context.fillRect(x(at_s), height - 27 * unit, 2 * unit, 10 * unit); // above the times
}

const LOW_HZ = 30;
const HIGH_HZ = 16_000;

/** Hertz to mel (Slaney), as the screen draws it. */
function mel(hz: number): number {
  return hz < 1000 ? (hz * 3) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4);
}

/** Labels that would print over each other go into another lane. */
export class Lanes {
  private taken: [number, number][][] = [];

  /** The first lane in which there is room from `left` to `right`. */
  of(left: number, right: number): number {
    let lane = this.taken.findIndex((spans) => spans.every(([from, to]) => right <= from || left >= to));
    if (lane < 0) lane = this.taken.push([]) - 1;
    this.taken[lane]!.push([left, right]);
    return lane;
  }
}

function axes(context: CanvasRenderingContext2D, from_s: number, to_s: number, width: number, height: number, unit: number): void {
  // On a dark plate: a blurred shadow costs milliseconds without a GPU.
  const write = (words: string, x: number, y: number): void => {
    context.fillStyle = 'rgba(10, 11, 15, 0.6)';
    context.fillRect(x - 2 * unit, y - 1.5 * unit, context.measureText(words).width + 4 * unit, 13 * unit);
    context.fillStyle = 'rgba(255, 255, 255, 0.88)';
    context.fillText(words, x, y);
  };
  context.fillStyle = 'rgba(255, 255, 255, 0.85)';
  const [low, high] = [mel(LOW_HZ), mel(HIGH_HZ)];
  for (const hz of [100, 300, 1000, 3000, 8000]) {
    const y = height * (1 - (mel(hz) - low) / (high - low));
    context.fillRect(0, y, 5 * unit, unit);
    write(hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`, 8 * unit, y - 6 * unit);
  }
  const every = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => (s / (to_s - from_s)) * width > 70 * unit) ?? 1200;
  for (let n = Math.floor(from_s / every) + 1; n * every < to_s; n++) {
    const at_s = n * every;
    const at = ((at_s - from_s) / (to_s - from_s)) * width;
    context.fillRect(at, height - 5 * unit, unit, 5 * unit);
    const words = every < 1 ? `${clock(at_s)}.${Math.round((at_s % 1) * 10) % 10}` : clock(at_s + every / 1000);
    write(words, at + 3 * unit, height - 13 * unit);
  }
}

function label(
  context: CanvasRenderingContext2D,
  text: string,
  left: number,
  topOf: (lane: number) => number,
  unit: number,
  colour: string,
  width: number,
  lanes: Lanes,
): void {
  const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  const span = context.measureText(short).width + 8 * unit;
  const at = Math.max(0, Math.min(left, width - span));
  const top = topOf(lanes.of(at, at + span));
  context.fillStyle = 'rgba(10, 11, 15, 0.78)';
  context.fillRect(at, top, span, 16 * unit);
  context.fillStyle = colour;
  context.fillText(short, at + 4 * unit, top + 3 * unit);
}
