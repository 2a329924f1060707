"""Take in what other generators made, as takes of this project: same cull, copy test, titles, pictures and release.

What is known of a take (generator, prompt, settings) is kept beside it as it was told; what is not known is
called unknown and not guessed.
"""

from __future__ import annotations

from .run import Imported, run

__all__ = ["Imported", "run"]
