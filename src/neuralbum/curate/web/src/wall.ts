/**
 * A wall of spectrograms: thousands of takes, a few dozen nodes.
 *
 * Only the rows on screen exist; a cell is a window onto an atlas, so a screen
 * of takes is one or two images. The grid is a real grid to a screen reader
 * (role=grid, one tab stop, moving focus), and it says how large it really is.
 */

export interface CellLook {
  url: string; // of the atlas
  slot: number; // position in the atlas
  mark: string; // keep, maybe, drop, auto-keep, auto-drop, "" ...
  dim: boolean;
  text: string; // shown under the picture
  badge: string; // flags and such, shown at the right
  label: string; // for a screen reader
  chosen: boolean; // among the selected
}

export interface WallOptions {
  columns: number; // cells a row in an atlas
  count: () => number;
  look: (index: number) => CellLook;
  onpick: (index: number, extend: boolean) => void;
  onopen: (index: number) => void;
}

export const CELL_RATIO = 96 / 240;
export const CELL_PX = 240; // as in the atlas: drawn without scaling, sharp and cheap
export const STRIP_PX = 26;
export const GAP_PX = 8;
const OVERSCAN_ROWS = 1;
const WIDEST_GAP_PX = 16;
const SLACK_PX = 2;

export interface Layout {
  columns: number;
  cell: number; // px, width
  picture: number; // px, height
  row: number; // px, with the gap
  gap: number; // px between columns
  left: number; // px before the first column
}

/** Whole columns of cells in their own size; one that fills the width on a phone. Pure. */
export function layoutFor(width: number): Layout {
  const columns = Math.max(1, Math.floor((width + GAP_PX + SLACK_PX) / (CELL_PX + GAP_PX)));
  const cell = columns === 1 ? Math.floor(width) : CELL_PX;
  const free = width - columns * cell;
  const gap = columns === 1 ? 0 : Math.min(WIDEST_GAP_PX, Math.floor(free / (columns - 1)));
  const left = Math.max(0, Math.floor((free - gap * (columns - 1)) / 2));
  const picture = Math.round(cell * CELL_RATIO);
  return { columns, cell, picture, row: picture + STRIP_PX + GAP_PX, gap, left };
}

/** First and one past the last row that must exist. Pure. */
export function rowsInView(layout: Layout, top: number, height: number, count: number): [number, number] {
  const all = Math.ceil(count / layout.columns);
  const first = Math.max(0, Math.floor(top / layout.row) - OVERSCAN_ROWS);
  return [Math.min(first, all), Math.min(all, Math.ceil((top + height) / layout.row) + OVERSCAN_ROWS)];
}

/** Where the cursor goes; stays inside. Pure. */
export function step(index: number, key: string, layout: Layout, viewRows: number, count: number): number {
  const by: Record<string, number> = {
    next: 1,
    previous: -1,
    down: layout.columns,
    up: -layout.columns,
    pagedown: layout.columns * Math.max(1, viewRows - 1),
    pageup: -layout.columns * Math.max(1, viewRows - 1),
    home: -Infinity,
    end: Infinity,
  };
  const to = index + (by[key] ?? 0);
  if ((key === 'up' || key === 'down') && (to < 0 || to >= count)) return index;
  return Math.max(0, Math.min(count - 1, to));
}

export class Wall {
  layout: Layout = layoutFor(800);
  cursor = 0;
  private box: HTMLElement;
  private floor: HTMLElement;
  private options: WallOptions;
  private rows = new Map<number, HTMLElement>();
  private spare: HTMLElement[] = [];
  private looks = new WeakMap<HTMLElement, string>();
  private resizer: ResizeObserver;
  private frame = 0;
  private wanted = new Set<string>();

  constructor(box: HTMLElement, options: WallOptions) {
    this.box = box;
    this.options = options;
    box.setAttribute('role', 'grid');
    box.tabIndex = -1;
    this.floor = document.createElement('div');
    this.floor.setAttribute('role', 'presentation');
    this.floor.className = 'wall-floor';
    box.append(this.floor);
    box.addEventListener('scroll', () => this.soon(), { passive: true });
    box.setAttribute('aria-multiselectable', 'true');
    box.addEventListener('mousedown', (event) => event.shiftKey && event.preventDefault()); // no words marked
    box.addEventListener('click', (event) => this.clicked(event, (index) => options.onpick(index, event.shiftKey)));
    box.addEventListener('dblclick', (event) => this.clicked(event, options.onopen));
    this.resizer = new ResizeObserver(() => this.measure());
    this.resizer.observe(box);
    this.measure();
  }

  close(): void {
    this.resizer.disconnect();
    cancelAnimationFrame(this.frame);
    this.floor.remove();
  }

  get viewRows(): number {
    return Math.max(1, Math.floor(this.box.clientHeight / this.layout.row));
  }

  /** Move the cursor and bring it into view. */
  point(index: number, focus: boolean): void {
    const before = this.cursor;
    this.cursor = Math.max(0, Math.min(this.options.count() - 1, index));
    this.reveal();
    this.render();
    this.paintAt(before);
    this.paintAt(this.cursor);
    if (focus) this.cellAt(this.cursor)?.focus({ preventScroll: true });
  }

  /** Everything may have changed: another queue, another filter. */
  reset(): void {
    for (const row of this.rows.values()) this.retire(row);
    this.rows.clear();
    this.measure();
  }

  /** Any of the takes on the screen may look different: another selection. */
  refresh(): void {
    for (const [number, row] of this.rows) {
      for (let i = 0; i < row.children.length; i++) this.paint(row.children[i] as HTMLElement, number * this.layout.columns + i);
    }
  }

  /** One take changed. */
  paintAt(index: number): void {
    const cell = this.cellAt(index);
    if (cell) this.paint(cell, index);
  }

  /** Have an atlas in the browser's cache before it is needed; it is decoded when it is shown. */
  fetch(url: string): void {
    if (this.wanted.has(url)) return;
    this.wanted.add(url);
    fetch(url, { priority: 'low' }).then(
      (answer) => answer.blob(),
      () => this.wanted.delete(url),
    );
  }

  private cellAt(index: number): HTMLElement | null {
    const row = this.rows.get(Math.floor(index / this.layout.columns));
    return (row?.children[index % this.layout.columns] as HTMLElement | undefined) ?? null;
  }

  private measure(): void {
    const style = getComputedStyle(this.box);
    const width = this.box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (width <= 0) return;
    const before = this.layout;
    this.layout = layoutFor(width);
    const all = Math.ceil(this.options.count() / this.layout.columns);
    this.floor.style.height = `${Math.max(0, all * this.layout.row - GAP_PX)}px`;
    this.box.setAttribute('aria-rowcount', String(all));
    this.box.setAttribute('aria-colcount', String(this.layout.columns));
    this.box.style.setProperty('--gap', `${this.layout.gap}px`);
    this.box.style.setProperty('--left', `${this.layout.left}px`);
    this.box.style.setProperty('--cell', `${this.layout.cell}px`);
    this.box.style.setProperty('--picture', `${this.layout.picture}px`);
    this.box.style.setProperty('--sheet', `${this.layout.cell * this.options.columns}px`);
    if (before.cell !== this.layout.cell || before.columns !== this.layout.columns || before.gap !== this.layout.gap) {
      const focused = this.box.contains(document.activeElement);
      for (const row of this.rows.values()) this.retire(row);
      this.rows.clear();
      this.reveal();
      this.render();
      if (focused) this.cellAt(this.cursor)?.focus({ preventScroll: true });
      return;
    }
    this.reveal();
    this.render();
  }

  private reveal(): void {
    const top = Math.floor(this.cursor / this.layout.columns) * this.layout.row;
    const bottom = top + this.layout.row;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (bottom > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = bottom - this.box.clientHeight + GAP_PX;
  }

  private soon(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  private render(): void {
    const count = this.options.count();
    const [first, end] = rowsInView(this.layout, this.box.scrollTop, this.box.clientHeight, count);
    for (const [number, row] of this.rows) {
      if (number < first || number >= end) {
        this.rows.delete(number);
        this.retire(row);
      }
    }
    for (let number = first; number < end; number++) {
      if (!this.rows.has(number)) this.rows.set(number, this.build(number, count));
    }
  }

  private retire(row: HTMLElement): void {
    row.remove();
    if (this.spare.length < 4) this.spare.push(row);
  }

  private build(number: number, count: number): HTMLElement {
    const row = this.spare.pop() ?? document.createElement('div');
    row.className = 'wall-row';
    row.setAttribute('role', 'row');
    row.setAttribute('aria-rowindex', String(number + 1));
    row.style.transform = `translateY(${number * this.layout.row}px)`;
    const start = number * this.layout.columns;
    const n = Math.min(this.layout.columns, count - start);
    while (row.children.length > n) row.lastElementChild!.remove();
    while (row.children.length < n) {
      const cell = document.createElement('div');
      cell.className = 'cell';
      cell.setAttribute('role', 'gridcell');
      cell.append(document.createElement('span'));
      row.append(cell);
    }
    for (let i = 0; i < n; i++) this.paint(row.children[i] as HTMLElement, start + i);
    this.floor.append(row);
    return row;
  }

  private paint(cell: HTMLElement, index: number): void {
    const look = this.options.look(index);
    const here = index === this.cursor;
    const key = JSON.stringify([look, here, index, this.layout.cell]);
    if (this.looks.get(cell) === key) return;
    this.looks.set(cell, key);
    const x = (look.slot % this.options.columns) * this.layout.cell;
    const y = Math.floor(look.slot / this.options.columns) * this.layout.cell * CELL_RATIO;
    cell.style.backgroundImage = look.url ? `url("${look.url}")` : '';
    cell.style.backgroundPosition = `-${x}px -${y}px`;
    cell.dataset.index = String(index);
    cell.dataset.mark = look.mark;
    cell.classList.toggle('dim', look.dim);
    cell.classList.toggle('here', here);
    cell.tabIndex = here ? 0 : -1;
    cell.classList.toggle('chosen', look.chosen);
    cell.setAttribute('aria-selected', String(here || look.chosen));
    cell.setAttribute('aria-colindex', String((index % this.layout.columns) + 1));
    cell.setAttribute('aria-label', look.label);
    const strip = cell.firstElementChild as HTMLElement;
    strip.textContent = look.text;
    strip.dataset.badge = look.badge;
  }

  private clicked(event: MouseEvent, tell: (index: number) => void): void {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('.cell');
    if (cell?.dataset.index) tell(Number(cell.dataset.index));
  }
}
