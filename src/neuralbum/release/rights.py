"""Under which licence the album goes out, and by what right.

Generated music is made of somebody's recordings. A release therefore names
who holds the rights in them, where to ask, and by what permission a net was
trained on them; without these three it refuses. Licences are SPDX identifiers
or expressions, checked against the list that ships with license-expression.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import CatalogueError, SettingsError

if TYPE_CHECKING:
    from .song_metadata import Album

REQUIRED = {
    "rights_holder": "who holds the rights in the training music",
    "contact": "where to ask for other uses: an address or a page",
    "permission": "by what right the music was trained on, e.g. 'our own recordings'",
}

CREATIVE_COMMONS = re.compile(r"CC-(BY(?:-NC)?(?:-ND|-SA)?)-(\d\.\d)(?:-([A-Z]{2,3}))?")

FREEDOMS = {
    "BY": "credit the artist",
    "NC": "not for commercial use",
    "SA": "pass it on under the same licence",
    "ND": "no altered versions",
}


@dataclass(frozen=True)
class Licence:
    """A checked licence: what to print, and where its text is."""

    spdx: str
    url: str
    name: str
    conditions: tuple[str, ...] = ()


def require(rights_holder: str, contact: str, permission: str) -> None:
    """Refuse to release music nobody answers for.

    Raises
    ------
    CatalogueError
        Names every field that is missing and what belongs there. The command was right; the project does not say yet.
    """
    given = {"rights_holder": rights_holder, "contact": contact, "permission": permission}
    missing = [f'  {name} = "…"   ({REQUIRED[name]})' for name in REQUIRED if not given[name].strip()]
    if missing:
        raise CatalogueError(
            "a release needs to say by what right it is made; add to [project] in neuralbum.toml:\n"
            + "\n".join(missing)
        )


def check(spdx: str) -> Licence:
    """Look a licence up.

    Raises
    ------
    SettingsError
        Not an SPDX identifier or expression; the message names the nearest one.
    """
    from license_expression import get_spdx_licensing

    licensing = get_spdx_licensing()
    found = licensing.validate(spdx) if spdx.strip() else None
    if found is None or found.errors:
        known = [key for key in licensing.known_symbols if isinstance(key, str)]
        close = difflib.get_close_matches(spdx, known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else "; see https://spdx.org/licenses/"
        raise SettingsError(f"[project] licence = {spdx!r} is not an SPDX licence{hint}")
    normal = str(found.normalized_expression)
    return Licence(normal, url_of(normal), name_of(normal), conditions_of(normal))


def url_of(spdx: str) -> str:
    """Where the text of a licence is: Creative Commons' own page, else SPDX's."""
    match = CREATIVE_COMMONS.fullmatch(spdx)
    if match:
        kind, version, port = match.groups()
        return f"https://creativecommons.org/licenses/{kind.lower()}/{version}/" + (f"{port.lower()}/" if port else "")
    if spdx == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if re.fullmatch(r"[A-Za-z0-9.+-]+", spdx):
        return f"https://spdx.org/licenses/{spdx}.html"
    return "https://spdx.org/licenses/"


def name_of(spdx: str) -> str:
    match = CREATIVE_COMMONS.fullmatch(spdx)
    if not match:
        return "Creative Commons Zero 1.0" if spdx == "CC0-1.0" else spdx
    words = {"BY": "Attribution", "NC": "NonCommercial", "SA": "ShareAlike", "ND": "NoDerivatives"}
    kind = "-".join(words[part] for part in match.group(1).split("-"))
    return f"Creative Commons {kind} {match.group(2)}" + (" International" if match.group(2) == "4.0" else "")


def conditions_of(spdx: str) -> tuple[str, ...]:
    match = CREATIVE_COMMONS.fullmatch(spdx)
    return tuple(FREEDOMS[part] for part in match.group(1).split("-")) if match else ()


def notice(album: Album) -> str:
    """The text of ``LICENSE.txt`` in the album."""
    from .sentences import made_by

    licence = album.licence
    lines = [
        f"{album.title} — {album.artist}",
        f"© {album.year} {album.rights_holder}",
        "",
        f"Licensed under {licence.name} ({licence.spdx}):",
        licence.url,
    ]
    if licence.conditions:
        lines += ["", "You may share and, where the licence lets you, adapt this music:", ""]
        lines += [f"  · {condition}" for condition in licence.conditions]
    lines += [
        "",
        f"Other uses: {album.contact}",
        "",
        f"{made_by(album)}. By what right:",
        album.permission,
        "",
        f"SPDX-License-Identifier: {licence.spdx}",
        "",
    ]
    return "\n".join(lines)


def copyright_line(licence: Licence, *, year: str, rights_holder: str) -> str:
    """What goes into the COPYRIGHT tag."""
    return f"{year} {rights_holder}. Licensed under {licence.spdx}: {licence.url}"
