"""A plain page, as most tools are built: one ``<audio>``, the verdict awaited before the next take is loaded."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuralbum.curate.media_cache import MediaCache
from neuralbum.curate.params import Params
from neuralbum.project import Project
from neuralbum.records import Event, Take
from neuralbum.screen.pictures import palette

from .keys import NUMBER, listen
from .material import TAKE_S

THEIRS = {
    "players": "[document.querySelector('audio')]",
    "shown": "() => window.whole",
    "number": NUMBER,
    "player": "() => 0",
}
"""What ``keys.listen`` asks the page."""

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


def draw_plainly(media: MediaCache, takes: list[Take]) -> dict[str, Path]:
    """The pictures our page draws from levels, as image files: path of the sound -> WebP."""
    from PIL import Image

    drawn: dict[str, Path] = {}
    for take in takes:
        if take.path not in drawn:
            drawn[take.path] = media.folder / f"{take.id}.plain.webp"
            Image.fromarray(palette()[media.levels(take, None)[::-1]]).save(drawn[take.path], "WEBP", quality=80)
    return drawn


@contextlib.contextmanager
def serving_plainly(project: Project, take_ids: list[str]) -> Iterator[str]:
    """The plain page: the same files, the same catalogue, a verdict saved before the answer."""
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, HTMLResponse, JSONResponse
    from starlette.routing import Route

    media = MediaCache(project, opus_kbps=Params().opus_kbps)
    takes = {take.id: take for take in project.catalogue.takes(take_ids)}
    drawn = draw_plainly(media, list(takes.values()))
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
            Route("/sound/{t}", lambda r: FileResponse(media.opus(takes[r.path_params["t"]]), media_type="audio/ogg")),
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
        media.close()


def open_plainly(browser: Any, url: str) -> Any:
    """The plain page, listened to; the first take plays."""
    page = browser.new_page()
    page.goto(url)
    listen(page, THEIRS)
    page.evaluate("() => window.begin()")
    page.wait_for_timeout(1500)
    return page
