"""``radio``: open the project, start the station, serve it, end it."""

from __future__ import annotations

import fcntl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ToolError
from ..project import Project
from .params import Params

if TYPE_CHECKING:
    from .probe import Probe
    from .station import Station

DEFAULT_PORT = 8428
LOOK_S = 0.25  #: between two looks of the probe


def serve(
    project: Project,
    params: Params | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    operators: Sequence[str] = (),
    default_actor: str = "operator",
    names: Sequence[str] = (),
    checked: bool = True,
    marked: bool = True,
    push_to: Sequence[str] = (),
    ready: Callable[[list[tuple[str, str]]], None] | None = None,
) -> None:
    """Play until interrupted.

    Parameters
    ----------
    host, port : where to listen; loopback unless told otherwise, port 0 picks a free one
    operators : who may turn the knobs; beyond loopback each gets a link with a token, and listeners one for all
    names : host names besides loopback's under which the page may be reached
    checked : search every new take in the band's music before it is played
    marked : mark the sound as generated
    push_to : addresses of RTMP and Icecast servers; their secrets are in the environment
    ready : called with [(who, link)] once the server listens

    Raises
    ------
    CatalogueError, CheckpointError
        No model, or nothing to check against.
    ToolError
        The port is taken, or this project's radio is on already.
    """
    from ..generate.opening import find_band
    from ..marking import albums
    from ..originality import checker
    from ..project.stage import activity
    from ..web.auth import Access, is_loopback
    from ..web.serving import listen, run_until_stopped
    from . import encoding, server
    from .children import Child, Output
    from .finish import Finish
    from .maker import make
    from .probe import Probe
    from .programme import PlayoutLog, Programme
    from .station import Station

    params = params or project.params("radio", Params)
    find_band(project, params.model)
    if checked:
        checker(project)  # made here once if it is missing, so that what is wrong shows at once
    for url in push_to:
        encoding.with_secret(url)
    folder = project.artefacts_dir / "radio"
    stream = folder / "stream"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "lock"):
        listening = listen(host, port)
        try:
            port = listening.getsockname()[1]
            curators = [*(operators or [default_actor]), server.LISTENER] if not is_loopback(host) or operators else []
            access = Access.make(
                host, port, [*curators, *([server.PROBE] if curators else [])], default_actor=default_actor,
                public_names=names,
            )  # fmt: skip
            log = PlayoutLog(folder / "log", params.log_days)
            hls = Output(
                "encoder", encoding.segments,
                lambda at, preroll: (str(stream), params.kbps, params.segment_s, at, preroll), log, confirmed=True,
            )  # fmt: skip
            pushes = [
                Output(f"push {i}", encoding.push, lambda *_, url=url: (url, params.kbps, project.name), log)
                for i, url in enumerate(push_to, 1)
            ]
            spool = folder / "spool"
            maker = Child("maker", make, lambda: (str(project.root), project.tables, str(spool), checked), log)
            station = Station(
                params, Programme(project, params, spool, log), Finish(albums.number_of(project) if marked else None),
                maker, hls, pushes, log, folder,
            )  # fmt: skip
            app = server.make_app(station, access, stream, name=project.name, checked=checked, marked=marked)
            listening.listen(256)
            if ready is not None:
                ready([link for link in access.links(host) if link[0] != server.PROBE])
            token = next((t for t, who in access.tokens.items() if who == server.PROBE), "")
            get = partial(_get, f"http://{_reachable(host)}:{port}/", token)
            log("start", model=params.model, checked=checked, marked=marked)
            with activity(project, "radio", detail={"what": "server"}), _listening(station, Probe(get)):
                station.start()
                try:
                    run_until_stopped(app, listening)
                finally:
                    station.stop()
                    log("stop")
        finally:
            listening.close()
            project.catalogue.checkpoint()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One radio a project: two would write one playlist."""
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise ToolError(f"{path.parent}: this project's radio is on already; stop it first") from cause
        yield


@contextmanager
def _listening(station: Station, probe: Probe) -> Iterator[None]:
    """The probe, in a thread of its own."""
    over = threading.Event()

    def listen_on() -> None:
        while not over.wait(LOOK_S):
            station.findings = probe.look()

    thread = threading.Thread(target=listen_on, name="radio probe")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _reachable(host: str) -> str:
    """Where this machine finds a server that listens on ``host``."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1" if host != "::" else "[::1]"
    return f"[{host}]" if ":" in host else host


def _get(address: str, token: str, name: str) -> bytes:
    asked = urllib.request.Request(address + name, headers={"authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return bytes(answer.read())
