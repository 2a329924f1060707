"""The process that makes takes: batches of recipes, played, rendered, checked against the band's music, spooled.

A take in the spool is a FLAC file and a ticket beside it, a JSON file that is written last: what has a ticket was
never on air. Takes keep the recipes that ``neuralbum generate`` would give them, of a seed of the radio's own, and so
any of them can be kept later as a take of the project, and rendered again bit for bit.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..audio.flac import write_flac
from ..audio.loudness import measure
from ..catalogue.rows import take_of
from ..errors import in_one_line
from ..generate.params import GenerateParams
from ..project import Project, atomic, file_digest
from ..project.stage import activity
from ..records import Take, canonical, digest
from .encoding import say
from .params import Params

STAGE = "radio"
NICENESS = 5  #: at least: the clock and the encoder come first


@dataclass(frozen=True)
class Ticket:
    """A take that waits to be played, as the file beside it says."""

    take: Take
    loudness_lufs: float
    wish: int  #: which position of the operator's knob it was made for
    p: float | None  #: chance of the best match with the band's music; None: not checked

    @staticmethod
    def read(path: Path) -> Ticket:
        """
        Raises
        ------
        ValueError, OSError
            No ticket, or not whole.
        """
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            return Ticket(take_of(said["take"]), float(said["loudness_lufs"]), int(said["wish"]), said["p"])
        except (KeyError, TypeError) as cause:
            raise ValueError(f"{path}: no ticket ({cause})") from cause


def seed_of(project: Project) -> int:
    """The seed of the radio's takes: other ones than the project's own."""
    return int(digest("radio", project.settings.seed)[:8], 16)


def make(link: socket.socket, root: str, tables: Mapping[str, Mapping[str, Any]], spool: str, checked: bool) -> None:
    """Carry out orders until the link ends.

    An order: {"first": number, "count", "length_s", "temperature", "wish"}. Answers: {"alive"} now and then,
    {"take": id} for each take in the spool, {"refused": id, "why"} for each that may not be played, {"done": count}.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a service manager sends it to the whole group; the link says when
    os.nice(max(0, NICENESS - os.nice(0)))
    try:
        project = Project(Path(root), tables)
        maker = _Maker(project, Path(spool), checked, lambda **words: say(link, words))
        for line in link.makefile("rb"):
            maker.batch(json.loads(line))
    except Exception as why:
        say(link, {"error": in_one_line(why)})


class _Maker:
    def __init__(self, project: Project, spool: Path, checked: bool, tell: Callable[..., None]) -> None:
        from ..generate.opening import open_band
        from ..originality import checker

        self.project, self.spool, self._tell = project, spool, tell
        self.params = project.params(STAGE, Params)
        self._band = open_band(project, self.params.model)
        self._watchdog = self._band.watchdog()
        self._check = checker(project) if checked else None
        tell(alive=True)

    def batch(self, order: Mapping[str, Any]) -> None:
        from ..generate.making import play, sound
        from ..generate.run import recipe_of

        params = GenerateParams(length_s=float(order["length_s"]), temperature=(float(order["temperature"]),))
        first, seed = int(order["first"]), seed_of(self.project)
        recipes = [recipe_of(seed, first + i, params, self._band) for i in range(int(order["count"]))]
        with activity(self.project, STAGE, detail={"model": self._band.model_id}) as log:
            for played in play(self._band, recipes, self._watchdog, lambda _: self._tell(alive=True)):
                pieces = []
                for piece in sound(self._band, played):
                    pieces.append(piece)
                    self._tell(alive=True)
                self._spool(np.concatenate(pieces, axis=1), played.recipe, played.events, int(order["wish"]))
                log(done=1)
        self._tell(done=len(recipes))

    def _spool(self, sound: Any, recipe: Any, events: tuple[dict[str, Any], ...], wish: int) -> None:
        name, rate = recipe.take_id, recipe.sample_rate
        loudness = measure(sound, rate).integrated_lufs
        if loudness is None:
            self._tell(refused=name, why="silence")
            return
        found = self._check(sound, rate) if self._check else None
        if found and found["segments"]:
            best = found["segments"][0]
            why = f"{best['duration_s']:.1f} s like {best['reference']} (p = {found['p']:.1g})"
            self._tell(refused=name, why=why)
            return
        path = self.spool / f"{name}.flac"
        with atomic(path) as part:
            write_flac(part, sound, rate)
        take = Take(
            id=name, recipe=recipe, path=f"takes/{name}.flac", sha256=file_digest(path), sample_rate=rate,
            channels=len(sound), n_samples=sound.shape[1], created_at=time.time(), events=events,
        )  # fmt: skip
        ticket = Ticket(take, loudness, wish, found["p"] if found else None)
        with atomic(path.with_suffix(".json")) as part:
            part.write_text(json.dumps(canonical(ticket)), encoding="utf-8")
        self._tell(take=name)
