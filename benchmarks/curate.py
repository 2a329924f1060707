"""The curation page in a real Chromium: first screen, jumps, key to paint, key to sound, nothing lost.

``python benchmarks/curate.py [--quick] [--json] [--keys]``. Three thousand thumbnails of
different half-minutes of real music (with ``--quick`` six hundred), sixteen of
them sounding. Beside our page runs a plain one, as most tools are built: one
``<audio>``, the verdict awaited before the next take is loaded.

What is counted. First screen: from the navigation, in a renderer that is alive
already (starting Chromium's processes is not the page's cost), until every
cell on screen is painted; CPU of all of Chromium and of our server until then.
Key to paint: from the key event's own time stamp until a frame is painted that
shows the next take whole, its number and its picture; the plain page shows the
same picture, ready-made, in an ``<img>``. Key to screen: the same frame until it is
presented, rastered and composed (Element Timing's ``renderTime`` of a letter that is
put on the page in that frame). The two differ: without a GPU the compositor's work
comes after the page's, and Chromium puts off messages, so also ours at the end of a
frame, while a key up waits for its own frame. Key to sound: what an AudioWorklet
hears, the first block that is not silent on the player of the *new* take (one
detector a player; a shared one hears the take before), on the wall clock, without
the sound card. A take is silent if the page is told of no such block between its
key and the next: no clock is asked
(mapping the audio clock to the page's counted sounding takes as silent under load).
Seeds: 0 everywhere.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from neuralbum.project import Project
from pages.browser import launch
from pages.keys import decide
from pages.material import fresh_project, share_copies
from pages.ours import compose, open_ours, serving
from pages.plain import open_plainly, serving_plainly
from pages.wall import first_screen, jumps
from report import Row, arguments, print_report, row


def main() -> None:
    options = arguments(__doc__.splitlines()[0], keys="only what a key does: paint, screen and sound")
    n_takes, n_decisions, n_plain = (600, 40, 20) if options.quick else (3000, 200, 60)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print_report([Row("curation page", None, reason="playwright is not installed")], as_json=options.json)
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        project = fresh_project(Path(folder) / "album", n_takes)
        browser = launch(playwright)
        with serving(project) as url:
            queue = compose(browser, url, 2 if options.keys else None)  # a wall needs all atlases
            if not options.keys:
                rows += wall_rows(browser, url, 3 if options.quick else 5)
            share_copies(project, queue[: n_decisions + 8])
            rows += ear_rows(browser, url, project, queue, n_decisions, n_plain)
        browser.close()
        log = project.catalogue.events()
        verdicts = [e for e in log if e.kind == "verdict" and e.actor != "plain"]
        lost = n_decisions - len({e.client_id for e in verdicts})
        rows.append(row(f"verdicts lost of {n_decisions}", lost, "", "<= 0"))
        project.catalogue.close()
    print_report(rows, as_json=options.json)


def wall_rows(browser: Any, url: str, n: int) -> list[Row]:
    screen = first_screen(browser, url, n)
    times = jumps(browser, url, n)
    return [
        row("first screen, median", screen["seconds"], "s", "< 1.0"),
        row("first screen, best", screen["least"], "s"),
        row("first screen, Chromium and server", screen["cpu"], "CPU s", "< 1.0"),
        row("the same and a second of fetching ahead", screen["ahead"], "CPU s"),
        row("a page of text in the same process, Chromium and server", screen["bare"], "CPU s"),
        row("first screen, image requests", screen["images"], "", "<= 5"),
        row("nodes on the wall", screen["nodes"], "", "< 300"),
        *(row(f"{key} to all visible, median", statistics.median(ms), "ms", "< 150") for key, ms in times.items()),
    ]


def p95(values: list[float]) -> float:
    return float(np.percentile(values, 95)) if values else float("nan")


def ear_rows(browser: Any, url: str, project: Project, queue: list[str], n_decisions: int, n_plain: int) -> list[Row]:
    with serving_plainly(project, queue[: n_plain + 4]) as plain_url:
        page = open_plainly(browser, plain_url)
        plain = decide(page, n_plain)
        page.close()
    page = open_ours(browser, url)
    ours = decide(page, n_decisions)
    page.wait_for_function("() => curate.outbox.state.waiting === 0")
    page.context.close()
    heap = ours["heap"][-1] / ours["heap"][0] - 1
    return [
        row(f"key to paint, p95 of {ours['n']}", p95(ours["paint"]), "ms", "< 50"),
        row("key to paint, median", statistics.median(ours["paint"]), "ms"),
        row(f"key to screen, p95 of {len(ours['screen'])}", p95(ours["screen"]), "ms", "< 50"),
        row("key to screen, median", statistics.median(ours["screen"]), "ms"),
        row(f"key to sound, p95 of {len(ours['sound'])}", p95(ours["sound"]), "ms", "< 50"),
        row("key to sound, median", statistics.median(ours["sound"]), "ms"),
        row("silent takes", ours["silent"], "", "<= 0"),
        row("JavaScript heap, growth over the run", 100 * heap, "%", "<= 10"),
        row(f"plain page: key to sound, median of {len(plain['sound'])}", statistics.median(plain["sound"]), "ms"),
        row("plain page: key to paint, median", statistics.median(plain["paint"]), "ms"),
        row("plain page: key to screen, median", statistics.median(plain["screen"]), "ms"),
        row("plain page: silent takes", plain["silent"], ""),
        row(
            "key to sound, plain over ours (medians)",
            statistics.median(plain["sound"]) / statistics.median(ours["sound"]),
            "x",
            ">= 4 x",
        ),
        row(
            "key to paint, plain over ours (medians)",
            statistics.median(plain["paint"]) / statistics.median(ours["paint"]),
            "x",
            ">= 4 x",
        ),
        row(
            "key to screen, plain over ours (medians)",
            statistics.median(plain["screen"]) / statistics.median(ours["screen"]),
            "x",
            ">= 4 x",
        ),
        row(
            "key to the number alone, plain over ours (medians)",
            statistics.median(plain["number"]) / statistics.median(ours["number"]),
            "x",
        ),
    ]


if __name__ == "__main__":
    main()
