"""Clocks for the wall of thumbnails: until every cell on screen is painted."""

from __future__ import annotations

import statistics
from typing import Any

from .browser import cpu_s

ALL_VISIBLE = """async () => {
  const wall = document.querySelector('.wall').getBoundingClientRect();
  const urls = () => new Set([...document.querySelectorAll('.cell')].filter((cell) => {
    const box = cell.getBoundingClientRect();
    return box.bottom > wall.top && box.top < wall.bottom;
  }).map((cell) => cell.style.backgroundImage.slice(5, -2)));
  const frame = () => new Promise(requestAnimationFrame);
  for (;;) {
    const wanted = urls();
    if (wanted.size && !wanted.has('')) {
      await Promise.all([...wanted].map((url) => { const i = new Image(); i.src = url; return i.decode(); }));
      await frame();
      await new Promise((r) => { const c = new MessageChannel(); c.port1.onmessage = r; c.port2.postMessage(0); });
      if ([...urls()].every((url) => wanted.has(url))) return performance.now();
    }
    await frame();
  }
}"""


def first_screen(browser: Any, url: str, n: int) -> dict[str, float]:
    """Medians over fresh contexts (nothing cached but the renderer's process)."""
    seconds, cpu, ahead, images, nodes, bare = [], [], [], [], [], []
    for _ in range(n):
        context = browser.new_context(viewport={"width": 1600, "height": 1000})
        page = context.new_page()
        page.goto(f"{url}/api")  # another page of the same server: the process is there, nothing of ours is
        page.wait_for_timeout(500)
        seen: list[str] = []
        page.on("request", lambda r, seen=seen: seen.append(r.url) if "/atlas/" in r.url else None)
        before = cpu_s()
        page.goto(f"{url}/api?again")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        bare.append(cpu_s() - before)
        before = cpu_s()
        page.goto(url)
        page.wait_for_selector(".cell")
        seconds.append(page.evaluate(ALL_VISIBLE) / 1000)
        cpu.append(cpu_s() - before)
        page.wait_for_timeout(1000)
        ahead.append(cpu_s() - before)
        images.append(len(seen))
        nodes.append(page.evaluate("() => document.querySelectorAll('*').length"))
        context.close()
    return {
        "seconds": statistics.median(seconds),
        "least": min(seconds),
        "cpu": statistics.median(cpu),
        "ahead": statistics.median(ahead),
        "bare": statistics.median(bare),
        "images": max(images),
        "nodes": max(nodes),
    }


def jumps(browser: Any, url: str, n: int) -> dict[str, list[float]]:
    """Key to all cells on screen painted, ms."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".cell")
    page.wait_for_timeout(1500)
    page.evaluate("() => addEventListener('keydown', (e) => (window.pressed = e.timeStamp), true)")
    times: dict[str, list[float]] = {"End": [], "Home": [], "PageDown": []}
    for _ in range(n):
        for key in ("End", "Home", "PageDown", "PageDown"):
            page.keyboard.press(key)
            shown = page.evaluate(ALL_VISIBLE)
            times[key].append(shown - page.evaluate("() => window.pressed"))
            page.wait_for_timeout(250)
    context.close()
    return times
