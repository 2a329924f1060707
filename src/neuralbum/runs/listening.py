"""Every answer of the listening page: clips as checkpoints come, what is said of them, blind comparisons.

A thread makes the clips of new checkpoints, newest first; a checkpoint that is no longer kept when
its turn comes is passed over. Training and listening are two processes that know of each
other only what lies in the project, so listening can begin and end at any time.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import audio
from ..errors import NeuralbumError, ParameterError, shortened
from ..project import Project
from ..records import HEARD, BlindTest, Event
from ..train.model_folder import ABOUT
from ..web.http import NotFound
from .blind import alike, result
from .clips import BLIND_FROM, Clip, clips_of, make_clips
from .listing import Run, find_run, list_runs
from .page import label
from .params import Params

LOOK_EVERY_S = 1.0
KEYS = {
    "k": "keep: worth having, whatever the others are",
    "b": "better than the clip that played before",
    "w": "worse than the clip that played before",
    "z": "take back what was said last",
    "n": "next clip",
    "Space": "play, stop",
    "1": "blind: play the first",
    "2": "blind: play the second",
    "ArrowLeft": "blind: the first is better",
    "ArrowRight": "blind: the second is better",
}
"""What the page's keys do; it shows them."""
MOST_SHOWN = 200


@dataclass(frozen=True)
class _Trial:
    """A trial that waits for its answer; which side is which is known here alone."""

    number: int
    first: str  #: "a" or "b"
    tokens: tuple[str, str]  #: of the first and the second sound
    sounds: tuple[bytes, bytes]


class ListeningService:
    """Thread-safe. ``words`` names runs to listen to; those trained now or later are heard in any case."""

    def __init__(self, project: Project, params: Params, words: Sequence[str] = ()) -> None:
        self.project, self.params = project, params
        self.named = {run.id for run, _ in (find_run(list_runs(project), word) for word in words)}
        self.began = time.time()
        self.making, self.error = "", ""
        self._tried: set[tuple[str, int, str]] = set()
        self._trials: dict[str, _Trial] = {}
        self._wanted: list[BlindTest] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="clips", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    # ---- making clips --------------------------------------------------------------

    def _work(self) -> None:
        seen: object = None
        while not self._stop.is_set():
            try:
                now = self._signature()
                if now == seen or not self.make_next():
                    seen = now
                    self._stop.wait(LOOK_EVERY_S)
            except NeuralbumError as cause:
                self.error = str(cause)
                self._stop.wait(LOOK_EVERY_S)

    def _signature(self) -> object:
        """Changes whenever a checkpoint is written or a comparison asked for."""
        abouts = sorted(self.project.models_dir.glob(f"*/{ABOUT}"))
        with self._lock:
            return [(str(p), p.stat().st_mtime_ns) for p in abouts if p.exists()], len(self._wanted)

    def make_next(self) -> bool:
        """Make what is missing and most wanted, if anything is; comparisons first, then the newest checkpoint."""
        with self._lock:
            test = self._wanted[0] if self._wanted else None
        if test is not None:
            self._make_pairs(test)
            with self._lock:
                self._wanted.remove(test)
            return True
        todo = self._missing()
        if not todo:
            return False
        run, step = todo[0]
        self._tried.add(_key(run, step))
        self.making = f"{label(run)}, step {step}"
        try:
            make_clips(self.project, [(run, step)], self.params)
        finally:
            self.making = ""
        return True

    def _missing(self) -> list[tuple[Run, int]]:
        """Checkpoints whose clips this process has not asked for, of the newest run the newest first."""
        return [
            (run, c.step)
            for run in reversed(self.runs())
            for c in reversed(run.kept)
            if run.kind in ("skeleton", "flesh") and _key(run, c.step) not in self._tried
        ]

    def runs(self) -> list[Run]:
        """The runs this page is about, oldest first."""
        return [
            run
            for run in list_runs(self.project)
            if run.id in self.named or run.state == "running" or run.started_at >= self.began
        ]

    # ---- the page --------------------------------------------------------------------

    def state(self, actor: str) -> dict[str, Any]:
        """What the page shows: runs, clips newest first, what this person said of them."""
        runs = {run.id: run for run in list_runs(self.project)}
        played = [r for r in reversed(runs.values()) if r.kind in ("skeleton", "flesh")]
        about = {run.id for run in self.runs()}
        opinions = self.project.catalogue.run_opinions()
        said = {(model, h.step, h.clip): h.value for model, o in opinions.items() for h in o.heard if h.actor == actor}
        clips = [c for c in clips_of(self.project) if c.model_id in about][:MOST_SHOWN]
        return {
            "project": self.project.name,
            "actor": actor,
            "keys": list(KEYS.items()),
            "runs": [
                {"id": r.id, "label": label(r), "state": r.state, "step": r.step, "steps_done": r.steps_done}
                for r in runs.values()
                if r.id in about
            ],
            "checkpoints": [
                f"{r.id}@{c.step}" for r in played for c in reversed(r.kept)
            ],
            "clips": [self._clip(c, runs.get(c.model_id), said) for c in clips],
            "making": self.making,
            "error": self.error,
        }  # fmt: skip

    def _clip(self, clip: Clip, run: Run | None, said: Mapping[tuple[str, int, int], str]) -> dict[str, Any]:
        measures = next((c.measures for c in run.checkpoints if c.step == clip.step), {}) if run else {}
        return {
            "id": clip.id, "run": clip.model_id, "label": label(run) if run else clip.model_id, "step": clip.step,
            "number": clip.number, "seconds": clip.seconds, "bits": measures.get("valid_bits"),
            "said": said.get((clip.model_id, clip.step, clip.number), ""),
        }  # fmt: skip

    def clip(self, name: str) -> Clip:
        found = next((c for c in clips_of(self.project) if c.id == name), None)
        if found is None:
            raise NotFound("no such clip")
        return found

    def say(self, actor: str, words: Mapping[str, Any]) -> dict[str, Any]:
        """Say ``value`` of a clip, or take back (``undoes``) something of one's own; the same client_id counts once."""
        client_id = words.get("client_id")
        if not isinstance(client_id, str) or not 8 <= len(client_id) <= 80 or not client_id.isascii():
            raise ParameterError("client_id must be 8 to 80 plain characters")
        undoes = words.get("undoes")
        if undoes is not None:
            mine = {e.client_id for e in self.project.catalogue.events("") if e.actor == actor and e.kind == "hear"}
            if undoes not in mine:
                raise ParameterError("only what you said of a clip can be taken back")
            self._append(client_id, actor, "undo", {}, undoes=str(undoes))
            return {"undone": undoes}
        value = words.get("value")
        if value not in HEARD:
            raise ParameterError(f"value {shortened(value)} must be one of {', '.join(HEARD)}")
        payload = {**_named(self.clip(str(words.get("clip")))), "value": value}
        if value != "keep":
            payload["than"] = _named(self.clip(str(words.get("than"))))
        self._append(client_id, actor, "hear", payload)
        return {"said": value}

    def _append(
        self, client_id: str, actor: str, kind: str, payload: Mapping[str, Any], *, undoes: str | None = None
    ) -> None:
        event = Event(client_id, time.time(), actor, kind, "", payload, session="listen", undoes=undoes)
        self.project.catalogue.say([event])

    # ---- blind comparisons -------------------------------------------------------------

    def begin_test(self, actor: str, words: Mapping[str, Any]) -> dict[str, Any]:
        """Compare two checkpoints (``a``, ``b``: ID@step) in ``n`` trials; it replaces an unfinished one."""
        runs, pair = list_runs(self.project), []
        for name in ("a", "b"):
            run, step = find_run(runs, str(words.get(name, ""))[:200])
            if run.kind not in ("skeleton", "flesh"):
                raise ParameterError(f"{run.id}: is a {run.kind}; only skeletons and fleshes can be compared")
            pair.append(f"{run.id}@{run.step if step is None else step}")
        if pair[0] == pair[1]:
            raise ParameterError("choose two different checkpoints")
        n = words.get("n", self.params.trials)
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 200:
            raise ParameterError("n must be a whole number from 1 to 200")
        test_id, self.error = secrets.token_hex(8), ""
        payload = {"test_id": test_id, "a": pair[0], "b": pair[1], "n": n}
        self._append(f"blind-{test_id}", actor, "blind", payload)
        return self.test(actor)

    def test(self, actor: str) -> dict[str, Any]:
        """This person's newest comparison: the trial that waits for an answer; after the last one the result.

        Nothing here, in an address or in a sound tells which of the two is which.
        """
        test = self._newest(actor)
        if test is None:
            return {"test_id": "", "n": self.params.trials}
        out: dict[str, Any] = {"test_id": test.test_id, "n": test.n, "answered": len(test.chosen)}
        if test.done:
            return {**out, "result": result(test)}
        trial = self._trial(test)
        if trial is None:
            return {**out, "ready": False}
        return {**out, "ready": True, "number": trial.number, "sounds": [f"/blind/{t}.wav" for t in trial.tokens]}

    def answer(self, actor: str, words: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the trial that waits: ``chosen`` is "first" or "second"."""
        test = self._newest(actor)
        if test is None or words.get("test_id") != test.test_id or test.done:
            raise ParameterError("this comparison is not open any more; reload the page")
        if words.get("chosen") not in ("first", "second"):
            raise ParameterError("chosen must be first or second")
        with self._lock:
            trial = self._trials.get(test.test_id)
        if trial is None or words.get("number") != trial.number:
            raise ParameterError("this trial is answered already")
        other = "b" if trial.first == "a" else "a"
        chosen = trial.first if words["chosen"] == "first" else other
        payload = {"test_id": test.test_id, "number": trial.number, "first": trial.first, "chosen": chosen}
        self._append(f"trial-{test.test_id}-{trial.number}", actor, "trial", payload)
        with self._lock:
            self._trials.pop(test.test_id, None)
        return self.test(actor)

    def blind_sound(self, token: str) -> bytes:
        with self._lock:
            for trial in self._trials.values():
                if token in trial.tokens:
                    return trial.sounds[trial.tokens.index(token)]
        raise NotFound("no such sound: the trial is answered")

    def _newest(self, actor: str) -> BlindTest | None:
        tests = [t for t in self.project.catalogue.blind_tests().values() if t.actor == actor]
        return tests[-1] if tests else None

    def _trial(self, test: BlindTest) -> _Trial | None:
        """The trial that waits for an answer; None while its clips are not made."""
        with self._lock:
            waiting = self._trials.get(test.test_id)
        if waiting is not None:
            return waiting
        number = len(test.chosen)
        wanted = self._first_number(test) + number
        pair = [self._blind_clip(name, wanted) for name in (test.a, test.b)]
        if pair[0] is None or pair[1] is None:
            with self._lock:
                if test.test_id not in {t.test_id for t in self._wanted} and not self.error:
                    self._wanted.append(test)
            return None
        (one, rate), (other, _) = (audio.read(c.sound) for c in pair if c is not None)
        a, b = alike(one, other, rate)
        first = secrets.choice("ab")
        trial = _Trial(
            number, first, (secrets.token_hex(12), secrets.token_hex(12)), (a, b) if first == "a" else (b, a)
        )
        with self._lock:
            return self._trials.setdefault(test.test_id, trial)

    def _first_number(self, test: BlindTest) -> int:
        """Where the numbers of a test's clips begin: no pair is heard in two tests of the same two checkpoints."""
        first = BLIND_FROM
        for other in self.project.catalogue.blind_tests().values():
            if other.test_id == test.test_id:
                break
            if {other.a, other.b} == {test.a, test.b}:
                first += other.n
        return first

    def _blind_clip(self, name: str, number: int) -> Clip | None:
        model, _, step = name.partition("@")
        clips = clips_of(self.project, blind=True)
        return next((c for c in clips if (c.model_id, str(c.step), c.number) == (model, step, number)), None)

    def _make_pairs(self, test: BlindTest) -> None:
        runs = list_runs(self.project)
        found = [find_run(runs, name) for name in (test.a, test.b)]
        self.making = f"{test.n} pairs for a blind comparison"
        try:
            done = make_clips(
                self.project, [(run, step) for run, step in found if step is not None], self.params,
                first=self._first_number(test), count=test.n,
            )  # fmt: skip
        finally:
            self.making = ""
        if not done.ok:
            self.error = "; ".join(why for _, why in done.errors) or "the clips of a comparison failed"


def _key(run: Run, step: int) -> tuple[str, int, str]:
    return run.id, step, next(c.sha256 for c in run.checkpoints if c.step == step)


def _named(clip: Clip) -> dict[str, Any]:
    return {"model": clip.model_id, "step": clip.step, "clip": clip.number}
