"""Clean what files say of themselves; finding them is ``sound_files``."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ..audio.files import SUFFIXES, Scan, natural, scan, show_path

__all__ = ["LONGEST_NAME", "SUFFIXES", "Scan", "clean_text", "natural", "scan", "show_path", "title_of"]

LONGEST_NAME = 200


def clean_text(text: str) -> str:
    """What a file or a tag calls something, fit to be stored and printed.

    Control characters, line breaks, bidirectional overrides and undecodable bytes
    become spaces or escapes; the length is bounded.
    """
    text = unicodedata.normalize("NFC", text.encode("utf-8", "backslashreplace").decode("utf-8"))
    # Cc controls, Cf formats (bidi overrides, zero width), Cs surrogates, Zl and Zp line separators
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    return " ".join(text.split())[:LONGEST_NAME].rstrip()


def title_of(path: Path, tag: str) -> str:
    """The title tag, else the file's name without number and suffix."""
    return clean_text(tag) or clean_text(re.sub(r"^\d{1,3}\s*[-._ ]\s*", "", path.stem)) or clean_text(path.stem) or "?"
