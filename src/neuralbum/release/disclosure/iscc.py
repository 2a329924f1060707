"""ISCC, the International Standard Content Code (ISO 24138): names a song by its sound, so that copies are recognised.

One code of four units: title and artist (Meta-Code), sound (Audio-Code, from Chromaprint's words; near for the same
music in another format), bytes (Data-Code, near for nearly the same file) and a checksum (Instance-Code).
"""

from __future__ import annotations

from pathlib import Path

from ...audio import read
from ...audio.chromaprint import chromaprint

BEST = ("flac", "m4a", "mp3", "opus")
"""The file a song's code is of: the first of these that is made."""


def iscc(path: Path, *, title: str, artist: str) -> str:
    """The ISCC-CODE of a sound file, such as ``ISCC:KIC…``."""
    import iscc_lib

    words = chromaprint(*read(path))
    units = [iscc_lib.gen_meta_code_v0(title, artist).iscc]
    if len(words):
        units.append(iscc_lib.gen_audio_code_v0([int(word) for word in words.view("int32")]).iscc)
    with open(path, "rb") as file:
        units.append(iscc_lib.gen_data_code_v0(file).iscc)
    with open(path, "rb") as file:
        units.append(iscc_lib.gen_instance_code_v0(file).iscc)
    return str(iscc_lib.gen_iscc_code_v0(units).iscc)
