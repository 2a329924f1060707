"""What the events about trainings mean: names, stars, what was said of clips, blind tests.

Pure, as ``projection`` is for takes: events in log order in, where each run stands out. The
last word counts: of anybody for names and stars, of each person for a clip. An undone event
is as if never said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import CatalogueError
from ..records import HEARD, BlindTest, Event, Heard, RunOpinion
from .projection import standing

KINDS = ("name", "star", "hear", "blind", "trial")
"""Kinds of the events about trainings; ``undo`` takes back one of them, too."""


def fold_runs(events: Iterable[Event]) -> dict[str, RunOpinion]:
    """Model id -> what people said of it."""
    names: dict[str, str] = {}
    stars: dict[tuple[str, int | None], bool] = {}
    heard: dict[tuple[str, int, int, str], str] = {}
    for event in standing(events):
        words = event.payload
        try:
            match event.kind:
                case "name":
                    names[str(words["model"])] = str(words["name"])
                case "star":
                    step = None if words.get("step") is None else int(words["step"])
                    stars[str(words["model"]), step] = bool(words["on"])
                case "hear" if words["value"] in HEARD:
                    key = (str(words["model"]), int(words["step"]), int(words["clip"]), event.actor)
                    heard[key] = str(words["value"])
        except (KeyError, TypeError, ValueError) as cause:
            raise _strange(event) from cause
    ids = {*names, *(model for model, _ in stars), *(model for model, *_ in heard)}
    return {
        model: RunOpinion(
            model,
            name=names.get(model, ""),
            starred=stars.get((model, None), False),
            starred_steps=tuple(
                sorted(step for (m, step), on in stars.items() if m == model and on and step is not None)
            ),
            heard=tuple(Heard(step, clip, who, value) for (m, step, clip, who), value in heard.items() if m == model),
        )
        for model in sorted(ids)
    }


def fold_blind_tests(events: Iterable[Event]) -> dict[str, BlindTest]:
    """Test id -> the test with its answers so far, in the order the tests were begun.

    A trial's first answer counts, and only that of the person who began the test.
    """
    tests: dict[str, BlindTest] = {}
    answered: dict[str, set[int]] = {}
    for event in standing(events):
        words = event.payload
        try:
            if event.kind == "blind":
                name = str(words["test_id"])
                tests[name] = BlindTest(name, event.actor, str(words["a"]), str(words["b"]), int(words["n"]))
                answered[name] = set()
            elif event.kind == "trial" and (test := tests.get(str(words["test_id"]))) is not None:
                number, chosen = int(words["number"]), str(words["chosen"])
                if event.actor == test.actor and number not in answered[test.test_id] and chosen in ("a", "b"):
                    answered[test.test_id].add(number)
                    tests[test.test_id] = replace(test, chosen=(*test.chosen, chosen))
        except (KeyError, TypeError, ValueError) as cause:
            raise _strange(event) from cause
    return tests


def _strange(event: Event) -> CatalogueError:
    return CatalogueError(
        f"catalogue: event {event.id} ({event.kind} by {event.actor}) is not what neuralbum wrote there (changed by "
        f"hand?); restore the catalogue from a copy, or remove the row: DELETE FROM event WHERE id = {event.id}"
    )
