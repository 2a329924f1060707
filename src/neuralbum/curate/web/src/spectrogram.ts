/**
 * A take's picture, large: levels come from the server, colour and contrast are made here.
 *
 * Nothing is transformed or decoded while listening. The picture is drawn once a
 * take (and when the contrast changes), what was said about it on a second canvas
 * when it changes; only the playhead moves, and it is an element of its own.
 */

export interface Levels {
  rows: number; // mel bands, the lowest first
  frames: number;
  data: Uint8Array;
}

export interface Overlay {
  duration_s: number;
  flags: { name: string; start_s: number; end_s: number }[];
  notes: { start_s: number; end_s: number; text: string; mine: boolean }[];
  points_s: number[];
  taps_s: number[];
  mark: { start_s: number; end_s: number } | null; // the stretch being marked or looped
}

/** The screen's colours (screen/pictures.py), so that wall and large picture agree. */
const STOPS = [
  [0, 0, 4],
  [40, 11, 84],
  [101, 21, 110],
  [159, 42, 99],
  [212, 72, 66],
  [245, 125, 21],
  [250, 193, 39],
  [252, 255, 164],
] as const;

/** 256 colours as packed RGBA (little-endian), for a contrast: 1 is as measured, 2 twice as steep. Pure. */
export function inks(contrast = 1): Uint32Array {
  const table = new Uint32Array(256);
  for (let level = 0; level < 256; level++) {
    const steep = Math.min(1, Math.max(0, (level / 255 - 0.5) * contrast + 0.5));
    const at = steep * (STOPS.length - 1);
    const i = Math.min(STOPS.length - 2, Math.floor(at));
    const part = at - i;
    const [r, g, b] = [0, 1, 2].map((c) => Math.round(STOPS[i]![c]! * (1 - part) + STOPS[i + 1]![c]! * part));
    table[level] = (255 << 24) | (b! << 16) | (g! << 8) | r!;
  }
  return table;
}

/** Levels to pixels, the lowest band at the bottom. Pure. */
export function pixels(levels: Levels, contrast = 1): Uint8ClampedArray<ArrayBuffer> {
  const { rows, frames, data } = levels;
  const out = new Uint32Array(rows * frames);
  const ink = inks(contrast);
  for (let row = 0; row < rows; row++) {
    const from = (rows - 1 - row) * frames;
    const to = row * frames;
    for (let i = 0; i < frames; i++) out[to + i] = ink[data[from + i]!]!;
  }
  return new Uint8ClampedArray(out.buffer);
}

const KEPT_INKED = 5; // the take that is heard and those that come next

export class Spectrogram {
  private picture: HTMLCanvasElement;
  private overlay: HTMLCanvasElement;
  private levels: Levels | null = null;
  private contrast = 1;
  private inked = new Map<Levels, ImageData>();
  private resizer: ResizeObserver;
  private last: Overlay | null = null;
  private height = 0; // of the overlay, in CSS px: read once a resize, never while a key waits
  private frame = 0;

  constructor(picture: HTMLCanvasElement, overlay: HTMLCanvasElement) {
    this.picture = picture;
    this.overlay = overlay;
    this.resizer = new ResizeObserver(([entry]) => this.fit(entry!.contentRect));
    this.resizer.observe(overlay);
  }

  close(): void {
    this.resizer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** Colour a take's levels ahead of time, so that showing them is one copy. */
  ink(levels: Levels): ImageData | null {
    if (!levels.frames) return null;
    let image = this.inked.get(levels);
    if (!image) {
      image = new ImageData(pixels(levels, this.contrast), levels.frames, levels.rows);
      this.inked.set(levels, image);
      for (const [old] of [...this.inked].slice(0, Math.max(0, this.inked.size - KEPT_INKED))) this.inked.delete(old);
    }
    return image;
  }

  /** Show a take's picture; `name` says on the canvas whose it is. */
  show(levels: Levels | null, name: string): void {
    this.levels = levels;
    this.picture.dataset.take = levels ? name : '';
    this.paint();
  }

  setContrast(contrast: number): void {
    this.contrast = contrast;
    this.inked.clear();
    this.paint();
  }

  private paint(): void {
    const { picture, levels } = this;
    const context = picture.getContext('2d', { alpha: false })!; // opaque: what lies under it is not drawn
    const image = levels && this.ink(levels);
    // The browser scales it to the box. Setting a size clears, so an equal one is not set again.
    const [width, height] = image ? [image.width, image.height] : [1, 1];
    if (picture.width !== width) picture.width = width;
    if (picture.height !== height) picture.height = height;
    if (image) context.putImageData(image, 0, 0);
    else context.clearRect(0, 0, width, height);
  }

  private fit(box: { width: number; height: number }): void {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.height = box.height;
    this.overlay.width = Math.round(box.width * ratio);
    this.overlay.height = Math.round(box.height * ratio);
    this.lay();
  }

  /** Draw what was said and measured, once in the next frame however often it changes until then. */
  draw(over: Overlay): void {
    this.last = over;
    this.frame ||= requestAnimationFrame(() => this.lay());
  }

  private lay(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const over = this.last;
    const { width, height } = this.overlay;
    const context = this.overlay.getContext('2d')!;
    context.clearRect(0, 0, width, height);
    if (!over || over.duration_s <= 0 || !width || !this.height) return;
    const unit = height / this.height;
    const x = (time_s: number): number => (time_s / over.duration_s) * width;
    context.font = `${11 * unit}px ui-sans-serif, system-ui, sans-serif`;
    context.textBaseline = 'top';

    axes(context, over.duration_s, width, height, unit);
    for (const flag of over.flags) {
      const left = x(flag.start_s);
      const span = Math.max(2 * unit, x(flag.end_s) - left);
      context.fillStyle = 'rgba(224, 113, 127, 0.16)';
      context.fillRect(left, 0, span, height);
      context.fillStyle = '#e0717f';
      context.fillRect(left, height - 4 * unit, span, 4 * unit);
      label(context, flag.name, left, height - 34 * unit, unit, '#ffc9cf', width);
    }
    if (over.mark) {
      const left = x(over.mark.start_s);
      context.fillStyle = 'rgba(138, 180, 255, 0.22)';
      context.fillRect(left, 0, Math.max(2 * unit, x(over.mark.end_s) - left), height);
    }
    for (const [i, note] of over.notes.entries()) {
      const left = x(note.start_s);
      const span = Math.max(2 * unit, x(note.end_s) - left);
      const y = (6 + (i % 3) * 20) * unit;
      context.fillStyle = note.mine ? 'rgba(79, 209, 165, 0.20)' : 'rgba(200, 200, 220, 0.14)';
      context.fillRect(left, 0, span, height);
      context.fillStyle = note.mine ? '#4fd1a5' : '#b6bccb';
      context.fillRect(left, 0, 1.5 * unit, height);
      label(context, note.text, left + 4 * unit, y, unit, '#eafff7', width);
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
}

const LOW_HZ = 30;
const HIGH_HZ = 16_000;

/** Hertz to mel (Slaney), as the screen draws it. */
function mel(hz: number): number {
  return hz < 1000 ? (hz * 3) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4);
}

function axes(context: CanvasRenderingContext2D, duration_s: number, width: number, height: number, unit: number): void {
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
  const every = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => (s / duration_s) * width > 70 * unit) ?? 1200;
  for (let at_s = every; at_s < duration_s; at_s += every) {
    const at = (at_s / duration_s) * width;
    context.fillRect(at, height - 5 * unit, unit, 5 * unit);
    const words = `${Math.floor(at_s / 60)}:${String(at_s % 60).padStart(2, '0')}`;
    write(words, at + 3 * unit, height - 13 * unit);
  }
}

function label(
  context: CanvasRenderingContext2D,
  text: string,
  left: number,
  top: number,
  unit: number,
  colour: string,
  width: number,
): void {
  const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  const span = context.measureText(short).width + 8 * unit;
  const at = Math.max(0, Math.min(left, width - span));
  context.fillStyle = 'rgba(10, 11, 15, 0.78)';
  context.fillRect(at, top, span, 16 * unit);
  context.fillStyle = colour;
  context.fillText(short, at + 4 * unit, top + 3 * unit);
}
