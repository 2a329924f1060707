"""Press the album: from kept, titled takes to a folder anyone can host.

    sleeve      everything the catalogue knows, folded into one record per song
    order       in which order the songs run
    encode      FLAC, Opus, MP3, M4A out of one take
    tags        what players read: titles, licence, loudness, distinctions as chapters
    licence     SPDX identifiers, and the fields no release goes without
    gallery     the pages: a poster wall, one page per song, a player; static, no third party
    index, playlists, feed, disclosure, model_card, checksums   what machines read
    cid, car, tokens   content ids and token metadata, computed offline; nothing is minted
    provenance  C2PA manifests (extra), signed last
    press       the journal of what was built from what: only what changed is built again
    contents, art, songs   what is on the album, its pictures, its sound, as the catalogue has them
    run         the verb

``album/`` is disposable: it can be deleted and pressed again from the
catalogue. It is never half there: each file is written whole or not at all.
"""

from __future__ import annotations

from .checksums import verify
from .contents import untitled
from .run import run

__all__ = ["run", "untitled", "verify"]
