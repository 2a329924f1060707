"""A page for a blind ABX test of the mark: can anybody hear it?

    python benchmarks/abx.py FOLDER [FILE ...] [--seconds 10]

Writes FOLDER/index.html and pairs of 24-bit WAV files, unmarked and marked, cut from the middle of the files
(default: ten free songs). Open the page in a browser. A and B are the two in an order drawn anew each time, X is one of
them: a, b, x switch without a gap, 1 and 2 answer. The page counts and gives the chance of as many right answers
by guessing (binomial, one-sided). It says nothing about single answers until you ask for the result. Decide before you
begin how often you will answer: to stop when it looks good is not a test.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile

import music
from neuralbum import audio, marking
from neuralbum.demo.band import make_band

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Do you hear the mark?</title>
<style>
 body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
 button { font: inherit; padding: .5rem 1rem; margin: .2rem } button[aria-pressed=true] { outline: 3px solid }
</style>
<h1>Do you hear the mark?</h1>
<p>A and B are the same music, one of them marked. X is A or B. Keys: a, b, x to listen, 1 for “X is A”, 2 for “X is B”,
 space to stop.</p>
<p id="where" role="status">Press A, B or X to begin.</p>
<p><button id="a">A</button><button id="b">B</button><button id="x">X</button><button id="stop">stop</button></p>
<p><button id="one">X is A</button><button id="two">X is B</button></p>
<p><button id="show">show the result</button> <output id="result"></output></p>
<script>
const pairs = PAIRS;
const $ = (id) => document.getElementById(id);
let context, gains = {}, sources = [], trial, answers = [];
const coin = () => crypto.getRandomValues(new Uint8Array(1))[0] & 1;
function draw() {
  stop();
  trial = { pair: pairs[answers.length % pairs.length], swapped: coin(), x: coin() };
  trial.sound = Promise.all([trial.pair.plain, trial.pair.marked].map(load));
  $("where").textContent = `Answer ${answers.length + 1}: ${trial.pair.name}`;
}
async function load(path) {
  context ??= new AudioContext();
  const bytes = Uint8Array.from(atob(path), (c) => c.charCodeAt(0));
  return context.decodeAudioData(bytes.buffer);
}
function stop() { sources.forEach((s) => s.stop()); sources = []; gains = {}; press(""); }
function press(which) { for (const k of ["a", "b", "x"]) $(k).setAttribute("aria-pressed", k === which); }
async function play(which) {
  const mine = trial, two = await trial.sound;
  if (mine !== trial) return;
  await context.resume();
  if (!sources.length) {
    for (const k of ["a", "b"]) {
      const marked = (k === "b") !== Boolean(trial.swapped);
      const source = new AudioBufferSourceNode(context, { buffer: two[Number(marked)], loop: true });
      gains[k] = new GainNode(context, { gain: 0 });
      source.connect(gains[k]).connect(context.destination);
      sources.push(source);
    }
    const at = context.currentTime + 0.05;
    sources.forEach((s) => s.start(at));
  }
  const heard = which === "x" ? (trial.x ? "b" : "a") : which;
  for (const k of ["a", "b"]) gains[k].gain.setTargetAtTime(Number(k === heard), context.currentTime, 0.005);
  press(which);
}
function answer(isB) { answers.push(isB === Boolean(trial.x)); $("result").textContent = ""; draw(); }
function chance(right, n) {  // P(at least `right` of n by guessing)
  let p = 0, term = 2 ** -n;
  for (let k = 0; k <= n; k++) { if (k >= right) p += term; term *= (n - k) / (k + 1); }
  return Math.min(1, p);
}
function show() {
  const n = answers.length, right = answers.filter(Boolean).length;
  const p = chance(right, n).toPrecision(2);
  $("result").textContent = n ? `${right} of ${n} right; by guessing as many or more: p = ${p}` : "no answer yet";
}
for (const k of ["a", "b", "x"]) $(k).onclick = () => play(k);
$("stop").onclick = stop; $("one").onclick = () => answer(false); $("two").onclick = () => answer(true);
$("show").onclick = show;
document.onkeydown = (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
  const keys = { a: () => play("a"), b: () => play("b"), x: () => play("x") };
  const does = { ...keys, 1: () => answer(false), 2: () => answer(true), " ": stop }[e.key.toLowerCase()];
  if (does) { e.preventDefault(); does(); }
};
draw();
</script>
"""


def excerpts(files: list[Path], seconds: float) -> list[tuple[str, np.ndarray, int]]:
    """(name, float32 (channels, n), sample_rate): the middle of each file, with a short fade on both ends."""
    found = []
    if files:
        sounds = [(path.stem, *audio.read(path)) for path in files]
    else:
        sounds = [
            (path.stem, *audio.read(path)) for artist in ("blkrbt", "elysis") for path in music.tracks(artist)[:4]
        ]
        sounds += [(s.title, s.audio, s.sample_rate) for s in make_band(seed=44, n_songs=2, duration_s=40.0)]
    for name, sound, rate in sounds:
        n = min(round(seconds * rate), sound.shape[1])
        first = (sound.shape[1] - n) // 2
        fade = np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.02 * rate), 0, 1).astype(np.float32)
        found.append((name, sound[:, first : first + n] * fade * np.float32(0.9), rate))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for number, (name, plain, rate) in enumerate(excerpts(asked.files, asked.seconds), 1):
        marked = marking.mark(np.ascontiguousarray(plain), rate, marking.Payload(0, number))
        names = {kind: f"{number:02d} {kind}.wav" for kind in ("plain", "marked")}
        for kind, sound in (("plain", plain), ("marked", marked)):
            soundfile.write(asked.folder / names[kind], np.clip(sound, -1, 1).T, rate, subtype="PCM_24")
        pairs.append({"name": name, **names})
    (asked.folder / "index.html").write_text(page(asked.folder, pairs), encoding="utf-8")
    print(f"open {asked.folder / 'index.html'}")


def page(folder: Path, pairs: list[dict[str, str]]) -> str:
    """The page with the sounds inside, as a browser fetches no files from a page that is a file itself."""
    import base64

    whole = [
        {**pair, **{k: base64.b64encode((folder / pair[k]).read_bytes()).decode() for k in ("plain", "marked")}}
        for pair in pairs
    ]
    return PAGE.replace("PAIRS", json.dumps(whole).replace("<", "\\u003c"))


if __name__ == "__main__":
    main()
