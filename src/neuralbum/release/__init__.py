"""Build the album: from kept, titled takes to a folder anyone can host.

    contents       which takes are on it, in which order; the state of a release being built
    song_metadata  all that the catalogue knows of a song, folded into one record
    songs, tags    FLAC, Opus, MP3, M4A out of a take; what players read, distinctions as chapters
    pictures       what ``visualise`` drew, covers, the levels of the live picture
    gallery        the pages: a poster wall, one page per song, a player; static, no third party
    listings       what machines read: index.json, playlists, feed, token metadata
    rights         the licence; the fields no release goes without
    disclosure     how it was made, for machines: AI sheets, DDEX, ISCC, C2PA, a card per net
    sizes, sentences   how large it becomes, ZIPs; what it says of itself
    incremental    only what changed is built again;  verification: is everything as it was released?
    run            the verb

``album/`` is disposable: it can be deleted and built again from the
catalogue. It is never half there: each file is written whole or not at all.
"""

from __future__ import annotations

from .contents import untitled
from .run import run
from .verification import verify

__all__ = ["run", "untitled", "verify"]
