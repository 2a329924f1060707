"""Rows into records, and what is said of a row that somebody changed by hand.

SQLite stores text where a number should be without a word; what comes out is
looked at column by column, so that a damaged row is named where it is read and
not where its value is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import JSON, Column, Connection, Float, Integer, Select, Table
from sqlalchemy.engine import RowMapping

from ..errors import CatalogueError, in_one_line
from ..records import Event, Finding, Recipe, Take

R = TypeVar("R")

LISTS = {("take", "events")}
"""The JSON columns that hold a list; all others hold an object."""
STRANGE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading a row raises that is not what the schema says."""


def read(connection: Connection, table: Table, query: Select[Any], make: Callable[[RowMapping], R]) -> list[R]:
    """The rows of ``query`` over ``table``, made into records.

    Raises
    ------
    CatalogueError
        Naming the first row that is damaged, and how to get rid of it.
    """
    columns = [(column.name, kinds(column), column.nullable) for column in table.columns]
    made = []
    try:
        for row in connection.execute(query).mappings():
            for name, allowed, nullable in columns:
                if name in row and not isinstance(row[name], allowed) and not (nullable and row[name] is None):
                    raise TypeError(name)
            made.append(make(row))
    except STRANGE as cause:
        raise CatalogueError(_named(connection, table, cause)) from cause
    return made


def kinds(column: Column[Any]) -> tuple[type, ...]:
    """The Python types a column's values may have."""
    if isinstance(column.type, JSON):
        return (list,) if (column.table.name, column.name) in LISTS else (dict,)
    if isinstance(column.type, Float):
        return (float, int)
    return (int,) if isinstance(column.type, Integer) else (str,)


def _named(connection: Connection, table: Table, cause: Exception) -> str:
    """Which row it is, looked for in the raw table, as reading it as JSON may be what failed."""
    keys = [column.name for column in table.primary_key]
    for row in connection.exec_driver_sql(f"SELECT * FROM {table.name}").mappings():
        wrong = [column.name for column in table.columns if _is_damaged(column, row[column.name])]
        if wrong:
            place = " AND ".join(f"{key} = {row[key]!r}" for key in keys)
            return (
                f"catalogue: {table.name} {place}: {wrong[0]} is not what neuralbum wrote there (changed by hand?); "
                f"restore the catalogue from a copy, or remove the row: DELETE FROM {table.name} WHERE {place}"
            )
    return f"catalogue: a row of {table.name} is damaged ({in_one_line(cause)}); restore the catalogue from a copy"


def _is_damaged(column: Column[Any], value: Any) -> bool:
    if value is None:
        return not column.nullable
    if isinstance(column.type, JSON):
        if isinstance(value, str | bytes):  # SQLite stores the text; PostgreSQL's driver has read it already
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return True
        if (column.table.name, column.name) == ("take", "recipe"):
            try:
                recipe_of(value)
            except STRANGE:
                return True
    if isinstance(value, float) and not math.isfinite(value):
        return True
    return not isinstance(value, kinds(column))


def recipe_of(values: Any) -> Recipe:
    recipe = dict(values)
    recipe["temperature"] = tuple((float(s), float(t)) for s, t in recipe["temperature"])
    return Recipe(**recipe)


def take_of(row: RowMapping) -> Take:
    return Take(**{**row, "recipe": recipe_of(row["recipe"]), "events": tuple(row["events"])})


def finding_of(row: RowMapping) -> Finding:
    return Finding(**row)


def event_of(row: RowMapping) -> Event:
    return Event(**row)
