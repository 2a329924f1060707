"""Mark what is released so that a machine can tell, and find the mark again.

    layout     the grid of chips in time and frequency, and the public key's signs
    payload    album, song and checksum as bits that survive losses
    embedding  write the mark: ``mark`` for a whole song, ``Marker`` block by block
    detection  find it: ``detect`` gives what was found with its p-value

The detector is public, and so is the key. A mark says "made by neuralbum, album X, song Y"; it is a pointer,
not a proof: who has the key can forge it, and who wants it gone can remove it. Proof is the C2PA signature.
No mark found never means that a person made the music.
"""

from __future__ import annotations

from .detection import MAX_P, Answer, Mark, detect
from .embedding import Marker, Strength, mark
from .payload import Payload

__all__ = ["MAX_P", "Answer", "Mark", "Marker", "Payload", "Strength", "detect", "mark"]
