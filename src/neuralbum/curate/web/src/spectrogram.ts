/**
 * A take's picture, large: levels come from the server, colour and contrast are made here.
 *
 * Each of the takes that come next has a plate, a canvas with its picture and what
 * was said about it, drawn ahead at the size of the screen; a key hides one and shows
 * another. Without a GPU the browser scales a canvas again in every frame (8 ms), and
 * copies every canvas that can be seen (0.7 ms each for 3 MB), so one is seen at a time.
 * The playhead is an element of its own.
 */
import { pixels, type Levels } from './levels.ts';
import { drawMarks, type Marks } from './marks.ts';

/** All that a plate shows. */
export interface Sheet {
  levels: Levels;
  marks: Marks;
}

const MOST_PIXELS = 2_000_000; // of a plate; a screen with more gets them scaled

class Plate {
  readonly canvas = document.createElement('canvas');
  readonly picture = document.createElement('canvas'); // without the marks, never shown
  id = '';
  request = 0;
  small: { of: string; canvas: HTMLCanvasElement } | null = null; // a pixel a frame and band
  levels: Levels | null = null;
  pictured = ''; // what `picture` was drawn for
  marked = ''; // what `canvas` was drawn for
  marks: Marks | null = null;

  constructor() {
    this.canvas.className = 'levels';
    this.canvas.setAttribute('aria-hidden', 'true');
    this.canvas.style.visibility = 'hidden';
  }
}

export class Spectrogram {
  private plates: Plate[];
  private front: Plate | null = null;
  private contrast = 1;
  private requests = 0;
  private resizer: ResizeObserver;
  private width = 0; // of a plate
  private height = 0;
  private unit = 1; // pixels of a plate to a CSS px
  private later: number | null = null;
  private view: [number, number] = [0, 1]; // which part of the take in sight is shown

  /** `n` plates are laid into `host`, below what stands there. */
  constructor(host: HTMLElement, n: number) {
    this.plates = Array.from({ length: n }, () => new Plate());
    host.prepend(...this.plates.map((p) => p.canvas));
    this.resizer = new ResizeObserver(([entry]) => this.fit(entry!));
    try {
      this.resizer.observe(host, { box: 'device-pixel-content-box' }); // else a plate may be scaled by one pixel
    } catch {
      this.resizer.observe(host);
    }
  }

  close(): void {
    this.resizer.disconnect();
    if (this.later !== null) cancelIdle(this.later);
    for (const { canvas } of this.plates) canvas.remove();
  }

  /** Have a take's plate drawn before it is wanted. */
  ready(id: string, sheet: Sheet): void {
    const plate = this.plateOf(id);
    plate.levels = sheet.levels;
    plate.marks = sheet.marks;
    if (plate === this.front) this.draw(plate);
    else this.drawLater();
  }

  /** Put a take's plate in sight: as it was drawn, or drawn now; dark without a sheet. */
  show(id: string, sheet: Sheet | null): void {
    if (this.front?.id !== id) {
      const whole = this.view[0] === 0 && this.view[1] === 1;
      this.view = [0, 1]; // the plates ahead show whole takes
      if (!whole && this.front) this.front.pictured = '';
    }
    let plate = this.plates.find((p) => p.id === id && p.levels);
    if (!plate) {
      plate = this.plateOf(id);
      plate.levels = sheet?.levels ?? null;
      plate.marks = sheet?.marks ?? null;
    }
    plate.request = ++this.requests;
    const before = this.front;
    this.front = plate;
    this.draw(plate);
    if (plate === before) return;
    if (before) before.canvas.style.visibility = 'hidden';
    plate.canvas.style.visibility = 'visible';
  }

  /** What was said about the take in sight has changed, or not. */
  mark(id: string, marks: Marks): void {
    if (this.front?.id !== id || !this.front.levels) return;
    this.front.marks = marks;
    this.draw(this.front);
  }

  /** Show a part of the take in sight: from and to as shares of its length. */
  zoom(from: number, to: number): void {
    this.view = [from, to];
    if (this.front) this.draw(this.front);
  }

  setContrast(contrast: number): void {
    this.contrast = contrast;
    this.drawAll();
  }

  /** The plate of a take, or the one that was wanted longest ago. */
  private plateOf(id: string): Plate {
    let plate = this.plates.find((p) => p.id === id);
    if (!plate) {
      plate = this.plates.filter((p) => p !== this.front).reduce((a, b) => (b.request < a.request ? b : a));
      plate.id = id;
      plate.levels = plate.marks = null;
    }
    plate.request = ++this.requests;
    return plate;
  }

  private fit(entry: ResizeObserverEntry): void {
    const box = entry.contentRect;
    const exact = entry.devicePixelContentBoxSize?.[0];
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = exact ? [exact.inlineSize, exact.blockSize] : [box.width * ratio, box.height * ratio];
    const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / Math.max(1, width * height)));
    this.width = Math.round(width * shrink);
    this.height = Math.round(height * shrink);
    this.unit = box.height ? this.height / box.height : 1;
    this.drawAll();
  }

  private drawAll(): void {
    if (this.front) this.draw(this.front);
    this.drawLater();
  }

  /** The others, one at a time while nothing else is to do. */
  private drawLater(): void {
    this.later ??= idle(() => {
      this.later = null;
      const plate = this.plates.find((p) => p.levels && this.isStale(p));
      if (!plate) return;
      this.draw(plate);
      this.drawLater();
    });
  }

  private pictureKey(plate: Plate): string {
    const [from, to] = plate === this.front ? this.view : [0, 1];
    return `${plate.levels ? plate.id : ''} ${this.width} ${this.height} ${this.contrast} ${from} ${to}`;
  }

  private isStale(plate: Plate): boolean {
    return plate.pictured !== this.pictureKey(plate) || plate.marked !== JSON.stringify(plate.marks);
  }

  /** Bring a plate up to date; what is there already is not drawn again. */
  private draw(plate: Plate): void {
    const { canvas, picture, levels, marks } = plate;
    const { width, height } = this;
    if (!width || !height) return;
    const pictured = this.pictureKey(plate);
    const marked = JSON.stringify(marks);
    if (pictured === plate.pictured && marked === plate.marked) return;
    if (pictured !== plate.pictured) {
      resize(picture, width, height);
      this.paint(plate);
      plate.pictured = pictured;
    }
    resize(canvas, width, height);
    const context = opaque(canvas);
    context.drawImage(picture, 0, 0);
    if (marks) drawMarks(context, marks, width, height, this.unit);
    plate.marked = marked;
    canvas.dataset.take = levels ? plate.id : ''; // whose picture it is
  }

  /** Levels in colour, scaled to the whole of the plate; black without. */
  private paint(plate: Plate): void {
    const { picture, levels } = plate;
    const context = opaque(picture);
    context.fillStyle = '#000004';
    context.fillRect(0, 0, picture.width, picture.height);
    if (!levels?.frames) return;
    const of = `${plate.id} ${this.contrast}`;
    const small = plate.small?.of === of ? plate.small.canvas : coloured(levels, this.contrast);
    const [from, to] = plate === this.front ? this.view : [0, 1];
    const whole = from === 0 && to === 1;
    plate.small = whole ? null : { of, canvas: small }; // kept while it is zoomed: colouring costs most
    const span = (to - from) * levels.frames;
    context.imageSmoothingQuality = span > picture.width ? 'medium' : 'low'; // long takes are made narrower
    context.drawImage(small, from * levels.frames, 0, span, levels.rows, 0, 0, picture.width, picture.height);
  }
}

function coloured(levels: Levels, contrast: number): HTMLCanvasElement {
  const small = document.createElement('canvas');
  [small.width, small.height] = [levels.frames, levels.rows];
  opaque(small).putImageData(new ImageData(pixels(levels, contrast), levels.frames, levels.rows), 0, 0);
  return small;
}

/** Setting a size clears and allocates, so an equal one is not set again. */
function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Opaque: nothing that lies under it need be drawn. */
function opaque(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext('2d', { alpha: false })!;
}

// Safari has no idle callbacks.
const idle: (work: () => void) => number = 'requestIdleCallback' in window ? (work) => requestIdleCallback(work, { timeout: 500 }) : (work) => window.setTimeout(work, 20);
const cancelIdle: (handle: number) => void = 'cancelIdleCallback' in window ? (h) => cancelIdleCallback(h) : (h) => clearTimeout(h);
