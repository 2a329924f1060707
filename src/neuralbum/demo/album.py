"""The whole chain in one call: music in, released album out.

Every step is the verb of a room, found by name, and every step skips what is
done; so a second call goes on where the first one stopped, with the same
settings, which stand in the project's neuralbum.toml.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..progress import SILENT, Reporter
from ..project import SETTINGS_FILE, Project, workers
from ..project.registry import stage
from ..settings import parse_words, resolve
from .budget import plan
from .params import DemoParams

DEFAULT_S = 900.0
"""The time of an album for which only the number of songs is given."""

FIRST_SHARE_S = {
    "music": 45.0,
    "train": 10.0,  # besides the training itself
    "takes": 40.0,
    "screen": 20.0,
    "originality": 60.0,
    "resemblance": 60.0,
    "curate": 1.0,
    "title": 5.0,
    "likeness": 5.0,
    "visualise": 60.0,
    "release": 40.0,
}
"""What each step of the built-in album was seen to take on two cores, for the first estimate of the time left."""

BUILT_IN = {
    "rights_holder": "nobody: the built-in band is arithmetic",
    "contact": "the neuralbum project",
    "permission": "the training music was made by this program and is free of rights",
}
MOST_WORKERS = 8
NOT_STATED = "not stated; fill this in before you publish"


@dataclass
class AlbumResult:
    """What ``make_album`` did."""

    project: str
    gallery: str  #: the page to open
    songs: int
    takes: int
    seconds: dict[str, float] = field(default_factory=dict)  #: step -> wall seconds of this call
    outcomes: dict[str, Any] = field(default_factory=dict)
    failed: int = 0  #: items that failed, over all steps
    to_fill_in: tuple[str, ...] = ()  #: release fields nobody has stated


def make_album(
    folder: Path | str,
    *,
    music: Sequence[Path | str] = (),
    artist: str = "",
    phrase: str = "fake feelings",
    words: Sequence[str] = (),
    time_s: float = 0.0,
    songs: int = 0,
    reporter: Reporter = SILENT,
) -> AlbumResult:
    """Make, or go on making, a whole album in ``folder``.

    Parameters
    ----------
    music : files or folders of the band's recordings; none: the built-in band plays.
    artist : the band's name; required with ``music``.
    words : ``table.key=value`` overrides of settings, as ``--set`` takes them.
    time_s, songs : make an album of so many songs in so many seconds; 0: what ``[demo]`` says. They are planned once,
        when the folder is made.

    Raises
    ------
    NeuralbumError
        What a step says when it cannot go on; everything done so far stays.
    """
    project = _open(Path(folder), music, artist, phrase, words, _planned(time_s, songs, reporter))
    params = project.params("demo", DemoParams)
    chain = _Chain(project, params, reporter)
    chain.step("music", lambda: _bring_music(project, params, music, reporter))
    made = bool(project.catalogue.takes())  # takes are made when training is over; more of it is asked for by name
    chain.step("train", lambda: None if made else _train(project, params, reporter))
    chain.step("takes", lambda: chain.share("generate"))
    chain.step("screen", lambda: chain.share("screen"))
    chain.step("originality", lambda: chain.share("originality"))
    chain.step("resemblance", lambda: stage("resemblance")(project, reporter=reporter))
    chain.step("curate", lambda: stage("curate auto")(project, keep=params.keep, reporter=reporter))
    chain.step("title", lambda: stage("title")(project, reporter=reporter))
    # Once more, of the songs: before anything was kept it told of all takes, for the order in which they are kept.
    chain.step("likeness", lambda: stage("resemblance")(project, reporter=reporter))
    chain.step("visualise", lambda: chain.share("visualise"))
    chain.step("release", lambda: stage("release")(project, reporter=reporter))
    return chain.result()


def _planned(time_s: float, songs: int, reporter: Reporter) -> dict[str, Any]:
    """``[demo]`` settings for an album of a given length and time; empty where nothing is asked for."""
    if not (time_s > 0 or songs > 0):
        return {}
    default = DemoParams()
    planned = plan(time_s or DEFAULT_S, songs or default.keep, os.cpu_count() or 1)
    reporter.line(planned.sentence())
    return {
        "train_s": planned.train_s, "flesh_s": planned.flesh_s, "takes": planned.takes, "take_s": planned.take_s,
        "keep": planned.songs,
    }  # fmt: skip


def _train(project: Project, params: DemoParams, reporter: Reporter) -> Any:
    flesh = params.flesh_s > 0 and params.flesh_preset
    return [
        stage("train")(project, what=what, reporter=reporter) for what in ("skeleton", *(("flesh",) if flesh else ()))
    ]


def _open(
    folder: Path, music: Sequence[Path | str], artist: str, phrase: str, words: Sequence[str], planned: dict[str, Any]
) -> Project:
    if (folder / SETTINGS_FILE).exists():
        return Project.open(folder, list(words))
    if music and not artist:
        raise ParameterError('whose music is it? name the band: --artist "My Band"')
    if not music:
        from .band import ARTIST

        artist = artist or ARTIST
    stated = dict.fromkeys(BUILT_IN, NOT_STATED) | {"rights_holder": artist} if music else BUILT_IN
    asked = {**planned, **parse_words(words).get("demo", {})}
    wanted = resolve(DemoParams, asked, where="[demo]", flags=set(asked))
    tables: dict[str, dict[str, Any]] = {
        "skeleton": {"preset": wanted.preset, "time_s": wanted.train_s},
        "flesh": {"preset": wanted.flesh_preset, "time_s": wanted.flesh_s},
        "generate": {"count": wanted.takes, "length_s": wanted.take_s},
    }
    if asked:
        tables["demo"] = asked
    Project.create(folder, tables=tables, artist=artist, phrase=phrase, **stated)
    return Project.open(folder, list(words))


def _bring_music(project: Project, params: DemoParams, music: Sequence[Path | str], reporter: Reporter) -> Any:
    if not music:
        if project.catalogue.tracks():
            return None
        from .band import write_songs

        folder = project.root / "demo-band"
        reporter.begin("the band plays", params.songs, "songs")
        for _ in write_songs(folder, seed=project.settings.seed, n_songs=params.songs, duration_s=params.song_s):
            reporter.advance(1)
        reporter.end()
        music = [folder]
    return stage("add")(project, list(music), reporter=reporter)


class _Chain:
    """Runs the steps, says which one it is and about how long the rest will take."""

    def __init__(self, project: Project, params: DemoParams, reporter: Reporter) -> None:
        self.project, self.reporter = project, reporter
        self.workers = params.workers or max(1, min(MOST_WORKERS, os.cpu_count() or 1))
        self.seconds: dict[str, float] = {}
        self.outcomes: dict[str, Any] = {}
        self.expected_s = dict(FIRST_SHARE_S)
        self.expected_s["train"] += params.train_s + (params.flesh_s if params.flesh_preset else 0.0)

    def step(self, name: str, work: Callable[[], Any]) -> None:
        steps = list(self.expected_s)
        left = sum(self.expected_s[step] for step in steps if step not in self.seconds)
        minutes = max(1, round(left / 60))
        self.reporter.line(f"[{len(self.seconds) + 1}/{len(steps)}] {name} · about {minutes} min left in all")
        start = time.monotonic()
        self.outcomes[name] = work()
        self.seconds[name] = time.monotonic() - start

    def share(self, name: str, **options: Any) -> Any:
        """Run a stage in as many processes as the settings say."""
        return workers.run(self.project, name, workers=self.workers, reporter=self.reporter, **options)

    def result(self) -> AlbumResult:
        project = self.project
        stated = project.settings
        return AlbumResult(
            project=str(project.root),
            gallery=str(project.album_dir / "index.html"),
            songs=len(project.catalogue.songs()),
            takes=len(project.catalogue.takes()),
            seconds={name: round(value, 1) for name, value in self.seconds.items()},
            outcomes=self.outcomes,
            failed=sum(
                getattr(o, "failed", 0) for o in self.outcomes.values() if isinstance(getattr(o, "failed", 0), int)
            ),
            to_fill_in=tuple(name for name in BUILT_IN if getattr(stated, name) == NOT_STATED),
        )
