"""One vocabulary: what docs/glossary.md calls an old word is in no identifier, comment, message or page any more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "neuralbum"
OLD, NOW = "## Old words", "| old | now |"

EVERYDAY = {
    "anchor", "answers", "cluster", "desk", "dice", "door", "exchange", "feed", "following", "guard", "hear", "ink",
    "journal", "law", "line", "lines", "listening", "looks", "miss", "points", "press", "quote", "redraw", "reel",
    "shelf", "shot", "side", "sing", "spectra", "speech", "state", "stock", "stretch", "strip", "sung",
    "told", "trust", "verb",
}  # fmt: skip
"""English, mathematics or a library use these, too: they are written, but nothing is called so."""
ALLOWED = {
    ("portrait", "resemblance"): "the stage's name in the catalogues of version 0.1",
    ("bent", "curate/web/src/Listen.svelte"): "a note whose edge is being moved",
    ("tick", "curate/web/src/"): "Svelte's function, a clock's, a mark of an axis",
    ("tick", "gallery/templates/index.html"): "a box to tick",
    ("tick", "copies/midi.py"): "MIDI's unit of time",
    ("ladder", "demo/band.py"): "the title of a song",
    ("sing", "demo/voice.py"): "the built-in band does",
    ("tick", "radio/"): "of a clock",
    ("tick", "sweep_picture.py"): "of an axis",
    ("answers", "release/disclosure/answers.py"): "to what distributors ask",
    ("opinions", "catalogue/store.py"): "of a run: its name, its star",
    ("opinions", "runs/"): "of a run: its name, its star",
    ("opinions", "docs/runs.md"): "of a run: its name, its star",
    ("opinions", "train/checkpoint.py"): "of a run: its name, its star",
    ("ladder", "docs/title.md"): "the title of a song",
    ("listening", "runs/listening.py"): "the page where checkpoints are listened to",
    ("hear", "train/material.py"): "to be renamed by who works there",
}
"""(word, where) -> why it may stand there."""


def old_words() -> set[str]:
    """The first column of the glossary's second table; plural and singular."""
    table = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split(OLD)[1].split(NOW)[1]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|") and "---" not in row]
    words = {word.strip() for cell in cells for word in re.sub(r"\(.*?\)", "", cell).split(",")}
    return {re.sub(r" of the .*", "", word).lower() for word in words if word}


OLD_WORDS = old_words()
WRITTEN = sorted(
    path
    for path in (
        *SOURCE.rglob("*.py"), *(SOURCE / "curate" / "web" / "src").rglob("*.*"), *SOURCE.rglob("*.html"),
        *SOURCE.rglob("*.j2"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md",
        *(ROOT / "scripts").glob("*.*"), *(ROOT / "benchmarks").rglob("*.py"),
    )
    if path.is_file() and "migrations" not in path.parts and path.name != "glossary.md" and "static" not in path.parts
)  # fmt: skip
"""CHANGELOG.md and LOG.md tell of their day in its words, migrations are frozen."""


def words_of(text: str) -> str:
    """Text with identifiers taken apart: ``FormModel.is_like`` -> " form model is like "."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return f" {' '.join(re.findall('[a-z]+', text.lower()))} "


TEXT = {path: path.read_text(encoding="utf-8") for path in WRITTEN}
WORDS = {path: words_of(text) for path, text in TEXT.items()}


def stands_in(word: str, path: Path) -> bool:
    if "_" in word:  # an identifier: its words may stand side by side in a sentence
        return re.search(rf"\b{word}\b", TEXT[path]) is not None
    return f" {word} " in WORDS[path]


def test_the_glossary_names_the_old_words():
    assert len(OLD_WORDS) > 50
    assert {"dsp", "reins", "wishes", "strange tones", "is_like"} <= OLD_WORDS
    assert EVERYDAY <= OLD_WORDS


def test_identifiers_are_taken_apart():
    assert words_of("HeldLine(is_like=parseHTTPWishes)") == " held line is like parse http wishes "


@pytest.mark.parametrize("word", sorted(OLD_WORDS - EVERYDAY))
def test_no_old_word_is_written(word):
    found = []
    for path in WRITTEN:
        where = path.relative_to(ROOT).as_posix()
        if not stands_in(word, path):
            continue
        if not any(word == allowed and place in where for allowed, place in ALLOWED):
            found.append(where)
    assert not found


def test_nothing_is_called_by_an_old_word():
    called = []
    for path in SOURCE.rglob("*.py"):
        names = [path.stem] + [
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        here = path.relative_to(SOURCE).as_posix()
        called += [
            f"{here}: {name}"
            for name in names
            if name.lower() in OLD_WORDS and not any(name == word and place in here for word, place in ALLOWED)
        ]
    assert not called
