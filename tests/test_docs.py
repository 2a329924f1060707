"""Every command, setting and stage has its page, and the pages are not stale."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
import typer

from neuralbum.cli import COMMANDS
from neuralbum.cli.run import build
from neuralbum.project import TABLES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

COMMAND_PAGES = {"new": "project", "add": "corpus", "status": "project", "why": "project", "doctor": "project"}
COMMAND_PAGES |= {"tempo": "screen", "label": "corpus", "verify": "marking", "merge": "scale"}
"""Commands whose page is not named after them."""


def everything_said():
    return "\n".join(p.read_text(encoding="utf-8") for p in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_with_help_and_an_example(name):
    command = typer.main.get_command(build(name)).commands[name]
    helps = [command.help or "", *(child.help or "" for child in getattr(command, "commands", {}).values())]
    assert any("Example" in text for text in helps), f"neuralbum {name} --help shows no example"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_on_its_page_and_in_the_readme(name):
    page = DOCS / f"{COMMAND_PAGES.get(name, name)}.md"
    assert f"neuralbum {name}" in page.read_text(encoding="utf-8")
    assert f"`{name}`" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name):
    command = typer.main.get_command(build(name)).commands[name]
    silent = [o.name for o in _all(command) if o.param_type_name == "option" and not getattr(o, "help", None)]
    assert not silent


def _all(command):
    yield from command.params
    for child in getattr(command, "commands", {}).values():
        yield from _all(child)


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_has_a_meaning(table):
    import dataclasses

    module, _, name = TABLES[table].partition(":")
    kind = getattr(importlib.import_module(module), name)
    assert dataclasses.is_dataclass(kind)
    assert all(field.metadata.get("meaning") for field in dataclasses.fields(kind))


def test_the_settings_page_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "scripts" / "settings_page.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "stale: run `make docs`"


def test_every_link_between_pages_leads_somewhere():
    broken = []
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_no_page_names_a_path_of_somebodys_machine():
    assert not re.findall(r"(?<![\w./~-])/(?:work|root|home/\w+|tmp/\w+)/", everything_said())


def test_every_file_that_the_architecture_names_is_there():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_]+/)+(?:[a-z0-9_]+(?:\.py)?)?)`", text)
    assert len(named) > 40
    missing = [name for name in named if not (ROOT / "src" / "neuralbum" / name).exists()]
    assert not missing
