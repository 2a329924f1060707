"""What was said, for other programs and back: CSV, JSONL, Audacity labels, JAMS.

Pure text. JSONL is the whole log, one event a line, and comes back in without
loss; CSV is where each take stands, for a spreadsheet; Audacity labels are the
notes, one file's worth per take; JAMS (Humphrey et al., ISMIR 2014) holds tempo,
tags and regions of all takes as a list of annotated files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..catalogue import fold
from ..errors import ParameterError
from ..records import AUTO, Event, Judgement, Take, canonical, digest
from . import speech

FORMS = {"csv": "csv", "jsonl": "jsonl", "audacity": "txt", "jams": "jams"}
MAX_REASONS, MAX_REASON = 40, 200
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""Cells that begin so would be run by a spreadsheet; they get an apostrophe (OWASP, CSV injection)."""
CSV_FIELDS = ("take", "verdict", "who", "tags", "style", "bpm", "heard_s", "notes", "duration_s", "temperature")


def write(form: str, takes: Sequence[Take], events: Sequence[Event], *, title: str = "") -> str:
    """The text of one of FORMS."""
    judged = fold(events)
    match form:
        case "csv":
            return write_csv(takes, judged)
        case "jsonl":
            return write_jsonl(events)
        case "audacity":
            return write_audacity(takes, judged)
        case "jams":
            return write_jams(takes, judged, title=title)
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
        cells += [f"{take.duration_s:.2f}", f"{take.recipe.mean_temperature:.4f}"]
        table.writerow([_harmless(c) for c in cells])
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell


def write_jsonl(events: Iterable[Event]) -> str:
    """One event a line, in log order."""
    lines = []
    for event in events:
        if event.kind == "queue":
            continue
        words = dict(canonical(event))  # type: ignore[call-overload]
        del words["id"]
        lines.append(json.dumps(words, ensure_ascii=False, sort_keys=True))
    return "".join(line + "\n" for line in lines)


def write_audacity(takes: Iterable[Take], judged: Mapping[str, Judgement]) -> str:
    """Labels (start, end, text; tabs). Takes follow each other with a line ``# take``, which Audacity skips."""
    lines = []
    for take in takes:
        j = judged.get(take.id)
        if j and j.notes:
            lines.append(f"# {take.id}")
            lines += [f"{n.start_s:.6f}\t{n.end_s:.6f}\t{' '.join(n.text.split())}" for n in j.notes]
    return "".join(line + "\n" for line in lines)


def write_jams(takes: Iterable[Take], judged: Mapping[str, Judgement], *, title: str) -> str:
    """A JSON list of JAMS objects (schema 0.3): tempo, tag_open and segment_open per take."""
    return json.dumps([_jam(t, judged[t.id], title) for t in takes if t.id in judged], ensure_ascii=False, indent=1)


def _jam(take: Take, j: Judgement, title: str) -> dict[str, Any]:
    def annotation(namespace: str, data: list[dict[str, Any]]) -> dict[str, Any]:
        meta = {
            "curator": {"name": j.actor or "", "email": ""},
            "annotator": {},
            "version": "1",
            "corpus": title,
            "annotation_tools": "neuralbum curate",
            "annotation_rules": "",
            "validation": "",
            "data_source": "",
        }
        return {
            "annotation_metadata": meta,
            "namespace": namespace,
            "data": data,
            "sandbox": {},
            "time": 0,
            "duration": take.duration_s,
        }

    def observation(time: float, duration: float, value: object) -> dict[str, Any]:
        return {"time": time, "duration": duration, "value": value, "confidence": None}

    annotations = []
    if j.bpm:
        annotations.append(annotation("tempo", [{**observation(0, take.duration_s, j.bpm), "confidence": 1.0}]))
    if j.tags:
        annotations.append(annotation("tag_open", [observation(0, take.duration_s, t) for t in j.tags]))
    if j.notes:
        regions = [observation(n.start_s, n.end_s - n.start_s, n.text) for n in j.notes]
        annotations.append(annotation("segment_open", regions))
    return {
        "file_metadata": {
            "title": "",
            "artist": "",
            "release": title,
            "duration": take.duration_s,
            "identifiers": {"neuralbum_take": take.id},
            "jams_version": "0.3.4",
        },
        "annotations": annotations,
        "sandbox": {"verdict": j.verdict, "heard_s": j.heard_s},
    }


# ---- back in --------------------------------------------------------------------


def read(
    form: str, text: str, *, actor: str, now: float, takes: Mapping[str, Take], known: Iterable[Event]
) -> list[Event]:
    """Events from a file. Reading the same file twice gives the same client_ids, so it counts once.

    Raises
    ------
    ParameterError
        Naming the line that makes no sense; nothing is taken from such a file.
    """
    readers = {"jsonl": _read_jsonl, "csv": _read_csv, "audacity": _read_audacity, "jams": _read_jams}
    if form not in readers:
        raise ParameterError(f"form {form!r} must be one of {', '.join(readers)}")
    found = []
    names = {e.client_id: (e.actor, e.take_id) for e in known}
    for where, who, words in readers[form](text):
        try:
            who = _actor_of(words) if form == "jsonl" else who
            event = speech.understand(words, actor=who or actor, now=now, is_take=takes.__contains__)
            if event.kind == "undo" and names.get(event.undoes or "") != (event.actor, event.take_id):
                raise ParameterError("takes back what is not there, or is somebody else's")
            if form == "jsonl":
                event = _as_logged(event, words)
        except ParameterError as why:
            raise ParameterError(f"{where}: {why}; nothing was imported") from why
        names[event.client_id] = (event.actor, event.take_id)
        found.append(event)
    return found


def _as_logged(event: Event, words: Mapping[str, Any]) -> Event:
    """A line of our own log keeps its time, and ``auto`` its reasons."""
    at = words.get("at")
    if isinstance(at, int | float) and 0 <= at < 1e11:
        event = replace(event, at=float(at))
    if event.actor == AUTO:
        payload = {**event.payload, **_ranking_of(words["payload"])}
        event = replace(event, payload=payload, pass_name=AUTO, session=AUTO)
    return event


def _ranking_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Why the ranking decided so: numbers and short plain texts. A log from elsewhere may hold anything."""
    said: dict[str, Any] = {}
    for name in ("rank", "of", "score"):
        value = payload.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
            said[name] = value
    if "reasons" not in payload:
        return said
    reasons = payload["reasons"]
    if not isinstance(reasons, list) or len(reasons) > MAX_REASONS or not all(isinstance(r, str) for r in reasons):
        raise ParameterError(f"reasons must be a list of at most {MAX_REASONS} texts")
    return {**said, "reasons": ["".join(c for c in r if c.isprintable())[:MAX_REASON] for r in reasons]}


def _actor_of(words: Mapping[str, Any]) -> str:
    """Who a line of a log says it is by: ``auto`` or a curator's name; "" if it does not say."""
    name = words.get("actor", "")
    if not isinstance(name, str):
        raise ParameterError("actor must be text")
    return name if name in ("", AUTO) else speech.clean_actor(name)


Spoken = Iterable[tuple[str, str, dict[str, Any]]]


def _read_jsonl(text: str) -> Spoken:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            words = json.loads(line)
        except ValueError as cause:
            raise ParameterError(f"line {number}: not JSON ({cause}); nothing was imported") from cause
        if not isinstance(words, dict):
            raise ParameterError(f"line {number}: not a JSON object; nothing was imported")
        words["pass"] = words.pop("pass_name", "")
        if words["pass"] == "auto":
            words["pass"] = ""
        yield f"line {number}", "", words


def _said(kind: str, take_id: str, **payload: Any) -> dict[str, Any]:
    return {
        "client_id": f"import-{digest(kind, take_id, payload)}",
        "kind": kind,
        "take_id": take_id,
        "payload": payload,
    }


def _read_csv(text: str) -> Spoken:
    for row in (table := csv.DictReader(io.StringIO(text))):
        where, take_id = f"line {table.line_num}", row.get("take") or ""
        if row.get("verdict"):
            yield where, "", _said("verdict", take_id, value=row["verdict"])
        for tag in (row.get("tags") or "").split(";"):
            if tag.strip():
                yield where, "", _said("tag", take_id, tag=tag.strip().removeprefix("'"))
        if row.get("bpm"):
            try:
                bpm = float(row["bpm"])
            except ValueError as cause:
                raise ParameterError(f"{where}: bpm {row['bpm']!r} is no number; nothing was imported") from cause
            yield where, "", _said("tap", take_id, bpm=bpm, times_s=[])


def _read_audacity(text: str) -> Spoken:
    take_id = ""
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"line {number}"
        if line.startswith("#"):
            take_id = line.lstrip("# ").strip()
            continue
        if not line.strip() or line.startswith("\\"):  # Audacity's spectral selections
            continue
        cells = line.split("\t")
        try:
            start_s, end_s, label = float(cells[0]), float(cells[1]), cells[2]
        except (IndexError, ValueError) as cause:
            raise ParameterError(f"{where}: not 'start, end, label' with tabs; nothing was imported") from cause
        yield where, "", _note(take_id, start_s, end_s, label)


def _note(take_id: str, start_s: float, end_s: float, text: str) -> dict[str, Any]:
    name = digest("note", take_id, start_s, end_s, text)
    return _said("note", take_id, note_id=f"note-{name}", start_s=start_s, end_s=end_s, text=text)


def _read_jams(text: str) -> Spoken:
    try:
        jams = json.loads(text)
        for n, jam in enumerate(jams if isinstance(jams, list) else [jams], start=1):
            take_id = str(jam["file_metadata"]["identifiers"]["neuralbum_take"])
            for annotation in jam["annotations"]:
                for seen in annotation["data"]:
                    where = f"file {n}, {annotation['namespace']}"
                    match annotation["namespace"]:
                        case "tempo":
                            yield where, "", _said("tap", take_id, bpm=float(seen["value"]), times_s=[])
                        case "tag_open":
                            yield where, "", _said("tag", take_id, tag=str(seen["value"]))
                        case "segment_open":
                            start_s, length_s = float(seen["time"]), float(seen["duration"])
                            yield where, "", _note(take_id, start_s, start_s + length_s, str(seen["value"]))
            verdict = (jam.get("sandbox") or {}).get("verdict")
            if verdict:
                yield f"file {n}", "", _said("verdict", take_id, value=verdict)
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        if isinstance(cause, ParameterError):
            raise
        raise ParameterError(f"not JAMS: {cause!r}; nothing was imported") from cause
