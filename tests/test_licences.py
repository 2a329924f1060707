"""An Apache-2.0 program must not need anything under the GPL, the AGPL or a non-commercial licence."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = [
    *PROJECT["dependencies"],
    *(text for extra in PROJECT["optional-dependencies"].values() for text in extra),
]

NOT_ALLOWED = re.compile(
    r"(?<![a-z])a?gpl(?![a-z])|(?<!lesser )general public license|affero|non-?commercial|cc-by-nc|\bsspl\b|\bbusl\b",
    re.IGNORECASE,
)
"""In a licence's name. "LGPL" and "GNU Lesser General Public License" pass: such a library is used, not copied."""

EXPLAINED = {
    "text-unidecode": "only behind pytest-playwright, and dual: the Artistic License is chosen, not the GPL",
    "axe-playwright-python": "names none in its metadata; its LICENSE file is MIT, and it carries axe-core, MPL-2.0",
}
"""What the rule below would refuse, and why it may stay."""


def licence_of(metadata) -> str:
    """What a package says of itself: its SPDX expression, else its classifiers and the first line of its licence."""
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    # The whole text of a licence may name others it is not (scipy's does), and so only its name is read.
    return " / ".join([*classifiers, (metadata.get("License") or "").strip().partition("\n")[0]]).strip(" /")


def fault(name: str, licence: str) -> str | None:
    if NOT_ALLOWED.search(licence):
        return f"{name} is under {licence}"
    return None if licence else f"{name} names no licence"


def installed_dependencies() -> dict[str, str]:
    """Package -> licence, of all that ours asks for, directly or through others, as far as installed here."""
    found: dict[str, str] = {}
    waiting = [Requirement(text) for text in OWN]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        try:
            about = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found[name] = licence_of(about.metadata)
        for text in about.requires or ():
            needed = Requirement(text)
            extras = {"", *wanted.extras}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return found


def test_no_dependency_is_under_the_gpl_the_agpl_or_a_non_commercial_licence():
    found = installed_dependencies()
    assert {"torch", "numpy", "av", "markupsafe"} <= set(found)  # the walk goes through and behind the direct ones
    faults = {name: text for name, licence in found.items() if (text := fault(name, licence))}
    assert {name: text for name, text in faults.items() if name not in EXPLAINED} == {}


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-2.0-or-later",
        "License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
        "License :: OSI Approved :: GNU Affero General Public License v3",
        "AGPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "CC-BY-NC-SA-4.0",
        "Free for non-commercial use",
        "",
    ],
)
def test_the_check_knows_what_it_must_refuse(licence):
    assert fault("it", licence)


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "LGPL-2.1-or-later",
        "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)",
        "Apache-2.0 WITH LLVM-exception",
        "MPL-2.0",
    ],
)
def test_the_check_lets_permissive_and_library_licences_pass(licence):
    assert fault("it", licence) is None
