"""Sound: files read and written, tags, and signal processing on plain arrays.

``from neuralbum.audio import read, write_flac, resample`` for files;
``from neuralbum.audio import mel`` for the module of one kind of analysis. Nothing
is imported before it is asked for, so that each costs only what it uses.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .decoding import DecodeLog, plain_path
    from .flac import FlacWriter, write_flac
    from .reading import Audio, AudioInfo, MonoMix, blocks, probe, read, resample

HOMES = {
    **dict.fromkeys(("DecodeLog", "plain_path"), "decoding"),
    **dict.fromkeys(("FlacWriter", "write_flac"), "flac"),
    **dict.fromkeys(("Audio", "AudioInfo", "MonoMix", "blocks", "probe", "read", "resample"), "reading"),
}
__all__ = [
    "Audio", "AudioInfo", "DecodeLog", "FlacWriter", "MonoMix",
    "blocks", "plain_path", "probe", "read", "resample", "write_flac",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
    raise AttributeError(name)
