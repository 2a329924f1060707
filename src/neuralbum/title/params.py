"""Settings of ``[title]``."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class Params:
    """How titles are found."""

    seeds_left: tuple[str, ...] = setting((), "words the first word of a title is near to; empty: from the phrase")
    seeds_right: tuple[str, ...] = setting((), "words the second word of a title is near to; empty: from the phrase")
    far_share: float = setting(
        0.35, "share of the titles that is far from the phrase instead of nearest to it", minimum=0.0, maximum=1.0
    )
    word_cap: int = setting(6, "no word stands in more titles than this", minimum=1)
    letter_only: bool = setting(True, "also pairs that share a letter but no sound, as archetypal angst")
    letters: str = setting("lower", "how titles are written", choices=("lower", "Title", "UPPER"))
    deny: tuple[str, ...] = setting((), "more words that no title may hold")
    seed: int | None = setting(None, "seed of the random choice; empty: the project's seed", minimum=0)
