"""Title songs with alliterative synonyms of a phrase: "fake feelings" -> "mock melancholy".

The phrase gives two short lists of seed words, one for each side; a thesaurus
gives what is near to them; spelling rules find which pairs alliterate. A good part
of the titles is near to the phrase and a share is far, as titles made of the
nearest synonyms only are dull. No word stands in more than a few titles, no two
titles differ by an ending only.

    lexicon        the word table that is shipped (scripts/make_lexicon.py makes it)
    alliteration   first sounds and stress, from spelling
    words          which words are near the seeds
    pairs          titles from words
    run            titles for the kept takes of a project

    from neuralbum.title import propose
    [p.title for p in propose("fake feelings", count=12)]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .params import Params
from .run import (
    MORE,
    candidates,
    give,
    given_titles,
    reject,
    rejected_keys,
    run,
    take_back,
)  # light: the word table is opened when a title is made

if TYPE_CHECKING:
    from .pairs import Proposal, propose, title_key

__all__ = [
    "propose",
    "Proposal",
    "title_key",
    "run",
    "candidates",
    "give",
    "given_titles",
    "reject",
    "rejected_keys",
    "take_back",
    "Params",
    "MORE",
]


def __getattr__(name: str) -> Any:
    if name in ("propose", "Proposal", "title_key"):
        from . import pairs

        return getattr(pairs, name)
    raise AttributeError(name)
