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

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import music
from neuralbum import audio
from neuralbum.catalogue import schema
from neuralbum.catalogue.database import writing
from neuralbum.curate import pictures
from neuralbum.curate.params import Params
from neuralbum.curate.shelf import Shelf
from neuralbum.project import Project
from neuralbum.records import Event, Finding, Recipe, Take, canonical, digest
from report import Row, arguments, print_report, row

TAKE_S = 30.0
RATE = 32_000
SOUNDS = 16
MATERIAL = 1
"""Counts changes of ``make_project``, so that an old copy is not taken for a new one."""
THINK_MS = 500
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--autoplay-policy=no-user-gesture-required", "--enable-precise-memory-info"),
]

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
THEIRS = {
    "players": "[document.querySelector('audio')]",
    "shown": "() => window.whole",
    "number": NUMBER,
    "player": "() => 0",
}

PLAIN = """<!doctype html><title>plain</title><p class=number></p><img width=1240 height=600><audio preload=auto>
</audio><script>
const takes = %s; let at = -1;
const audio = document.querySelector('audio'), image = document.querySelector('img');
async function next(verdict) {
  audio.pause();
  if (verdict) await fetch('/save', { method: 'POST', body: JSON.stringify([takes[at].id, verdict]) });
  const take = takes[++at];
  document.querySelector('.number').textContent = at;
  image.src = take.image;
  image.decode().then(() => { if (take === takes[at]) window.whole = take.id; });
  audio.src = take.sound;
  audio.currentTime = take.start;
  await audio.play();
}
window.begin = () => next(null);
addEventListener('keydown', (e) => { if (e.code === 'KeyK') next('keep'); if (e.code === 'KeyX') next('drop'); });
</script>"""


# ---- the material -----------------------------------------------------------------


def fresh_project(root: Path, n_takes: int) -> Project:
    """A copy of the project that was made once and kept in the cache; big files are linked."""
    kept = music.cache() / f"curate-{MATERIAL}-{n_takes}"
    if not kept.exists():
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        make_project(part, n_takes).catalogue.close()
        part.rename(kept)

    def put(source: str, target: str) -> None:
        if Path(source).name.startswith(("catalogue.db", "neuralbum.toml")):
            shutil.copy2(source, target)
            return
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)

    shutil.copytree(kept, root, copy_function=put)
    return Project.open(root)


def make_project(root: Path, n_takes: int) -> Project:
    """Takes whose thumbnails all differ; the sounds are shared among them."""
    from PIL import Image

    project = Project.create(root, artist="The Benchmarks", album="Three Thousand Takes")
    thumbnails = root / "artefacts" / "screen"
    thumbnails.mkdir(parents=True)
    (root / "takes").mkdir()
    rng = np.random.default_rng(0)
    songs = []
    for path in music.tracks("blkrbt")[:4]:
        sound, _ = audio.read(path, sample_rate=RATE)
        songs.append((sound, pictures.mel_levels(sound.mean(axis=0), RATE)))
    for i in range(SOUNDS):
        sound = songs[i % len(songs)][0]
        start = int(rng.integers(0, sound.shape[1] - TAKE_S * RATE))
        audio.write_flac(root / "takes" / f"s{i}.flac", sound[:, start : start + int(TAKE_S * RATE)], RATE)
    n_frames = round(TAKE_S * pictures.FRAME_RATE)
    captions = (
        "loud, dense",
        "sparse, falls silent at 0:22",
        "guitars and drums",
        "noise",
        "slow, clean",
        "blast beats",
    )
    takes, findings = [], []
    for i in range(n_takes):
        recipe = Recipe("net", "0" * 8, 1, 0, i, ((0.0, 0.98 + 0.005 * (i % 9)),), int(TAKE_S * RATE), RATE, "bench 1")
        path = f"takes/s{i % SOUNDS}.flac"
        take = Take(recipe.take_id, recipe, path, "0" * 64, RATE, 2, recipe.n_samples, created_at=float(i))
        takes.append(asdict(take) | {"recipe": canonical(recipe), "events": []})
        levels = songs[i % len(songs)][1]
        start = int(rng.integers(0, levels.shape[1] - n_frames))
        picture = pictures.colour(pictures.shrink(levels[:, start : start + n_frames]))
        file = thumbnails / f"{take.id}.webp"
        Image.fromarray(picture).save(file, "WEBP", quality=70, method=2)
        flags = [{"name": "silence", "value": 0.3, "threshold": 0.2, "ranges": [[22.0, 26.0]]}] if i % 7 == 0 else []
        values = {"score": round(float(rng.beta(2, 2)), 4), "caption": captions[i % len(captions)], "flags": flags}
        files = {"thumbnail": project.relative(file)}
        findings.append(asdict(Finding(digest("bench", take.id), "screen", 1, take.id, {}, {}, values, files)))
    with writing(project.catalogue.engine) as connection:  # one transaction instead of six thousand
        connection.execute(schema.take.insert(), takes)
        connection.execute(schema.finding.insert(), findings)
    return project


def share_copies(project: Project, take_ids: list[str]) -> None:
    """Listening copies for these takes: one encoding a sound, linked under every take's name."""
    shelf = Shelf(project, opus_kbps=Params().opus_kbps)
    made: dict[str, tuple[Path, Path]] = {}
    for take in project.catalogue.takes(take_ids):
        if take.path not in made:
            made[take.path] = (shelf.opus(take), shelf.mel(take, None))
        for source, suffix in zip(made[take.path], ("opus", "mel.gz"), strict=True):
            target = shelf._file(take, suffix)
            if not target.exists():
                os.link(source, target)
    shelf.close()


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


def draw_plainly(shelf: Shelf, takes: list[Take]) -> dict[str, Path]:
    """The pictures our page draws from levels, as image files: path of the sound -> WebP."""
    from PIL import Image

    drawn: dict[str, Path] = {}
    for take in takes:
        if take.path not in drawn:
            drawn[take.path] = shelf.folder / f"{take.id}.plain.webp"
            Image.fromarray(pictures.colour(shelf.levels(take, None)[::-1])).save(drawn[take.path], "WEBP", quality=80)
    return drawn


@contextlib.contextmanager
def serving_plainly(project: Project, take_ids: list[str]) -> Iterator[str]:
    """The plain page: the same files, the same catalogue, a verdict saved before the answer."""
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, HTMLResponse, JSONResponse
    from starlette.routing import Route

    shelf = Shelf(project, opus_kbps=Params().opus_kbps)
    takes = {take.id: take for take in project.catalogue.takes(take_ids)}
    drawn = draw_plainly(shelf, list(takes.values()))
    listed = [
        {"id": t, "image": f"/image/{t}", "sound": f"/sound/{t}", "start": TAKE_S / 3} for t in take_ids if t in takes
    ]

    async def save(request: Any) -> JSONResponse:
        take_id, verdict = json.loads(await request.body())
        event = Event(f"plain-{time.time_ns()}", time.time(), "plain", "verdict", take_id, {"value": verdict})
        project.catalogue.say([event])
        return JSONResponse({})

    app = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(PLAIN % json.dumps(listed))),
            Route("/save", save, methods=["POST"]),
            Route("/sound/{t}", lambda r: FileResponse(shelf.opus(takes[r.path_params["t"]]), media_type="audio/ogg")),
            Route("/image/{t}", lambda r: FileResponse(drawn[takes[r.path_params["t"]].path])),
        ]
    )
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
        shelf.close()


# ---- measuring -----------------------------------------------------------------------


def cpu_s() -> float:
    """CPU seconds of all of Chromium and of our server, below this process."""
    parents: dict[int, int] = {}
    times: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                command = (entry / "cmdline").read_bytes()
                if b"chrom" in command or b"\0neuralbum\0curate" in command:
                    times[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_ours(pid: int) -> bool:
        while pid > 1:
            if pid == os.getpid():
                return True
            pid = parents.get(pid, 0)
        return False

    return sum(t for pid, t in times.items() if is_ours(pid))


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


def p95(values: list[float]) -> float:
    return float(np.percentile(values, 95)) if values else float("nan")


def main() -> None:
    options = arguments(__doc__.splitlines()[0], keys="only what a key does: paint, screen and sound")
    n_takes, n_decisions, n_plain = (600, 40, 20) if options.quick else (3000, 200, 60)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print_report([Row("curation page", None, reason="playwright is not installed")], as_json=options.json)
        return
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        project = fresh_project(Path(folder) / "album", n_takes)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with serving(project) as url:
            warm = browser.new_page()
            warm.goto(url)
            warm.wait_for_selector(".cell")
            queue = warm.evaluate("() => curate.session.rows.map((r) => r.id)")
            near = 2 if options.keys else None  # of the atlases: a wall needs them all
            for atlas in warm.evaluate("() => curate.session.atlases.map((a) => a.url)")[:near]:
                warm.request.get(url + atlas)  # composed before anybody waits, as `curate` does in the background
            warm.close()
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


def ear_rows(browser: Any, url: str, project: Project, queue: list[str], n_decisions: int, n_plain: int) -> list[Row]:
    with serving_plainly(project, queue[: n_plain + 4]) as plain_url:
        page = browser.new_page()
        page.goto(plain_url)
        listen(page, THEIRS)
        page.evaluate("() => window.begin()")
        page.wait_for_timeout(1500)
        plain = decide(page, n_plain)
        page.close()
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, bypass_csp=True)
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("() => window.curate")
    page.keyboard.press("w")
    page.wait_for_selector(".number")
    page.wait_for_function("() => curate.pool.players.filter((p) => p.readyState >= 3).length >= 3")
    listen(page, OURS)
    page.keyboard.press("Space")
    page.wait_for_timeout(1500)
    ours = decide(page, n_decisions)
    page.wait_for_function("() => curate.outbox.state.waiting === 0")
    context.close()
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
