"""Write docs/settings.md from the code: every table, every setting, its meaning, unit, default and range."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralbum.project import TABLES

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

HEAD = """# Settings

One file, `neuralbum.toml`, in the project folder. A setting's value is its default, else what the file says, else what
the command line says (`--set table.key=value`). An unknown key is an error that names the nearest one. The values a
finding was measured with are stored beside it. This page is written by `make docs`; a test holds it against the code.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for table, home in TABLES.items():
        module, _, name = home.partition(":")
        kind = getattr(importlib.import_module(module), name)
        about = (kind.__doc__ or "").strip().splitlines()[0]
        parts.append(
            f"\n## [{table}]\n\n{about}\n\n| key | default | unit | range | meaning |\n|---|---|---|---|---|\n"
        )
        parts += [_row(field) for field in dataclasses.fields(kind)]
    return "".join(parts)


def _row(field: dataclasses.Field) -> str:  # type: ignore[type-arg]
    about = field.metadata
    default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
    meaning = str(about["meaning"]).replace("|", "\\|")
    return f"| `{field.name}` | {_toml(default)} | {about['unit']} | {_range(about)} | {meaning} |\n"


def _toml(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return "`[" + ", ".join(_toml(v).strip("`") for v in value) + "]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _range(about: Mapping[str, Any]) -> str:
    if about["choices"] is not None:
        return ", ".join(f"`{c}`" for c in about["choices"])
    low, high = about["minimum"], about["maximum"]
    if low is None and high is None:
        return ""
    return " … ".join("" if bound is None else f"{bound:g}" for bound in (low, high)).strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
