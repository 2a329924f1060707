"""Mark what is released so that a machine can tell, and find the mark again.

    layout     the grid of chips in time and frequency, and the public key's signs
    payload    album, song and checksum as bits that survive losses
    embedding  write the mark: ``mark`` for a whole song, ``Marker`` block by block
    detection  find it: ``detect`` gives what was found with its p-value
    ident      three soft notes, for ears
    albums     which album a number stands for: of a project, and of a released folder
    run        files, folders and addresses: ``verify``

The detector is public, and so is the key. A mark says "made by neuralbum, album X, song Y"; it is a pointer,
not a proof: who has the key can forge it, and who wants it gone can remove it. Proof is the C2PA signature.
No mark found never means that a person made the music.
"""

from __future__ import annotations

from . import albums
from .detection import MAX_P, Answer, Mark, detect
from .embedding import LOWEST_RATE, Marker, Strength, mark, mark_blocks
from .ident import beginning, has_ident, ident_amplitude, ident_blocks
from .layout import VERSION
from .payload import Payload
from .run import verify

__all__ = [
    "LOWEST_RATE",
    "MAX_P",
    "VERSION",
    "Answer",
    "Mark",
    "Marker",
    "Payload",
    "Strength",
    "albums",
    "beginning",
    "detect",
    "has_ident",
    "ident_amplitude",
    "ident_blocks",
    "mark",
    "mark_blocks",
    "verify",
]
