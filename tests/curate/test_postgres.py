"""Two curators at once on a team's database: the same promises as on SQLite."""

from __future__ import annotations

import threading

from neuralbum.catalogue import fold
from neuralbum.curate.params import Params
from neuralbum.curate.service import CurationService
from neuralbum.records import Judgement

from .makers import make_project, make_take, screened

EACH = 60


def test_two_servers_and_two_curators_lose_nothing_and_agree_on_the_state(database, tmp_path):
    project = make_project(tmp_path / "album", database="" if database.startswith("sqlite") else database)
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
