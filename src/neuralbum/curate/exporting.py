"""What was said, for other programs: CSV, JSONL, Audacity labels, JAMS; ``importing`` is the way back.

Pure text. JSONL is the whole log, one event a line, and comes back in without
loss; CSV is where each take stands, for a spreadsheet; Audacity labels are the
notes of one take; JAMS (Humphrey et al., ISMIR 2014) holds one take's tempo,
tags and regions, each person's as annotations of their own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..catalogue import fold, fold_by_person
from ..errors import ParameterError
from ..records import Event, Judgement, Take, canonical

FORMS = {"csv": "csv", "jsonl": "jsonl", "audacity": "txt", "jams": "jams"}
A_FILE_A_TAKE = ("audacity", "jams")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""Cells that begin so would be run by a spreadsheet; they get an apostrophe (OWASP, CSV injection)."""
CSV_FIELDS = ("take", "verdict", "who", "tags", "style", "bpm", "heard_s", "notes", "duration_s", "temperature")

Files = dict[str, str]
"""Take id -> text; the one key "" where all takes share one file."""


def write(form: str, takes: Sequence[Take], events: Sequence[Event], *, title: str = "") -> Files:
    """The texts of one of FORMS: labels and JAMS have one file a take, which is what other programs open."""
    match form:
        case "csv":
            return {"": write_csv(takes, fold(events))}
        case "jsonl":
            return {"": write_jsonl(events)}
        case "audacity":
            return write_audacity(takes, fold(events))
        case "jams":
            return write_jams(takes, events, title=title)
    raise ParameterError(f"form {form!r} must be one of {', '.join(FORMS)}")


def write_csv(takes: Iterable[Take], judged: Mapping[str, Judgement]) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(CSV_FIELDS)
    for take in takes:
        j = judged.get(take.id) or Judgement(take.id)
        notes = "; ".join(f"{n.start_s:.2f}-{n.end_s:.2f} {n.text}" for n in j.notes)
        cells = [take.id, j.verdict or "", j.actor or "", "; ".join(j.tags), j.style or ""]
        cells += ["" if j.bpm is None else f"{j.bpm:g}", f"{j.heard_s:.1f}", notes]
        cells += [f"{take.duration_s:.2f}", "" if (t := take.recipe.mean_temperature) is None else f"{t:.4f}"]
        table.writerow([_harmless(c) for c in cells])
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell


def write_jsonl(events: Iterable[Event]) -> str:
    """One event a line, in log order."""
    lines = []
    for event in events:
        if not event.take_id:  # about no take
            continue
        words = dict(canonical(event))  # type: ignore[call-overload]
        del words["id"]
        lines.append(json.dumps(words, ensure_ascii=False, sort_keys=True))
    return "".join(line + "\n" for line in lines)


def write_audacity(takes: Iterable[Take], judged: Mapping[str, Judgement]) -> Files:
    """Labels (start, end, text; tabs) of each take that has notes.

    Nothing else stands in the files: Audacity warns about every line that is no label.
    """
    return {
        take.id: "".join(f"{n.start_s:.6f}\t{n.end_s:.6f}\t{' '.join(n.text.split())}\n" for n in j.notes)
        for take in takes
        if (j := judged.get(take.id)) and j.notes
    }


def write_jams(takes: Iterable[Take], events: Iterable[Event], *, title: str) -> Files:
    """A JAMS document (schema 0.3) of each take about which something was said."""
    said: dict[str, dict[str, Judgement]] = {}
    for (take_id, actor), one in fold_by_person(events).items():
        said.setdefault(take_id, {})[actor] = one
    return {
        take.id: json.dumps(_jam(take, said[take.id], title), ensure_ascii=False, indent=1) + "\n"
        for take in takes
        if take.id in said
    }


def _jam(take: Take, said: Mapping[str, Judgement], title: str) -> dict[str, Any]:
    return {
        "file_metadata": {
            "title": "",
            "artist": "",
            "release": title,
            "duration": take.duration_s,
            "identifiers": {"neuralbum_take": take.id},
            "jams_version": "0.3.4",
        },
        "annotations": [a for actor, one in said.items() for a in _annotations(take, actor, one, title)],
        "sandbox": {"verdicts": {actor: one.verdict for actor, one in said.items() if one.verdict}},
    }


def _annotations(take: Take, actor: str, said: Judgement, title: str) -> Iterator[dict[str, Any]]:
    """Tempo, tags and regions of one person."""

    def observation(time: float, duration: float, value: object, confidence: float | None = None) -> dict[str, Any]:
        return {"time": time, "duration": duration, "value": value, "confidence": confidence}

    whole = (0.0, take.duration_s)
    data = {
        "tempo": [] if said.bpm is None else [observation(*whole, said.bpm, 1.0)],
        "tag_open": [observation(*whole, tag) for tag in said.tags],
        "segment_open": [observation(n.start_s, n.end_s - n.start_s, n.text) for n in said.notes],
    }
    meta = {
        "curator": {"name": actor, "email": ""},
        "annotator": {},
        "version": "1",
        "corpus": title,
        "annotation_tools": "neuralbum curate",
        "annotation_rules": "",
        "validation": "",
        "data_source": "",
    }
    for namespace, observations in data.items():
        if observations:
            yield {
                "annotation_metadata": meta,
                "namespace": namespace,
                "data": observations,
                "sandbox": {},
                "time": 0,
                "duration": take.duration_s,
            }
