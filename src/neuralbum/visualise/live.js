/* neuralbum live: draws a song's picture on a canvas, in time with an <audio>.
 *
 * No framework, no network but the one file of levels (format in live.py).
 *
 *   const player = await NeuralbumLive.attach(canvas, audio, "song.nblv");
 *   player.setLayout("plaid");   // or "waterfall"
 *   player.detach();
 *
 * The third argument is an address (a data: URL works too) or an ArrayBuffer.
 * Levels have been through the flash limiter. Whoever asks their system for
 * reduced motion gets a still picture, unless {motion: true} is passed.
 */
(function (root) {
  "use strict";

  const COLUMNS = 504; // six pixels a pitch; the browser smooths them up
  const PLAID_ROWS = 256;
  const HISTORY_S = 11;

  function parse(buffer) {
    const bytes = new Uint8Array(buffer);
    if (bytes.length < 8 || String.fromCharCode(...bytes.slice(0, 4)) !== "NBLV") {
      throw new Error("not a neuralbum live picture");
    }
    const length = new DataView(buffer).getUint32(4, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    header.compositing = header.compositing || header.ink; // its name in files made before 0.2
    const width = header.n_pitches + header.n_bands;
    const rows = bytes.subarray(8 + length);
    if (rows.length !== header.n_frames * width) throw new Error("live picture is cut short");
    return { header, rows, width };
  }

  function rgb(hex) {
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
  }

  // How much of each cell lies on each pixel: raised cosines, and a halo (the same as draw.spread).
  function spread(cells, pixels, bloom) {
    const share = new Float32Array(cells * pixels);
    for (let x = 0; x < pixels; x++) {
      const place = ((x + 0.5) * cells) / pixels - 0.5;
      let sum = 0;
      let glow = 0;
      const near = new Float32Array(cells);
      const halo = new Float32Array(cells);
      for (let c = 0; c < cells; c++) {
        const d = Math.abs(place - c);
        near[c] = d < 1 ? 0.5 + 0.5 * Math.cos(Math.PI * d) : 0;
        halo[c] = Math.exp(-0.5 * (d / bloom.cells) ** 2);
        sum += near[c];
        glow += halo[c];
      }
      for (let c = 0; c < cells; c++) {
        share[x * cells + c] = ((1 - bloom.share) * near[c]) / sum + (bloom.share * halo[c]) / glow;
      }
    }
    return share;
  }

  function tints(stops, n) {
    const colours = stops.map(rgb).map(([r, g, b]) => {
      const y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
      return [r / y, g / y, b / y];
    });
    const out = new Float32Array(n * 3);
    for (let i = 0; i < n; i++) {
      const place = (i / Math.max(1, n - 1)) * (colours.length - 1);
      const at = Math.min(colours.length - 2, Math.floor(place));
      for (let c = 0; c < 3; c++) {
        out[i * 3 + c] = colours[at][c] + (place - at) * (colours[at + 1][c] - colours[at][c]);
      }
    }
    return out;
  }

  class Painter {
    constructor(song) {
      this.song = song;
      const h = song.header;
      this.palette = Array.from({ length: h.n_pitches }, (_, i) => rgb(h.palette[i % 12]));
      this.pitchShare = spread(h.n_pitches, COLUMNS, h.bloom);
      this.lightAcross = spread(h.n_bands, COLUMNS, h.bloom);
      this.lightDown = spread(h.n_bands, PLAID_ROWS, h.bloom);
      this.tintAcross = tints(h.light, COLUMNS);
      this.tintDown = tints(h.light, PLAID_ROWS);
      this.pitch = new Float32Array(h.n_pitches);
      this.light = new Float32Array(h.n_bands);
      this.colour = new Float32Array(COLUMNS * 3);
    }

    // Levels of one frame -> strengths (the same as palette.pitch_strength and light_strength).
    // Before its first frame a song shows its end, dimmer (the same as draw.past).
    read(frame) {
      const { header: h, rows, width } = this.song;
      const n = h.n_frames;
      const at = (frame < 0 ? ((frame % n) + n) % n : Math.min(n - 1, frame)) * width;
      const full = frame < 0 ? 255 / (h.before || 0) : 255;
      const bent = (v, b) => (v > b.floor ? ((v - b.floor) / (1 - b.floor)) ** b.bend : 0);
      for (let i = 0; i < h.n_pitches; i++) {
        const level = rows[at + i] / full;
        const left = i ? rows[at + i - 1] / full : 0;
        const right = i + 1 < h.n_pitches ? rows[at + i + 1] / full : 0;
        const stronger = Math.max(0, Math.max(left, right) - level);
        this.pitch[i] = bent(level, h.pitch) * Math.max(0, 1 - h.inhibition * stronger);
      }
      for (let i = 0; i < h.n_bands; i++) this.light[i] = bent(rows[at + h.n_pitches + i] / full, h.band);
    }

    colours() {
      const n = this.pitch.length;
      this.colour.fill(0);
      for (let x = 0; x < COLUMNS; x++) {
        let r = 0, g = 0, b = 0;
        for (let i = 0; i < n; i++) {
          const v = this.pitch[i] * this.pitchShare[x * n + i];
          if (v === 0) continue;
          const colour = this.palette[i];
          r += v * colour[0];
          g += v * colour[1];
          b += v * colour[2];
        }
        this.colour[x * 3] = r;
        this.colour[x * 3 + 1] = g;
        this.colour[x * 3 + 2] = b;
      }
    }

    lights(share, pixels) {
      const n = this.light.length;
      const out = new Float32Array(pixels);
      for (let x = 0; x < pixels; x++) {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += this.light[i] * share[x * n + i];
        out[x] = sum;
      }
      return out;
    }

    // One row of a waterfall into RGBA bytes.
    row(frame, out, start) {
      const mix = this.song.header.compositing;
      this.read(frame);
      this.colours();
      const light = this.lights(this.lightAcross, COLUMNS);
      for (let x = 0; x < COLUMNS; x++) {
        const glare = mix.glare * light[x];
        const gain = (1 - glare) * (mix.dim + mix.boost * light[x]);
        for (let c = 0; c < 3; c++) {
          out[start + x * 4 + c] = 255 * (glare * this.tintAcross[x * 3 + c] + gain * this.colour[x * 3 + c]);
        }
        out[start + x * 4 + 3] = 255;
      }
    }

    plaid(frame, out) {
      const mix = this.song.header.compositing;
      this.read(frame);
      this.colours();
      const light = this.lights(this.lightDown, PLAID_ROWS);
      for (let y = 0; y < PLAID_ROWS; y++) {
        const band = PLAID_ROWS - 1 - y; // the lowest band lies at the bottom
        const glare = mix.glare * light[band];
        const gain = (1 - glare) * (mix.dim + mix.boost * light[band]);
        const r = glare * this.tintDown[band * 3];
        const g = glare * this.tintDown[band * 3 + 1];
        const b = glare * this.tintDown[band * 3 + 2];
        for (let x = 0, at = y * COLUMNS * 4; x < COLUMNS; x++, at += 4) {
          out[at] = 255 * (r + gain * this.colour[x * 3]);
          out[at + 1] = 255 * (g + gain * this.colour[x * 3 + 1]);
          out[at + 2] = 255 * (b + gain * this.colour[x * 3 + 2]);
          out[at + 3] = 255;
        }
      }
    }
  }

  class Player {
    constructor(canvas, audio, song, options) {
      this.canvas = canvas;
      this.audio = audio;
      this.song = song;
      this.painter = new Painter(song);
      this.context = canvas.getContext("2d", { alpha: false });
      this.still = !options.motion && root.matchMedia && root.matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.seen = Math.round(HISTORY_S * song.header.fps);
      this.sheet = document.createElement("canvas");
      this.setLayout(options.layout || song.header.layout);
      this.tick = this.tick.bind(this);
      this.redraw = () => this.draw();
      for (const name of ["play", "playing"]) audio.addEventListener(name, this.tick);
      for (const name of ["seeked", "pause", "loadedmetadata"]) audio.addEventListener(name, this.redraw);
      this.draw();
      if (!audio.paused) this.tick();
    }

    setLayout(layout) {
      this.layout = layout === "plaid" ? "plaid" : "waterfall";
      this.sheet.width = COLUMNS;
      this.sheet.height = this.layout === "plaid" ? PLAID_ROWS : this.seen;
      this.pen = this.sheet.getContext("2d", { alpha: false, willReadFrequently: true });
      this.image = this.pen.createImageData(COLUMNS, this.layout === "plaid" ? PLAID_ROWS : 1);
      this.last = null;
      this.draw();
    }

    tick() {
      if (this.still || this.gone || this.pending) return;
      this.pending = root.requestAnimationFrame(() => {
        this.pending = 0;
        this.draw();
        if (!this.audio.paused && !this.audio.ended) this.tick();
      });
    }

    // The frame that sounds now.
    frame() {
      const { fps, n_frames: count } = this.song.header;
      if (this.still) return Math.min(count - 1, Math.round(count / 2));
      return Math.min(count - 1, Math.floor(this.audio.currentTime * fps));
    }

    draw() {
      const frame = this.frame();
      if (frame !== this.last) {
        if (this.layout === "plaid") {
          this.painter.plaid(frame, this.image.data);
          this.pen.putImageData(this.image, 0, 0);
        } else {
          this.scroll(frame);
        }
        this.last = frame;
      }
      const { context: pen, canvas } = this;
      pen.imageSmoothingEnabled = true;
      pen.imageSmoothingQuality = "high";
      const strip = this.layout === "plaid" ? 0 : Math.round(canvas.height * (this.song.header.strip || 1 / 13));
      pen.drawImage(this.sheet, 0, 0, canvas.width, canvas.height - strip);
      if (strip) this.keys(frame, strip);
    }

    // Move the sheet up by the frames that have passed, and paint only these.
    scroll(frame) {
      const passed = this.last === null ? this.seen : frame - this.last;
      const fresh = passed < 0 || passed > this.seen ? this.seen : passed;
      if (fresh < this.seen) this.pen.drawImage(this.sheet, 0, -fresh);
      for (let i = fresh - 1; i >= 0; i--) {
        this.painter.row(frame - i, this.image.data, 0);
        this.pen.putImageData(this.image, 0, this.seen - 1 - i);
      }
    }

    // The keyboard of what sounds now.
    keys(frame, height) {
      const { context: pen, canvas, painter } = this;
      const top = canvas.height - height;
      const gap = Math.max(2, height / 8);
      const wide = canvas.width / painter.pitch.length;
      pen.fillStyle = "#000";
      pen.fillRect(0, top, canvas.width, height);
      painter.read(frame);
      painter.palette.forEach((colour, i) => {
        const v = 0.1 + 0.9 * painter.pitch[i];
        pen.fillStyle = "rgb(" + colour.map((c) => Math.round(255 * v * c)).join(",") + ")";
        pen.fillRect(i * wide + wide * 0.08, top + gap, wide * 0.84, height - 1.5 * gap);
      });
    }

    detach() {
      this.gone = true;
      if (this.pending) root.cancelAnimationFrame(this.pending);
      for (const name of ["play", "playing"]) this.audio.removeEventListener(name, this.tick);
      for (const name of ["seeked", "pause", "loadedmetadata"]) this.audio.removeEventListener(name, this.redraw);
    }
  }

  async function attach(canvas, audio, source, options = {}) {
    let buffer = source;
    if (!(source instanceof ArrayBuffer)) {
      const answer = await fetch(source);
      if (!answer.ok) throw new Error("live picture: " + answer.status);
      buffer = await answer.arrayBuffer();
    }
    return new Player(canvas, audio, parse(buffer), options);
  }

  root.NeuralbumLive = { attach, parse, Painter };
})(typeof window === "undefined" ? globalThis : window);
