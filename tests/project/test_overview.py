"""What status and an idle run cost does not grow with the takes: as many queries, no take decoded."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import pytest
from sqlalchemy import event

from neuralbum.catalogue import schema, store
from neuralbum.catalogue.database import writing
from neuralbum.project.overview import overview
from neuralbum.records import Event, Finding, canonical


@contextmanager
def counted(catalogue):
    """The statements sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        sent.append(statement)

    event.listen(catalogue.engine, "before_cursor_execute", note)
    yield sent
    event.remove(catalogue.engine, "before_cursor_execute", note)


def add_many(project, take, n):
    """``n`` more takes like ``take``, each with a finding and a verdict."""
    takes = [
        replace(take, id=f"{number:020x}", recipe=replace(take.recipe, number=number)) for number in range(1, n + 1)
    ]
    rows = [asdict(t) | {"recipe": canonical(t.recipe), "events": canonical(t.events)} for t in takes]
    with writing(project.catalogue.engine) as connection:
        connection.execute(schema.take.insert(), rows)
    for t in takes[:50]:
        project.catalogue.record(Finding(f"screen-{t.id}", "screen", 1, t.id, {}, {}, {}, {}, created_at=1.0))
    project.catalogue.say(Event(f"event-{t.id}", 1.0, "ann", "verdict", t.id, {"value": "keep"}) for t in takes[:50])


@pytest.mark.parametrize("n", [1_000])
def test_status_sends_as_many_queries_for_many_takes_as_for_one_and_decodes_none(project, add_take, monkeypatch, n):
    take = add_take(np.zeros(160))
    with counted(project.catalogue) as few:
        overview(project)
    add_many(project, take, n)

    def decoded(_row):
        raise AssertionError("a take was decoded")

    monkeypatch.setattr(store, "take_of", decoded)
    with counted(project.catalogue) as many:
        seen = overview(project)
    assert (seen.n_takes, seen.verdicts["keep"]) == (n + 1, 50)
    assert len(many) == len(few) < 30
