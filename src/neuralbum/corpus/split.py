"""Put songs on the training, validation and held-out side. Pure.

Versions of one song (by title, or by sound) form a group and stay together.
What has a side keeps it; new groups are dealt in the order of a hash of their
titles: first one of fitting length to each small side that has none, then each to
the side that lacks most of its share. So the split depends on the songs, never on
the order of files, and more music never moves old songs.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TITLE_CUTOFF = 0.9
"""Similarity (difflib ratio) above which two title keys name one song."""

FITTING = 2.0
"""The first song of a small side may be this many times as long as its share; else the shortest is taken."""

VERSION_WORDS = (
    "live", "demo", "acoustic", "remaster", "remastered", "remix", "remixed", "mix", "edit", "version", "instrumental",
    "single", "album", "radio", "extended", "original", "alternate", "alternative", "take", "rehearsal", "session",
    "sessions", "bonus", "track", "mono", "stereo", "unplugged", "reprise", "revisited", "rerecorded", "rough",
    "outtake", "official", "audio", "video", "bootleg", "explicit", "clean", "intro", "outro", "final", "master",
)  # fmt: skip
NAMELESS = re.compile(r"(track|audio|song|untitled|unknown|title|titel|piste|recording|new|file|part|no)*")
"""Titles made of these words (and numbers) say nothing about which song it is."""


@dataclass(frozen=True)
class SplitSong:
    """What the split needs to know of a track."""

    id: str
    title: str
    duration_s: float
    split: str | None = None  #: the side it already has
    same_as: str | None = None  #: id of a track it is a version of, by sound


def title_key(title: str) -> str:
    """A title without what only names a version: "Ashes (Live in Ghent, 2009)" -> "ashes".

    >>> title_key("03 - Áshes – 2011 Remaster") == title_key("ashes [demo]") == "ashes"
    True
    >>> title_key("Track 07")
    ''
    """
    text = unicodedata.normalize("NFKD", title).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("&", " and ")
    bare = re.sub(r"[(\[{<][^)\]}>]*[)\]}>]", " ", text)
    bare = re.sub(r"\b(feat|featuring|ft|live (at|in|from|on))\b.*", " ", bare)
    words = re.findall(r"[^\W_]+", bare) or re.findall(r"[^\W_]+", text)  # a title all in brackets keeps its words
    if len(words) > 1 and re.fullmatch(r"\d{1,3}", words[0]):
        words = words[1:]
    while len(words) > 1 and (words[-1] in VERSION_WORDS or re.fullmatch(r"(19|20)\d\d|v\d+", words[-1])):
        words = words[:-1]
    key = " ".join(words)
    letters = "".join(word for word in words if not word.isdecimal())
    return "" if NAMELESS.fullmatch(letters) else key


def group_songs(songs: Sequence[SplitSong]) -> list[list[SplitSong]]:
    """Songs and their versions: same or nearly the same title key, or the same by sound."""
    parent = {song.id: song.id for song in songs}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    by_key: dict[str, list[str]] = {}
    for song in songs:
        by_key.setdefault(title_key(song.title), []).append(song.id)
        if song.same_as in parent:
            parent[root(song.id)] = root(str(song.same_as))
    by_key.pop("", None)
    keys = sorted(by_key)  # so that the order of files does not matter
    for i, key in enumerate(keys):
        close = difflib.get_close_matches(key, keys[:i], max(1, i), TITLE_CUTOFF)
        for other in [key, *(k for k in close if _same_numbers(key, k))]:
            for name in by_key[other]:
                parent[root(name)] = root(by_key[key][0])
    groups: dict[str, list[SplitSong]] = {}
    for song in songs:
        groups.setdefault(root(song.id), []).append(song)
    return list(groups.values())


def _same_numbers(a: str, b: str) -> bool:
    """ "chapter 2" and "chapter 3" are two songs however alike they look."""
    return re.findall(r"\d+", a) == re.findall(r"\d+", b)


def assign(songs: Sequence[SplitSong], shares: Mapping[str, float]) -> dict[str, str]:
    """Give every song a side.

    Parameters
    ----------
    shares : side -> share of the music, in order of who gets a song first when there are few
        ``{"train": 0.8, "valid": 0.1, "heldout": 0.1}``

    Returns
    -------
    dict : song id -> side. Every side with a share gets a song if there are enough groups.
    """
    groups = group_songs(songs)
    total = sum(song.duration_s for song in songs)
    have = dict.fromkeys(shares, 0.0)
    sides: dict[str, str] = {}
    waiting = []
    for group in groups:
        known = [song.split for song in group if song.split in have]
        if not known:
            waiting.append(group)
            continue
        for song in group:
            sides[song.id] = song.split if song.split in have else str(_most(known))
            have[sides[song.id]] += song.duration_s
    waiting.sort(key=_hash)
    wanted = [side for side, share in shares.items() if share > 0]
    empty = [side for side in wanted if have[side] == 0]
    n_spare = len(waiting) - (wanted[0] in empty)  # the first side is to get one, too
    for side in [side for side in empty if side != wanted[0]][:n_spare]:
        fitting = [g for g in waiting if _seconds(g) <= FITTING * shares[side] * total]
        group = fitting[0] if fitting else min(waiting, key=_seconds)
        waiting.remove(group)
        _put(group, side, sides, have)
    for group in waiting:
        _put(group, max(wanted, key=lambda s: shares[s] * total - have[s]), sides, have)
    return sides


def _put(group: Sequence[SplitSong], side: str, sides: dict[str, str], have: dict[str, float]) -> None:
    for song in group:
        sides[song.id] = side
        have[side] += song.duration_s


def _seconds(group: Sequence[SplitSong]) -> float:
    return sum(song.duration_s for song in group)


def torn_apart(songs: Sequence[SplitSong], sides: Mapping[str, str]) -> list[list[SplitSong]]:
    """Groups whose members are on different sides, because they had them before they were known to belong together."""
    return [group for group in group_songs(songs) if len({sides[song.id] for song in group}) > 1]


def _most(names: Iterable[str | None]) -> str | None:
    listed = list(names)
    return max(listed, key=listed.count)


def _hash(group: Sequence[SplitSong]) -> str:
    names = sorted(title_key(song.title) or song.id for song in group)
    return hashlib.blake2b(names[0].encode("utf-8"), digest_size=8).hexdigest()
