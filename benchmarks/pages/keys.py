"""Clocks from a key to what it does: paint, the composed screen, and sound, each as the page itself is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np

THINK_MS = 500

EAR = """
class Ear extends AudioWorkletProcessor {
  constructor() { super(); this.silent = 1000; }
  process([input], [output]) {
    let loud = false;
    for (let c = 0; c < input.length; c++) {
      output[c]?.set(input[c]);
      for (const x of input[c]) if (x > 1e-4 || x < -1e-4) { loud = true; break; }
    }
    if (loud && this.silent >= 2) this.port.postMessage(Date.now());
    this.silent = loud ? 0 : this.silent + 1;
    return true;
  }
}
registerProcessor('ear', Ear);
"""

LISTEN = """async ([code, players]) => {
  const context = new AudioContext({ latencyHint: 'interactive' });
  await context.resume();
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  window.heard = [];
  let dawn = -Infinity; // of the page's clock on the wall clock, which counts whole milliseconds
  for (let i = 0; i < 2000; i++) dawn = Math.max(dawn, Date.now() - performance.now());
  for (const [index, player] of window.eval(players).entries()) {
    const node = new AudioWorkletNode(context, 'ear');
    context.createMediaElementSource(player).connect(node).connect(context.destination);
    node.port.onmessage = ({ data }) => window.heard.push([index, data - dawn, performance.now()]);
  }
  window.presses = [];
  let letter = null; // says when the frame that it came with was presented
  const present = (press) => {
    letter?.remove();
    letter = Object.assign(document.createElement('i'), { textContent: 'x' });
    letter.style.cssText = 'position: fixed; left: 300px; top: 300px; font-size: 8px';
    letter.setAttribute('elementtiming', String(window.presses.indexOf(press)));
    document.body.append(letter);
  };
  new PerformanceObserver((list) => {
    for (const { identifier, renderTime } of list.getEntries()) {
      if (window.presses[Number(identifier)]) window.presses[Number(identifier)].presented = renderTime;
    }
  }).observe({ type: 'element' });
  window.addEventListener('keydown', (event) => {
    const press = { at: event.timeStamp, from: window.shown(), number: window.number() };
    Object.assign(press, { painted: null, numbered: null, presented: null });
    window.presses.push(press);
    setTimeout(() => { press.player = window.player(); });
    const after = (done) => { // this frame's paint
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    };
    const look = () => {
      const whole = window.shown() !== press.from;
      if (press.numbered === null && window.number() !== press.number) {
        press.numbered = 0;
        after(() => { press.numbered = performance.now(); });
      }
      if (!whole) return requestAnimationFrame(look);
      present(press);
      after(() => { press.painted = performance.now(); });
    };
    requestAnimationFrame(look);
  }, true);
}"""

NUMBER = "() => document.querySelector('.number')?.textContent"


def decide(page: Any, n: int) -> dict[str, Any]:
    """Press K and X as a person would; ms from key to paint and to sound of the next take."""
    dice = np.random.default_rng(0)
    page.evaluate("() => { window.presses.length = 0; window.heard.length = 0; }")
    heap: list[float] = []
    session = page.context.new_cdp_session(page)

    def weigh() -> None:
        session.send("HeapProfiler.collectGarbage")
        heap.append(page.evaluate("() => performance.memory.usedJSHeapSize / 1e6"))

    for i in range(n):
        page.keyboard.press(["k", "x"][int(dice.integers(2))])
        page.wait_for_timeout(THINK_MS * float(dice.uniform(0.5, 1.5)))
        if i in (n // 5, n - 1):
            weigh()
    page.wait_for_timeout(THINK_MS)  # for the last one
    presses, heard = page.evaluate("() => [window.presses, window.heard]")
    paint, number, sound, screen, silent = [], [], [], [], 0
    for i, press in enumerate(presses):
        until = presses[i + 1]["at"] if i + 1 < len(presses) else float("inf")
        if press["painted"]:
            paint.append(press["painted"] - press["at"])
        if press["numbered"]:
            number.append(press["numbered"] - press["at"])
        if press["presented"]:
            screen.append(press["presented"] - press["at"])
        mine = [at for player, at, told in heard if player == press["player"] and press["at"] < told < until]
        if mine:
            sound.append(mine[0] - press["at"])
        else:
            silent += 1
    times = {"paint": paint, "number": number, "sound": sound, "screen": screen}
    return {**times, "silent": silent, "heap": heap, "n": len(presses)}


def listen(page: Any, where: dict[str, str]) -> None:
    told = "; ".join(f"window.{name} = {where[name]}" for name in ("shown", "number", "player"))
    page.evaluate(f"() => {{ {told}; }}")
    page.evaluate(LISTEN, [EAR, where["players"]])
