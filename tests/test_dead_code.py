"""Nothing is declared that nobody reads: settings have a reader, public functions a caller outside the tests."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from neuralbum.project import TABLES

SOURCE = Path(__file__).parent.parent / "src" / "neuralbum"
FILES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
BENCHMARKS = sorted((SOURCE.parent.parent / "benchmarks").glob("*.py"))
SCRIPTS = sorted((SOURCE.parent.parent / "scripts").glob("*.py"))
CALLED_BY_OTHERS = {"command", "main"}
"""Typer, the entry points and Alembic call these by their names."""
TWIN = "_plain"
"""Ending of a kernel's plain twin, which the tests hold the kernel against."""


def words_of(tree: ast.AST) -> set[str]:
    """Names, attributes, keywords, imported names and string constants in a file, without what it only declares."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.name.rpartition(".")[2])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(node.value.replace(":", ".").split(".") if len(node.value) < 80 else ())
    return found


WORDS = {path: words_of(tree) for path, tree in FILES.items()}
TEMPLATES = " ".join(p.read_text(encoding="utf-8") for p in SOURCE.rglob("templates/*") if p.is_file())
OUTSIDE = set(re.findall(r"\w+", TEMPLATES)).union(
    *(words_of(ast.parse(p.read_text(encoding="utf-8"))) for p in [*BENCHMARKS, *SCRIPTS])
)


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_read_somewhere(table):
    module, _, name = TABLES[table].partition(":")
    kind = getattr(import_module(module), name)
    declared_in = SOURCE.parent / (kind.__module__.replace(".", "/") + ".py")
    read = {
        node.attr
        for path, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        and (path != declared_in or declared_in.name != "params.py")
    }  # fmt: skip
    ends = tuple(  # read by names put together, as in getattr(params, f"{codec}_kbps")
        part.value
        for tree in FILES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
        if isinstance(part, ast.Constant) and str(part.value).startswith("_")
    )
    listed = set().union(*(words for path, words in WORDS.items() if path != declared_in))
    unread = [f.name for f in fields(kind) if f.name not in read | listed and not f.name.endswith(ends)]
    assert not unread


def test_every_public_function_is_used_outside_the_tests():
    unused = []
    for path, tree in FILES.items():
        if path.parent.name in ("versions", "migrations"):
            continue
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if node.decorator_list and isinstance(node, ast.FunctionDef):
                continue  # a subcommand, which Typer calls
            if node.name in CALLED_BY_OTHERS or node.name.endswith(TWIN):
                continue
            if node.name not in OUTSIDE and not any(node.name in words for words in WORDS.values()):
                unused.append(f"{path.relative_to(SOURCE).as_posix()}: {node.name}")
    assert not unused
