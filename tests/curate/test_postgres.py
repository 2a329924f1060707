"""Two curators at once on a team's database: the same promises as on SQLite."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from neuralbum.catalogue import fold
from neuralbum.curate.params import Params
from neuralbum.curate.service import CurationService
from neuralbum.records import Judgement

from .makers import make_project, make_take, screened

pytestmark = pytest.mark.postgres
EACH = 60


def server_binary(name: str) -> str | None:
    found = shutil.which(name)
    if found:
        return found
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else None


@pytest.fixture
def postgres(tmp_path_factory):
    """A PostgreSQL server in a fresh folder, on a Unix socket only; its URL."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'neuralbum[postgres]'")
    initdb, control = server_binary("initdb"), server_binary("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:  # a socket's path must be short
        who: dict[str, object] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            who = {"user": 65534, "group": 65534, "extra_groups": []}
            os.chown(folder, 65534, 65534)
        data = f"{folder}/data"
        quiet = {
            "capture_output": True,
            "text": True,
            "env": {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": folder},
        }
        made = subprocess.run([initdb, "-D", data, "-U", "team", "-A", "trust", "-E", "UTF8"], **who, **quiet)
        if made.returncode:
            pytest.skip(f"initdb does not work here: {made.stderr.strip()[-200:]}")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        command = [control, "-D", data, "-o", options, "-w", "-t", "60", "-l", f"{folder}/log"]
        started = subprocess.run(
            [*command, "start"], **who, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet["env"]
        )
        if started.returncode:
            pytest.skip(f"the PostgreSQL server does not start here: {Path(folder, 'log').read_text()[-200:]}")
        try:
            yield f"postgresql://team@/postgres?host={folder}"
        finally:
            subprocess.run([control, "-D", data, "-m", "immediate", "stop"], **who, **quiet)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_servers_and_two_curators_lose_nothing_and_agree_on_the_state(kind, request, tmp_path):
    url = request.getfixturevalue("postgres") if kind == "postgres" else ""
    project = make_project(tmp_path / "album", database=url)
    takes = [make_take(project, n, audio=False) for n in range(5)]
    for n, take in enumerate(takes):
        project.catalogue.record(screened(take, score=n / 5))
    services = {name: CurationService(project, Params()) for name in ("ana", "ben")}
    failures: list[BaseException] = []

    def curate(name: str) -> None:
        try:
            service = services[name]
            service.open_pass(name, "eye")
            for n in range(EACH):
                take = takes[n % 5].id
                words = {"client_id": f"{name}-event-{n:04}", "take_id": take, "pass": "eye"}
                if n % 7 == 6:
                    words |= {"kind": "undo", "undoes": f"{name}-event-{n - 5:04}", "payload": {}}
                else:
                    words |= {"kind": "verdict", "payload": {"value": ["keep", "maybe", "drop"][n % 3]}}
                answers = [service.say(name, [words]) for _ in range(2)]  # every word is sent twice
                assert [a["refused"] for a in answers] == [[], []]
        except BaseException as cause:
            failures.append(cause)

    threads = [threading.Thread(target=curate, args=[name]) for name in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    log = project.catalogue.events()
    names = [e.client_id for e in log if e.kind != "queue"]
    assert sorted(names) == sorted(f"{who}-event-{n:04}" for who in services for n in range(EACH))
    truth = fold(log)
    for service in services.values():
        service.reader.refresh()
        for take in takes:
            assert service.reader.judgement(take.id) == truth.get(take.id, Judgement(take.id))
        service.close()
    project.catalogue.close()
