"""What other programs and people say in files: CSV, JSONL, Audacity labels, JAMS; ``exporting`` writes them.

Pure text. What a file adds is found by comparing it with what was said before, not by
remembering files: the same file twice adds nothing, two people may say the
same, and who changes back has said something new.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue import fold_by_person
from ..errors import ParameterError
from ..records import AUTO, VERDICTS, Event, Judgement, Take, digest
from ..web.auth import clean_actor
from ..web.http import parse_json
from . import validation
from .exporting import FORMS, FORMULA_SIGNS

ANYBODY = "*"
"""Stands for a name where a file sums up what all people said."""
SAME_S = 1e-4
"""Two times this close are one time: labels are written with six decimals."""


@dataclass(frozen=True)
class Statement:
    """One thing a file says about a take."""

    where: str  #: for errors: "line 3"
    take_id: str
    kind: str
    payload: Mapping[str, Any]
    who: str = ""  #: whose words the file says they are, ANYBODY, or "" where it names nobody


def decode(data: bytes) -> str:
    """A file's text, whichever program wrote it: UTF-16 with a mark, UTF-8, else Latin-1 as Windows has it."""
    for mark, coding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(coding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read(
    form: str,
    text: str,
    *,
    actor: str,
    now: float,
    takes: Mapping[str, Take],
    known: Iterable[Event],
    take_id: str = "",
) -> list[Event]:
    """What a file adds to what was said before.

    Parameters
    ----------
    actor : who says it, where the file names nobody
    known : the log so far
    take_id : which take labels are about, where they do not say it themselves

    Raises
    ------
    ParameterError
        Naming the line that makes no sense; nothing is taken from such a file.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    log = list(known)
    match form:
        case "jsonl":
            return _read_log(text, actor=actor, now=now, takes=takes, log=log)
        case "csv":
            lines = _read_csv(text)
        case "audacity":
            lines = _read_audacity(text, take_id)
        case "jams":
            lines = _read_jams(text, take_id)
        case _:
            raise ParameterError(f"form {form!r} must be one of {', '.join(FORMS)}")
    before = _Known(log)
    new, n_lines = [], 0
    for n_lines, line in enumerate(lines, start=1):  # noqa: B007
        event = _event(line.where, _words(line), actor=actor, now=now, takes=takes)
        if line.who != AUTO and not before.has(event, line.who):  # a ranking's verdict is nobody's word
            new.append(before.add(event))
    if not n_lines and form != "jams":  # a document of a take that was only played is a whole one
        raise ParameterError("the file says nothing about any take: no verdict, tag, tempo or label is in it")
    return new


def _event(where: str, words: Mapping[str, Any], *, actor: str, now: float, takes: Mapping[str, Take]) -> Event:
    try:
        return validation.parse_event(words, actor=actor, now=now, is_take=takes.__contains__)
    except ParameterError as why:
        raise _at(where, str(why)) from why


def _at(where: str, why: str) -> ParameterError:
    return ParameterError(f"{where}: {why}; nothing was imported")


def _words(line: Statement) -> dict[str, Any]:
    payload = {"note_id": "note-without-name", **line.payload} if line.kind == "note" else line.payload
    return {"client_id": "import-without-name", "kind": line.kind, "take_id": line.take_id, "payload": payload}


class _Known:
    """What each person has said, to tell what a file adds; an event gets its name from how often its kind was said."""

    def __init__(self, log: Sequence[Event]) -> None:
        self._about: dict[str, list[Event]] = defaultdict(list)
        for event in log:
            self._about[event.take_id].append(event)

    def has(self, event: Event, who: str) -> bool:
        """Whether the speaker, or the person the file names, stands by these words already."""
        said = {actor: one for (_, actor), one in fold_by_person(self._about[event.take_id]).items()}
        actors = {*said, event.actor} if who == ANYBODY else {event.actor, who or event.actor}
        return any(actor in said and _stands(event, said[actor]) for actor in actors)

    def add(self, event: Event) -> Event:
        """Give new words their name, and remember them."""
        key, payload = (event.actor, event.take_id, event.kind), dict(event.payload)
        if event.kind == "note":
            del payload["note_id"]
            payload["note_id"] = f"note-{digest(*key, payload)}"
        # The same file at the same time from two processes gives the same names, and counts once.
        n_before = sum((e.actor, e.take_id, e.kind) == key for e in self._about[event.take_id])
        named = replace(event, client_id=f"import-{digest('import', *key, payload, n_before)}", payload=payload)
        self._about[event.take_id].append(named)
        return named


def _stands(event: Event, said: Judgement) -> bool:
    words: Any = event.payload
    match event.kind:
        case "verdict":
            return bool(said.verdict == words["value"])
        case "tap":
            return said.bpm is not None and f"{said.bpm:g}" == f"{words['bpm']:g}"
        case "tag":
            return words["tag"] in said.tags
    return any(
        n.text == words["text"]
        and abs(n.start_s - words["start_s"]) <= SAME_S
        and abs(n.end_s - words["end_s"]) <= SAME_S
        for n in said.notes
    )


# ---- our own log ----------------------------------------------------------------


def _read_log(text: str, *, actor: str, now: float, takes: Mapping[str, Take], log: Sequence[Event]) -> list[Event]:
    """Events of a log keep their names, their times and their speakers."""
    found = []
    known = {e.client_id: e for e in log}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            words = parse_json(line)
        except ParameterError as why:
            raise _at(where, str(why)) from why
        if not isinstance(words, dict):
            raise _at(where, "not a JSON object")
        event = _logged(where, words, actor=actor, now=now, takes=takes)
        if event.kind == "undo":
            target = known.get(event.undoes or "")
            if target is None or (target.actor, target.take_id) != (event.actor, event.take_id):
                raise _at(where, "takes back what is not there, or is somebody else's")
        before = known.setdefault(event.client_id, event)
        if not validation.equal_content(before, event):
            raise _at(where, f"client_id {event.client_id} is taken by another event")
        found.append(event)
    return found


def _logged(where: str, words: Mapping[str, Any], *, actor: str, now: float, takes: Mapping[str, Take]) -> Event:
    who = words.get("actor") or actor
    by_auto = who == AUTO and words.get("kind") in ("verdict", "undo")
    try:
        speaker = AUTO if by_auto else clean_actor(who if isinstance(who, str) else repr(who))
    except ParameterError as why:
        raise _at(where, str(why)) from why
    pass_name = words.get("pass_name", "")
    event = _event(
        where,
        {**words, "pass": "" if pass_name == AUTO else pass_name},
        actor=speaker,
        now=now,
        takes=takes,
    )
    at = words.get("at")
    if isinstance(at, int | float) and 0 <= at < 1e11:
        event = replace(event, at=float(at))
    if by_auto and event.kind == "verdict":
        return replace(event, payload=_reasoned(words["payload"]), pass_name=AUTO, session=AUTO)
    return replace(event, pass_name=AUTO, session=AUTO) if by_auto else event


MOST_REASONS, LONGEST_REASON = 20, 200


def _reasoned(words: Mapping[str, Any]) -> dict[str, Any]:
    """``auto``'s verdict with its rank, score and reasons, bounded like everything else."""
    kept: dict[str, Any] = {"value": words["value"] if words["value"] in VERDICTS else "maybe"}
    for name in ("rank", "of", "score"):
        if isinstance(words.get(name), int | float) and abs(words[name]) < 1e9:
            kept[name] = words[name]
    reasons = words.get("reasons")
    if isinstance(reasons, list):
        kept["reasons"] = [str(r)[:LONGEST_REASON] for r in reasons[:MOST_REASONS]]
    return kept


# ---- spreadsheets ---------------------------------------------------------------

SAYING = ("verdict", "tags", "bpm")
DELIMITERS = (",", ";", "\t")
ONE_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:[.,][0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")


def _decimal(text: str) -> float:
    """A number with a point or, as half of the world writes it, a comma."""
    plain = text.strip()
    if not ONE_NUMBER.fullmatch(plain):
        raise ValueError(f"{plain[:40]!r} is no number")
    return float(plain.replace(",", "."))


def _read_csv(text: str) -> Iterator[Statement]:
    """Rows of a spreadsheet: commas, semicolons or tabs, whatever its country uses."""
    told, first = "", 1
    if text[:4].casefold() == "sep=":  # Excel's own way to name the delimiter
        told, text, first = text[4:5], text.partition("\n")[2], 2
    head = text.partition("\n")[0]
    delimiter = told or max(DELIMITERS, key=head.count)
    table = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        names = [cell.strip().casefold() for cell in next(table, [])]
        if "take" not in names or not set(names) & set(SAYING):
            raise _at(
                f"line {first}",
                f"the first line must name the columns, take and one of {', '.join(SAYING)}, "
                f"with commas, semicolons or tabs between them, not {head[:60]!r}",
            )
        for cells in table:
            if any(cell.strip() for cell in cells):
                yield from _read_row(f"line {table.line_num + first - 1}", names, cells)
    except csv.Error as cause:
        raise _at(f"line {table.line_num + first - 1}", str(cause)) from cause


def _read_row(where: str, names: Sequence[str], cells: Sequence[str]) -> Iterator[Statement]:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise _at(
            where,
            f"{len(cells)} cells under {len(names)} columns; put cells that hold the delimiter in quotes, "
            "or write decimals with a point",
        )
    row = {name: _as_meant(cell) for name, cell in zip(names, cells, strict=False)}
    take_id, who = row.get("take", ""), row.get("who", "")
    summed_up = ANYBODY if "who" in names else ""
    verdict = row.get("verdict", "").casefold()
    if verdict:
        yield Statement(where, take_id, "verdict", {"value": verdict}, who)
    for tag in row.get("tags", "").split(";"):
        if tag.strip():
            yield Statement(where, take_id, "tag", {"tag": tag.strip()}, summed_up)
    if row.get("bpm"):
        try:
            bpm = _decimal(row["bpm"])
        except ValueError as cause:
            raise _at(where, f"bpm {cause}") from cause
        yield Statement(where, take_id, "tap", {"bpm": bpm, "times_s": []}, summed_up)


def _as_meant(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it."""
    plain = cell.strip()
    return plain[1:] if plain.startswith("'") and plain[1:].startswith(FORMULA_SIGNS) else plain


# ---- labels ---------------------------------------------------------------------


def _read_audacity(text: str, take_id: str) -> Iterator[Statement]:
    """Labels; a line ``# take`` says which take the ones below it are about."""
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"line {number}"
        if line.startswith("#"):
            take_id = line.lstrip("# ").strip()
            continue
        if not line.strip() or line.startswith("\\"):  # Audacity's spectral selections
            continue
        if not take_id:
            raise _at(where, "which take is it about? name the file TAKE.txt, or say --take TAKE")
        start, _, rest = line.partition("\t")
        end, _, label = rest.partition("\t")  # an unnamed label may have lost its last tab
        try:
            times = {"start_s": _decimal(start), "end_s": _decimal(end)}
        except ValueError as cause:
            raise _at(where, f"{cause}: a label is its start, its end and its text, with tabs between them") from cause
        yield Statement(where, take_id, "note", {**times, "text": label})


# ---- JAMS -----------------------------------------------------------------------


def _read_jams(text: str, take_id: str) -> Iterator[Statement]:
    """One document; also a list of them."""
    try:
        found = parse_json(text)
    except ParameterError as why:
        raise _at("not JAMS", str(why)) from why
    try:
        for number, jam in enumerate(found if isinstance(found, list) else [found], start=1):
            yield from _read_jam(f"document {number}", jam, take_id)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as cause:
        if isinstance(cause, ParameterError):
            raise
        raise _at("not JAMS", f"{type(cause).__name__} {str(cause)[:80]}") from cause


def _read_jam(document: str, jam: Mapping[str, Any], take_id: str) -> Iterator[Statement]:
    take_id = str((jam["file_metadata"].get("identifiers") or {}).get("neuralbum_take") or take_id)
    if not take_id:
        raise _at(document, "identifiers.neuralbum_take names no take; name the file TAKE.jams, or say --take TAKE")
    for annotation in jam["annotations"]:
        namespace = annotation["namespace"]
        where = f"{document}, {namespace}"
        who = str((annotation["annotation_metadata"].get("curator") or {}).get("name", ""))
        for seen in annotation["data"]:
            value = seen["value"]
            match namespace:
                case "tempo":
                    yield Statement(where, take_id, "tap", {"bpm": value, "times_s": []}, who)
                case "tag_open":
                    yield Statement(where, take_id, "tag", {"tag": value}, who)
                case "segment_open":
                    start_s, end_s = float(seen["time"]), float(seen["time"]) + float(seen["duration"])
                    yield Statement(where, take_id, "note", {"start_s": start_s, "end_s": end_s, "text": value}, who)
    sandbox = jam.get("sandbox") or {}
    said = dict(sandbox.get("verdicts") or {})
    if sandbox.get("verdict"):  # as this program wrote it before it told people apart
        said.setdefault("", sandbox["verdict"])
    for who, verdict in said.items():
        yield Statement(document, take_id, "verdict", {"value": verdict}, who)
