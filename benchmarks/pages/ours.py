"""Our page: where its parts are, and its server."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from neuralbum.project import Project

from .keys import NUMBER, listen

OURS = {
    "players": "window.curate.pool.players",
    # the take that is shown whole; while one is shown in part, the one before
    "shown": """() => {
      const { row } = curate.session;
      const canvas = [...document.querySelectorAll('canvas.levels')].find((c) => c.style.visibility !== 'hidden');
      const whole = document.querySelector('.number').textContent === String(row.number)
        && canvas?.dataset.take === row.id;
      return (window.whole = whole ? row.id : window.whole);
    }""",
    "number": NUMBER,
    "player": "() => curate.pool.players.findIndex((p) => p === curate.pool.current?.player)",
}
"""What ``keys.listen`` asks the page."""


@contextlib.contextmanager
def serving(project: Project) -> Iterator[str]:
    """Our server, in a process of its own."""
    command = [sys.executable, "-m", "neuralbum", "curate", "-p", str(project.root), "--port", "0", "--json"]
    process = subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, text=True)
    text = ""
    try:
        while True:
            text += process.stdout.readline()  # type: ignore[union-attr]
            if process.poll() is not None:
                raise SystemExit("the server did not start")
            with contextlib.suppress(ValueError):
                url = json.loads(text)["links"][0]["url"].rstrip("/")
                break
        yield url
    finally:
        process.terminate()
        process.wait(20)


def compose(browser: Any, url: str, n_atlases: int | None) -> list[str]:
    """Have the first atlases composed before anybody waits; returns all takes in the order of the page."""
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector(".cell")
    queue: list[str] = page.evaluate("() => curate.session.rows.map((r) => r.id)")
    for atlas in page.evaluate("() => curate.session.atlases.map((a) => a.url)")[:n_atlases]:
        page.request.get(url + atlas)
    page.close()
    return queue


def open_ours(browser: Any, url: str) -> Any:
    """Our page, listened to, in a context of its own; the first take plays."""
    page = browser.new_context(viewport={"width": 1600, "height": 1000}, bypass_csp=True).new_page()
    page.goto(url)
    page.wait_for_function("() => window.curate")
    page.keyboard.press("w")
    page.wait_for_selector(".number")
    page.wait_for_function("() => curate.pool.players.filter((p) => p.readyState >= 3).length >= 3")
    listen(page, OURS)
    page.keyboard.press("Space")
    page.wait_for_timeout(1500)
    return page
