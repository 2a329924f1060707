"""On a real Ray cluster of two nodes: a stage ends as its single-process twin, whatever dies."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from neuralbum.errors import ParameterError
from neuralbum.project import Project
from neuralbum.project.workers import run

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'neuralbum[cluster]'")

PATIENCE_S = 300.0
SMALL = {"cluster": {"cores": 1.0, "memory_gib": 0.05}}
DRIVER = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore it
from neuralbum.project import Project
from neuralbum.project.workers import run
run(Project.open(sys.argv[1]), "testroom", on="ray", workers=2, **json.loads(sys.argv[2]))
"""


@pytest.fixture
def project(project):
    """The project of all tests, whose workers need little of a cluster."""
    project.tables |= SMALL
    return project


def patiently(ask, *words):
    """Ray gives a node 30 s to answer, whatever else the machine does; this asks for longer before that counts."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask(*words)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
        threading.Event().wait(0.1)


@pytest.fixture(scope="module")
def cluster(room):
    """A head and a second node, of a core each, with this process connected."""
    from ray._private import services
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    node = {"num_cpus": 1, "memory": 2**30, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        get_node = services.get_node
        patch.setattr(services, "get_node", lambda *words: patiently(get_node, *words))
        made = Cluster(initialize_head=True, head_node_args={**node, "_system_config": quick})
        del node["include_dashboard"]
        made.second = made.add_node(**node)
        patch.setenv("RAY_ADDRESS", made.address)
        ray.init(made.address, log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture
def shared(tmp_path):
    """A project whose dead are found out soon."""
    made = Project.create(tmp_path / "album", artist="The Test Band", lease_s=3.0, tables=SMALL)
    yield made
    made.catalogue.close()


def measured(project):
    """What a stage left behind, but for when."""
    rows = [asdict(f) | {"cpu_s": 0, "created_at": 0} for f in project.catalogue.findings()]
    files = {p.relative_to(project.root).as_posix(): p.read_bytes() for p in project.artefacts_dir.rglob("*.*")}
    return sorted(rows, key=lambda row: row["key"]), files


def wait_for(path, process=None):
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, path
        assert process is None or process.poll() is None, process.communicate()
        threading.Event().wait(0.05)


@contextmanager
def driver(project, **options):
    """A driver in a process of its own, once one of its workers is in the middle of something."""
    (project.root / "working").unlink(missing_ok=True)
    words = [sys.executable, "-c", DRIVER, str(project.root), json.dumps(options)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(project.root / "working", process)
            yield process
            process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()


def test_an_item_that_kills_twice_is_set_aside_and_the_rest_is_one_progress(cluster, project, room, listener):
    outcome = run(project, room, on="ray", reporter=listener, n_items=24, deadly=5)
    assert (outcome.done, outcome.failed, outcome.elsewhere) == (23, 1, 0)
    failed = [f for f in project.catalogue.findings("screen") if f.error]
    assert [f.subject for f in failed] == ["take5"]
    assert "2 workers died over it" in failed[0].error
    assert (listener.total, listener.ended) == (24, True)
    assert sum("a worker died" in line for line in listener.lines) == 2


def test_an_interrupted_driver_gives_the_claims_back_and_a_killed_one_is_started_again(cluster, shared, room):
    with driver(shared, n_items=8, stuck=6) as interrupted:
        interrupted.send_signal(signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_S
    while shared.catalogue.living(now=0.0):  # the worker is told by another process, and may take its time
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    with driver(shared, n_items=8, stuck=6) as killed:
        killed.kill()
    assert run(shared, room, on="ray", workers=1, n_items=8).failed == 0
    assert len(shared.catalogue.latest("screen")) == 8


def test_a_node_is_killed_while_it_works_and_the_result_is_the_twins(cluster, project, room, tmp_path):
    doomed = cluster.second.node_id

    def kill():
        wait_for(project.root / "working")
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = run(project, room, on="ray", n_items=40, on_node=doomed)
    killer.join()
    assert (outcome.done, outcome.failed, outcome.elsewhere) == (40, 0, 0)
    twin = Project.create(tmp_path / "twin" / "album", artist="The Test Band", tables=SMALL)
    run(twin, room, n_items=40)
    assert measured(project) == measured(twin)
    twin.catalogue.close()


@pytest.mark.parametrize("on", ["spark", "ray://", "ray://host:port", "ray://a b"])
def test_an_odd_address_is_refused(project, room, on):
    with pytest.raises(ParameterError, match="write ray, ray://HOST"):
        run(project, room, on=on, n_items=1)
