"""A stage's settings: one frozen dataclass, each field with meaning, unit and range.

``setting`` declares a field; ``resolve`` turns a TOML table and ``--set`` words
into an instance, or says which key is unknown and which one was probably
meant. Precedence: dataclass default < neuralbum.toml < command line.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from .errors import SettingsError

P = TypeVar("P")

LARGEST_TOML = 256 * 1024  #: characters; the longest honest settings file has some thousands


def setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[Any] | None = None,
) -> Any:
    """Declare one field of a Params dataclass, documented and bounded."""
    about = {"meaning": meaning, "unit": unit, "minimum": minimum, "maximum": maximum, "choices": choices}
    return dataclasses.field(default=default, metadata=about)


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant: ``"; did you mean 'temperature'?"`` or the list."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def read_toml(text: str, *, where: str) -> dict[str, Any]:
    """TOML text as tables of plain values.

    Raises
    ------
    SettingsError
        It is not TOML, is nested too deeply, or is larger than settings can be.
    """
    if len(text) > LARGEST_TOML:
        raise SettingsError(
            f"{where}: {len(text)} characters long; settings have at most {LARGEST_TOML}. Is it the right file?"
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise SettingsError(f"{where}: not valid TOML: {cause}") from cause
    except RecursionError as cause:
        raise SettingsError(f"{where}: nested too deeply; settings are tables of plain values and lists") from cause
    except ValueError as cause:  # a number of more digits than Python converts, a date that is none
        raise SettingsError(f"{where}: not valid TOML: {cause}") from cause


def resolve(params: type[P], table: Mapping[str, Any], *, where: str, flags: Collection[str] = ()) -> P:
    """Build ``params`` from a table of plain values.

    Parameters
    ----------
    params : a frozen dataclass whose fields were declared with ``setting``
    table : key -> value, as TOML gives it (lists for tuples)
    where : named in errors, e.g. ``"neuralbum.toml [screen]"``
    flags : keys that came with the command; errors say so

    Raises
    ------
    SettingsError
        Unknown key (with the nearest known one), wrong type, or out of range.
    """
    from pydantic import TypeAdapter, ValidationError

    fields = {f.name: f for f in dataclasses.fields(params)}  # type: ignore[arg-type]

    def place(name: str) -> str:
        return f"given to the command, [{where.rpartition('[')[2]}" if name.partition(".")[0] in flags else where

    for key in table:
        if key not in fields:
            raise SettingsError(f"{place(key)}: unknown setting {key!r}{nearest(key, fields)}")
    try:
        made: P = TypeAdapter(params).validate_python(dict(table))
    except ValidationError as cause:
        first = cause.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "?"
        raise SettingsError(f"{place(name)}: {name} = {_short(first.get('input'))}: {first['msg'].lower()}") from cause
    except RecursionError as cause:
        raise SettingsError(f"{where}: nested too deeply; settings are plain values and lists of them") from cause
    for name, spec in fields.items():
        _check_range(name, getattr(made, name), spec.metadata, place(name))
    return made


def _short(value: Any) -> str:
    """A value as it is shown in an error; a long one is cut."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or an integer of too many digits
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _check_range(name: str, value: Any, about: Mapping[str, Any], where: str) -> None:
    choices = about.get("choices")
    if choices is not None and value is not None and value not in choices:
        allowed = ", ".join(map(repr, choices))
        raise SettingsError(f"{where}: {name} = {value!r} must be one of {allowed}")
    for number in value if isinstance(value, tuple | list) else (value,):
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        low, high = about.get("minimum"), about.get("maximum")
        if (low is not None and not number >= low) or (high is not None and not number <= high):
            bounds = f"{'' if low is None else f'>= {low:g}'}{' and ' if None not in (low, high) else ''}"
            bounds += "" if high is None else f"<= {high:g}"
            shown = f"{number:g}" if abs(number) < 1e15 else _short(number)  # :g cannot hold 10**400
            raise SettingsError(f"{where}: {name} = {shown} must be {bounds} {about.get('unit', '')}".rstrip())


def parse_words(words: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read ``--set table.key=value`` words; values are TOML, bare words count as text.

    >>> parse_words(["generate.temperature=1.01", "project.artist=My Band"])
    {'generate': {'temperature': 1.01}, 'project': {'artist': 'My Band'}}
    """
    tables: dict[str, dict[str, Any]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        table, dot, key = name.strip().rpartition(".")
        if not (equals and dot and table and key):
            raise SettingsError(f"--set {word!r}: write it as table.key=value, for example generate.count=12")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        except (RecursionError, ValueError) as cause:
            raise SettingsError(f"--set {word[:60]!r}…: cannot be read as a value ({type(cause).__name__})") from cause
        tables.setdefault(table, {})[key] = value
    return tables
