"""A small project with sounding takes, a server in a thread, and a real browser."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from neuralbum.curate import server
from neuralbum.curate.params import Params
from neuralbum.curate.service import CurationService
from neuralbum.project import Project
from neuralbum.web.auth import Access

from .makers import make_project, make_take, screened


class Running:
    """A curation server in a thread of this process; it can be killed and started again on its port."""

    def __init__(self, project: Project, params: Params, curators: tuple[str, ...] = ()) -> None:
        self.project, self.params, self.curators = project, params, curators
        self.port = 0
        self.service: CurationService | None = None
        self.access: Access | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        import uvicorn

        from neuralbum.web.serving import configure, listen

        listening = listen("127.0.0.1", self.port)
        listening.listen(64)
        self.port = listening.getsockname()[1]
        self.service = CurationService(self.project, self.params)
        self.access = Access.make("127.0.0.1", self.port, self.curators, default_actor="ana")
        app = server.make_app(self.service, self.access)
        config = configure(app, log_level="error")
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._socket = listening
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]})
        self._thread.start()

    def kill(self) -> None:
        """Stop answering, in the middle of whatever is going on."""
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        assert self.service is not None
        self.service.close()


@pytest.fixture
def album(tmp_path) -> Iterator[Project]:
    """Twelve short takes that sound, screened; the last has no score."""
    project = make_project(tmp_path / "album")
    for number in range(12):
        take = make_take(project, number)
        flags = [{"name": "silence", "value": 0.6, "threshold": 0.2, "ranges": [[2.0, 3.0]]}] if number % 4 == 0 else []
        if number < 11:
            project.catalogue.record(screened(take, score=number / 12, flags=flags))
    yield project
    project.catalogue.close()


@pytest.fixture
def service(album) -> Iterator[CurationService]:
    service = CurationService(album, Params())
    yield service
    service.close()


@pytest.fixture
def running(album) -> Iterator[Callable[..., Running]]:
    """Start servers for the album: ``running()`` or ``running(curators=("ana", "ben"))``."""
    started: list[Running] = []

    def start(**more) -> Running:
        started.append(Running(album, Params(), **more))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture(scope="session")
def page_built():
    """The page, built when it is missing or old; skips where it cannot be built."""
    import importlib.util
    from pathlib import Path

    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("hatch_build", root / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        module.build(root)
    except module.BuildError as why:
        pytest.skip(f"the page cannot be built here: {why}")


@pytest.fixture(scope="session")
def chromium(page_built, browser):
    """A browser, once there is a page to show."""
    return browser


def fetch(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read()
