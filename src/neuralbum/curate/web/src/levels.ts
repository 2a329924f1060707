/** From a take's levels to colours: the server sends loudness, the page chooses the contrast. Pure. */

export interface Levels {
  rows: number; // mel bands, the lowest first
  frames: number;
  data: Uint8Array;
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
