"""Workers as tasks of a Ray cluster (extra ``cluster``).

Ray decides where workers run: each asks for the cores, memory and share of a GPU
that its stage needs, and waits until a node has them (an autoscaler starts nodes
for those that wait). Items are claimed in the catalogue as everywhere, and so a
node that is taken away costs the time of what it was working on. The driver only
watches: when it is gone, Ray ends its workers, and the same command goes on.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...errors import MissingExtra, ParameterError, ToolError, in_one_line
from ...progress import Reporter
from .. import Project
from ..folder import ClusterSettings
from .pool import Task, work

POLL_S = 0.2
PATIENCE_S = 10.0  #: for an answer from the one that collects what workers say
GOODBYE_S = 10.0  #: a worker that is told to stop has so long to give its claims back
CLIENT_PORT = 10001
HEAD = "node:__internal_head__"  #: a resource that only the head of a cluster has
GIB = 1024**3


@dataclass(frozen=True)
class Need:
    """What one worker of a stage holds."""

    cores: float = 1.0
    memory_gib: float = 1.0
    gpus: float = 0.0


NEEDS = {"originality": Need(memory_gib=2.0), "memorisation": Need(memory_gib=3.0)}
"""Where it is more than a core and a GiB: both hold the index of all the band's music (docs/scale.md). ``[cluster]``
overrides it."""


def need_of(stage: str, settings: ClusterSettings) -> Need:
    usual = NEEDS.get(stage, Need())
    return Need(settings.cores or usual.cores, settings.memory_gib or usual.memory_gib, settings.gpus or usual.gpus)


def address_of(on: str) -> str | None:
    """``--on`` as Ray takes it: None is the cluster of this machine or $RAY_ADDRESS, else one of its own."""
    if on == "ray":
        return None
    if not re.fullmatch(r"ray://[\w.\-]+(:\d+)?|ray://\[[\da-fA-F:]+\](:\d+)?", on):
        raise ParameterError(f"--on {on}: write ray, ray://HOST or ray://HOST:PORT")
    return on if re.search(r":\d+$", on.removeprefix("ray://")) else f"{on}:{CLIENT_PORT}"


class RayTasks:
    """Starts workers as tasks; an actor collects what they say.

    Raises
    ------
    MissingExtra, ParameterError, ToolError
        Ray is not installed; the address is none; there is no cluster; its nodes cannot share the catalogue.
    """

    def __init__(self, project: Project, stage: str, on: str, reporter: Reporter) -> None:
        address = address_of(on)
        try:
            import ray
        except ImportError as cause:
            raise MissingExtra("--on ray", "cluster") from cause
        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            before = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(
                    address,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    include_dashboard=False if address is None else None,
                )
            except (ConnectionError, ValueError, RuntimeError) as cause:
                raise ToolError(
                    f"--on {on}: no cluster answers there ({in_one_line(cause)}); start one with `ray start --head`"
                ) from cause
            signal.signal(signal.SIGTERM, before)  # Ray's own ends the process without giving claims back
        try:
            self._look(project, stage, reporter)
        except BaseException:
            self.stop()
            raise

    def _look(self, project: Project, stage: str, reporter: Reporter) -> None:
        """See which nodes there are, and how many workers they have room for."""
        ray = self._ray
        self._tasks: dict[Any, str] = {}  #: what Ray calls the task -> worker
        nodes = [node for node in ray.nodes() if node["Alive"]]
        if len({node["NodeManagerHostname"] for node in nodes}) > 1 and not project.settings.database:
            raise ParameterError(
                "[project] database: several machines cannot share a SQLite file; set it to postgresql://… "
                "(docs/scale.md says how to take a project there)"
            )
        need = need_of(stage, project.params("cluster", ClusterSettings))
        wanted = {"CPU": need.cores, "memory": need.memory_gib * GIB, "GPU": need.gpus}
        fits = [
            min(node["Resources"].get(name, 0.0) / amount for name, amount in wanted.items() if amount)
            for node in nodes
        ]
        self.room = max(1, sum(int(fit + 1e-9) for fit in fits))
        if not any(fit >= 1 for fit in fits):
            reporter.line(
                f"{stage}: no node of the cluster has {need.cores:g} cores, {need.memory_gib:g} GiB and {need.gpus:g} "
                f"GPUs; waiting for one (change it with --set cluster.cores=… and so on)"
            )
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        head = next((node for node in nodes if HEAD in node["Resources"]), nodes[0])["NodeID"]
        place = NodeAffinitySchedulingStrategy(head, soft=True)  # the node that is least likely to be taken away
        self._ear = ray.remote(Ear).options(num_cpus=0, max_restarts=-1, scheduling_strategy=place).remote()
        held = {"num_cpus": need.cores, "memory": int(need.memory_gib * GIB), "num_gpus": need.gpus}
        self._work = ray.remote(max_retries=0, max_calls=1, **held)(_work)
        self._outcomes: list[tuple[str, str, Any]] = []

    def start(self, task: Task, name: str) -> None:
        self._tasks[self._work.remote(task, name, self._ear)] = name

    def ended(self) -> list[tuple[str, str]]:
        if not self._tasks:  # the next is started after a pause
            threading.Event().wait(POLL_S)
            return []
        over, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=POLL_S)
        return [self._end_of(one) for one in over]

    def _end_of(self, one: Any) -> tuple[str, str]:
        name = self._tasks.pop(one)
        try:
            self._outcomes += [(name, *said) for said in self._ray.get(one)]
        except self._ray.exceptions.RayTaskError as error:
            return name, in_one_line(error.cause if isinstance(error.cause, BaseException) else error)
        except self._ray.exceptions.RayError as error:
            return name, type(error).__name__
        return name, ""

    def heard(self) -> Iterator[tuple[str, str, Any]]:
        with suppress(self._ray.exceptions.RayError):  # its node is gone: it starts anew; what it knew was progress
            yield from self._ray.get(self._ear.all.remote(), timeout=PATIENCE_S)
        said, self._outcomes = self._outcomes, []
        yield from said

    def stop(self) -> None:
        ray, left = self._ray, list(getattr(self, "_tasks", ()))
        for forced in (False, True):
            for one in left:
                ray.cancel(one, force=forced)
            if left and not forced:
                _, left = ray.wait(left, num_returns=len(left), timeout=GOODBYE_S)
        if self._ours:
            ray.shutdown()
        elif hasattr(self, "_ear"):
            ray.kill(self._ear)


class Ear:
    """Collects what workers say until the driver asks for it."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, Any]] = []

    def hear(self, name: str, kind: str, value: Any) -> None:
        self.said.append((name, kind, value))

    def all(self) -> list[tuple[str, str, Any]]:
        said, self.said = self.said, []
        return said


def _work(task: Task, name: str, ear: Any) -> list[tuple[str, Any]]:
    """The task: what it says of how it is going goes to the ear, its result is returned."""
    results: list[tuple[str, Any]] = []

    def say(kind: str, value: Any) -> None:
        if kind in ("outcome", "error"):
            results.append((kind, value))
        else:
            ear.hear.remote(name, kind, value)

    os.environ["OMP_NUM_THREADS"] = "1"
    work(task, name, say)
    return results
