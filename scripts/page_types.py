"""Write the page's types of what the server answers from the server's own: ``python scripts/page_types.py``.

curate/responses.py is the source, curate/web/src/api_types.ts the result; a test holds it fresh.
"""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from neuralbum.curate import responses

TARGET = Path(__file__).parents[1] / "src" / "neuralbum" / "curate" / "web" / "src" / "api_types.ts"
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
NAMED = {kind: name for name, kind in vars(responses).items() if get_origin(kind) is Literal}

LISTS = {"Verdict": "VERDICTS", "PassName": "PASSES"}


def typescript() -> str:
    """The whole file."""
    lines = ["/** What the server answers. Made by scripts/page_types.py from curate/responses.py: change it there. */"]
    for kind, name in NAMED.items():
        values = ", ".join(f"'{value}'" for value in get_args(kind))
        lines += ["", f"export const {LISTS[name]} = [{values}] as const;"]
        lines += [f"export type {name} = (typeof {LISTS[name]})[number];"]
    for name, kind in vars(responses).items():
        if isinstance(kind, type) and hasattr(kind, "__required_keys__"):
            lines += ["", *_interface(name, kind)]
    return "\n".join(lines) + "\n"


def _interface(name: str, kind: Any) -> list[str]:
    doc = [f"/** {' '.join(kind.__doc__.split())} */"] if kind.__doc__ else []
    fields = [
        f"  {field}{'' if field in kind.__required_keys__ else '?'}: {spell(hint)};"
        for field, hint in get_type_hints(kind).items()
    ]
    return [*doc, f"export interface {name} {{", *fields, "}"]


def spell(hint: Any) -> str:
    """A Python type as TypeScript writes it."""
    if hint in PLAIN:
        return PLAIN[hint]
    if hint in NAMED:
        return NAMED[hint]
    arguments = get_args(hint)
    match get_origin(hint):
        case None:
            return str(hint.__name__)
        case types.UnionType | typing.Union:
            return " | ".join(map(spell, arguments))
        case origin if origin is list:
            inner = spell(arguments[0])
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case origin if origin is tuple:
            return f"[{', '.join(map(spell, arguments))}]"
        case origin if origin is dict:
            return f"Record<string, {spell(arguments[1])}>"
    raise TypeError(f"{hint}: no TypeScript for it yet")


if __name__ == "__main__":
    TARGET.write_text(typescript(), encoding="utf-8")
    print(f"wrote {TARGET}")
