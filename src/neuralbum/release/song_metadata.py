"""What is known about each song and about the album, folded from the catalogue into one record each.

``song_metadata`` is pure: a take, its title, its findings and its judgement in; an
``AlbumSong`` out. Stages that did not run leave their fields None, and the album goes without.

Titles are anybody's words: what reaches the disk is a short ASCII slug, and what
reaches a tag or a page has no control characters. Slugs are unique within an album and
do not depend on the song's number, so links keep working when the order changes.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..records import Judgement, Song, Take
from .rights import Licence

ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")
"""Country, registrant, year and number, written without hyphens (ISO 3901)."""

CLEAR_PULSE = 0.2
"""Clarity of the tempo spectrum below which a song has no tempo (noise 0.06, drones 0.00, rock 0.4-0.9)."""

HEARD_STRENGTH = 0.2
"""Strength (highest = 1) from which an octave of the tempo counts as heard."""

OCTAVE_SLACK = 0.1
"""How far, in octaves, a relative may lie from an octave of the base to count as one (7 %)."""

MAX_DISTINCTIONS = 99
"""Chapters a player shows; ID3's table of contents holds 255."""


@dataclass(frozen=True)
class Distinction:
    """Something heard in a stretch of a song: "breakdown in 6/8" at 72 s."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class AlbumSong:
    """One song as the album tells of it."""

    number: int
    take_id: str
    slug: str
    title: str
    duration_s: float
    sample_rate: int
    channels: int
    recipe: Mapping[str, Any]
    temperature: float | None  #: mean of the schedule; None: an imported take
    style: str | None = None
    tags: tuple[str, ...] = ()
    distinctions: tuple[Distinction, ...] = ()
    bpm: float | None = None  #: None: unknown; 0.0: no pulse
    bpm_from: str | None = None  #: "tapped" or "measured"
    bpm_family: tuple[float, ...] = ()  #: octaves of it that are present too
    tempo_peaks: tuple[tuple[float, float], ...] = ()  #: (bpm, strength)
    loudness_lufs: float | None = None
    true_peak_db: float | None = None
    brightness_hz: float | None = None  #: spectral centroid
    caption: str | None = None  #: the screen's words about the sound
    primed: str = ""  #: what the net heard before it began, in words; empty: nothing
    originality: Mapping[str, Any] | None = None
    chosen_by: str | None = None
    flesh: str | None = None  #: the net that made the notes sound, if not the plain renderer did
    isrc: str = ""
    iscc: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  #: what -> path in the album

    @property
    def audio_file(self) -> str | None:
        """The file the gallery plays: the smallest that is there."""
        return next((self.files[f] for f in ("opus", "mp3", "m4a", "flac") if f in self.files), None)


@dataclass(frozen=True)
class Album:
    """The release as a whole."""

    title: str
    artist: str
    date: str  #: YYYY-MM-DD
    licence: Licence
    rights_holder: str
    contact: str
    permission: str
    songs: tuple[AlbumSong, ...]
    description: str = ""
    url: str = ""  #: of the album's folder, ends with "/"; empty if not known
    version: str = ""  #: of neuralbum
    cover_file: str | None = None
    disclosure: Mapping[str, str] = field(default_factory=dict)
    watermark: str = ""  #: the album's number in the mark, 8 hexadecimal digits; empty: not marked
    ident: str = "off"  #: what is heard at the beginning: "tone", or "off"
    signed: Mapping[str, str] = field(default_factory=dict)  #: path -> that of its C2PA manifest
    timestamp: str = ""  #: address of the service that the signatures' time is from; empty: none
    models: tuple[Mapping[str, Any], ...] = ()  #: id, kind, card (path)
    downloads: tuple[tuple[str, str], ...] = ()  #: ZIPs with all songs: path, format
    sizes: Mapping[str, int] = field(default_factory=dict)  #: bytes by path in the album, as far as known

    @property
    def year(self) -> str:
        return self.date[:4]

    @property
    def duration_s(self) -> float:
        return sum(song.duration_s for song in self.songs)

    def link(self, path: str) -> str:
        """A path in the album as a URL: absolute where the album's address is known."""
        return self.url + quote(path)


def song_metadata(
    song: Song,
    take: Take,
    slug: str,
    *,
    judgement: Judgement | None = None,
    screen: Mapping[str, Any] | None = None,
    originality: Mapping[str, Any] | None = None,
    isrc: str = "",
) -> AlbumSong:
    """Fold what is known about one song into its record."""
    screen = screen or {}
    tempo = screen.get("tempo") or {}
    bpm, source = _bpm(judgement, tempo)
    recipe = take.recipe
    return AlbumSong(
        number=song.number,
        take_id=take.id,
        slug=slug,
        title=plain_text(song.title) or f"Untitled {song.number}",
        duration_s=take.duration_s,
        sample_rate=take.sample_rate,
        channels=take.channels,
        recipe={
            "model_id": recipe.model_id,
            "model_digest": recipe.model_digest,
            "step": recipe.step,
            "seed": recipe.seed,
            "number": recipe.number,
            "temperature": [list(point) for point in recipe.temperature],
            "n_samples": recipe.n_samples,
            "sample_rate": recipe.sample_rate,
            "engine": recipe.engine,
            "prime": dict(recipe.prime),
            "conditions": dict(recipe.conditions),
            "flesh": dict(recipe.flesh),
            **({"origin": dict(recipe.origin)} if recipe.origin else {}),
        },
        temperature=recipe.mean_temperature,
        style=(plain_text(judgement.style) or None) if judgement and judgement.style else None,
        tags=tuple(t for tag in judgement.tags if (t := plain_text(tag))) if judgement else (),
        distinctions=_distinctions(judgement, take.duration_s),
        bpm=bpm,
        bpm_from=source,
        bpm_family=_family(tempo),
        tempo_peaks=tuple(
            (float(p["bpm"]), float(p["strength"]))
            for p in tempo.get("peaks") or ()
            if isinstance(p, Mapping) and _finite(p.get("bpm")) and _finite(p.get("strength"))
        ),
        loudness_lufs=_number(screen.get("loudness_lufs")),
        true_peak_db=_number(screen.get("true_peak_db")),
        brightness_hz=_number(screen.get("centroid_hz")),
        caption=plain_text(str(screen["caption"])) if screen.get("caption") else None,
        originality=None if originality is None else dict(originality),
        chosen_by=judgement.actor if judgement else None,
        isrc=isrc,
    )


def _bpm(judgement: Judgement | None, tempo: Mapping[str, Any]) -> tuple[float | None, str | None]:
    """What a person tapped, else what was measured; 0.0 where there is no pulse."""
    if judgement is not None and judgement.bpm is not None:
        return max(0.0, judgement.bpm), "tapped"
    base = _number(tempo.get("base_bpm"))
    if base is None:
        return (0.0, "measured") if "clarity" in tempo else (None, None)
    clarity = _number(tempo.get("clarity"))
    return (0.0 if clarity is not None and clarity < CLEAR_PULSE else base), "measured"


def _family(tempo: Mapping[str, Any]) -> tuple[float, ...]:
    """The octaves of the tempo that are really heard, slowest first; 3:2 relatives are left out."""
    base = _number(tempo.get("base_bpm"))
    if not base:
        return ()
    relatives = [r for r in tempo.get("family") or () if isinstance(r, Mapping)]
    heard = [
        float(r["bpm"])
        for r in relatives
        if _finite(r.get("bpm")) and r["bpm"] > 0 and (_number(r.get("strength")) or 0.0) >= HEARD_STRENGTH
    ]
    octaves = [bpm for bpm in heard if abs(math.log2(bpm / base) - round(math.log2(bpm / base))) < OCTAVE_SLACK]
    return tuple(sorted(octaves))


def _distinctions(judgement: Judgement | None, duration_s: float) -> tuple[Distinction, ...]:
    """A person's notes, cut to the song's length and to their first line."""
    if judgement is None:
        return ()
    found = []
    for note in judgement.notes:
        text = plain_text(note.text)
        start = min(max(0.0, note.start_s), duration_s)
        if text:
            found.append(Distinction(start, min(max(start, note.end_s), duration_s), text))
    return tuple(found[:MAX_DISTINCTIONS])


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any) -> float | None:
    return float(value) if _finite(value) else None


# ---- words ----------------------------------------------------------------

MAX_SLUG = 60
"""Letters of a slug: with suffixes and extensions far below the 255 bytes file systems allow."""

RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))}
"""Names Windows keeps for itself."""


def plain_text(text: str) -> str:
    """A text fit for tags and pages: NFC, one line, no control or unpaired characters.

    Direction marks that balance (RTL isolates) are kept; the overrides
    U+202D/E that can disguise a name are not.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = unicodedata.normalize("NFC", text)
    kept = (" " if c.isspace() else c for c in text if c.isspace() or _printable(c))
    return " ".join("".join(kept).split())


def _printable(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs", "Cn") and char not in "\u202d\u202e"


def slug(title: str) -> str:
    """``"Mock Melancholy!"`` -> ``"mock-melancholy"``; empty where nothing of it is ASCII."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:MAX_SLUG].strip("-")
    return f"{name}-song" if name in RESERVED else name


def slugs(songs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """(take id, title) of each song -> take id: slug; a second one of the same name gets its take's id."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for take_id, title in songs:
        name = slug(title)
        safe_id = re.sub(r"[^A-Za-z0-9]", "", take_id) or "take"
        if not name:
            name = safe_id[:12]
        if name in taken:
            name = f"{name}-{safe_id[:12]}"
        while name in taken:
            name += "-again"
        taken.add(name)
        made[take_id] = name
    return made


def clock(seconds: float) -> str:
    """``72.5`` -> ``"1:12"``, as people write it."""
    whole = int(max(0.0, seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
