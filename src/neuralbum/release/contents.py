"""What is on the album, in which order: kept and titled takes, with all that the catalogue knows of them."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..errors import CatalogueError, NeuralbumError, SettingsError
from ..marking import albums
from ..progress import Reporter
from ..project import Project
from ..records import Finding, Song, Take
from . import rights, sentences
from .disclosure import answers
from .disclosure.provenance import Signer
from .incremental import IncrementalBuild
from .params import Params
from .song_metadata import ISRC, Album, AlbumSong, plain_text, slugs, song_metadata

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Release:
    """A release being built: what every step of it needs."""

    project: Project
    params: Params
    build: IncrementalBuild
    signer: Signer | None
    n_workers: int
    reporter: Reporter
    log: Callable[..., None]  #: says that something was done
    errors: list[tuple[str, str]] = field(default_factory=list)  #: (take id, why it is left out)


def chosen_songs(project: Project, only: Iterable[str] | None) -> list[tuple[Song, Take]]:
    """Songs whose take is still kept, with their takes."""
    catalogue = project.catalogue
    kept = set(catalogue.kept())
    if only is not None:
        kept &= set(only)
    takes = {take.id: take for take in catalogue.takes(kept)}
    chosen = [(song, takes[song.take_id]) for song in catalogue.songs() if song.take_id in takes]
    if not chosen:
        if not kept:
            raise CatalogueError(f"{project.root}: no take is kept yet; choose with `neuralbum curate` (or --auto)")
        raise CatalogueError(f"{project.root}: {len(kept)} takes are kept, none has a title; run `neuralbum title`")
    return chosen


def untitled(project: Project) -> int:
    """How many kept takes have no title and so are not on the album."""
    titled = {song.take_id for song in project.catalogue.songs()}
    return sum(take_id not in titled for take_id in project.catalogue.kept())


def songs_of(project: Project, params: Params, chosen: Sequence[tuple[Song, Take]]) -> list[AlbumSong]:
    catalogue = project.catalogue
    judgements = catalogue.judgements()
    screen = catalogue.latest("screen")
    originality = catalogue.latest("originality")
    copies = _values(catalogue.latest("originality.album").get("album")) or {"takes": {}}
    isrcs = _isrcs(project, params)
    names = slugs((take.id, song.title) for song, take in chosen)
    tracks = {track.id: plain_text(track.title) or Path(track.path).stem for track in catalogue.tracks()}
    made = []
    for song, take in chosen:
        about = song_metadata(
            song,
            take,
            names[take.id],
            judgement=judgements.get(take.id),
            screen=_values(screen.get(take.id)),
            originality=_with_q(_values(originality.get(take.id)), copies["takes"].get(take.id)),
            isrc=isrcs.get(take.id) or isrcs.get(song.title, ""),
        )
        made.append(replace(about, primed=sentences.primed(take.recipe.prime, tracks, take.recipe.sample_rate)))
    return made


def _values(finding: Finding | None) -> Mapping[str, Any] | None:
    return None if finding is None else finding.values


def _with_q(values: Mapping[str, Any] | None, said: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What was found in a take, with what the album's report says of it (older findings hold that themselves)."""
    return values if values is None or said is None else {**values, "q": said["q"], "original": said["original"]}


def _isrcs(project: Project, params: Params) -> dict[str, str]:
    """title or take id -> ISRC, from ``[release] isrc_file``."""
    if not params.isrc_file:
        return {}
    path = project.root / params.isrc_file
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        raise SettingsError(f"[release] isrc_file = {params.isrc_file!r}: cannot be read ({cause})") from cause
    codes = {}
    for n, row in enumerate(rows, 2):
        code = (row.get("isrc") or "").replace("-", "").strip().upper()
        if not row.get("song") or not ISRC.fullmatch(code):
            raise SettingsError(
                f"{path}:{n}: needs a song and an ISRC such as QZ-ABC-26-00001 in columns song,isrc; "
                f"not {row.get('isrc')!r}"
            )
        codes[str(row["song"])] = code
    return codes


def with_sound(
    project: Project, songs: list[AlbumSong], chosen: Sequence[tuple[Song, Take]], errors: list[tuple[str, str]]
) -> tuple[list[AlbumSong], dict[str, tuple[Path, str]]]:
    """Where each song's sound is, and its identity; takes that were fleshed apart have another rate and channels."""
    takes = {take.id: take for _, take in chosen}
    fleshed = project.catalogue.latest("flesh")
    found: dict[str, tuple[Path, str]] = {}
    there = []
    for song in songs:
        take = takes[song.take_id]
        path = project.audio_of(take)
        try:
            if path == project.root / take.path:
                path.stat()
                identity = take.sha256
                song = replace(song, flesh=take.recipe.flesh.get("model_id"))
            else:
                identity = project.audio_digest(take)
                net = fleshed[take.id].values.get("model") if take.id in fleshed else None
                song = replace(song, flesh=net and str(net).partition("@")[0], **_as_fleshed(path))
        except (OSError, NeuralbumError) as cause:
            errors.append((song.take_id, f"{path}: {cause}; sample it again with `neuralbum generate`"))
            continue
        found[song.take_id] = (path, identity)
        there.append(song)
    return there, found


def _as_fleshed(path: Path) -> dict[str, Any]:
    from ..audio import probe

    about = probe(path)
    length = {} if about.duration_s is None else {"duration_s": about.duration_s}
    return {"sample_rate": about.sample_rate, "channels": about.channels, **length}


# ---- order -----------------------------------------------------------------


TEMPO_WEIGHT = 0.7
"""How much an octave-folded tempo step counts beside one standard deviation of energy (taste)."""


def given(songs: Sequence[AlbumSong]) -> list[AlbumSong]:
    return sorted(songs, key=lambda song: (song.number, song.take_id))


def flow(songs: Sequence[AlbumSong]) -> list[AlbumSong]:
    """Walk from the calmest song to its nearest neighbour by loudness, brightness and tempo, and on.

    Greedy: O(n²), 1000 songs in some 50 ms. The walk does not depend on the order of its input.
    """
    if len(songs) < 3:
        return given(songs)
    songs = sorted(songs, key=lambda song: song.take_id)
    place = features(songs)  # (n_songs, n_features)
    left = np.ones(len(songs), dtype=bool)
    here = int(np.argmin(place[:, 0] + place[:, 1]))
    walk = [here]
    left[here] = False
    while left.any():
        distance = np.where(left, ((place - place[here]) ** 2).sum(axis=1), np.inf)
        here = int(np.argmin(distance))
        walk.append(here)
        left[here] = False
    return [songs[i] for i in walk]


def features(songs: Sequence[AlbumSong]) -> Floats:
    """Loudness, brightness (each standardised) and the tempo's place on the octave circle.

    140 and 70 bpm are the same place; a song without a pulse sits in the centre.
    """
    loudness = _standard([song.loudness_lufs for song in songs])
    brightness = _standard([math.log2(song.brightness_hz) if song.brightness_hz else None for song in songs])
    angle = [2 * math.pi * math.log2(song.bpm) if song.bpm else None for song in songs]
    x = [0.0 if a is None else TEMPO_WEIGHT * math.cos(a) for a in angle]
    y = [0.0 if a is None else TEMPO_WEIGHT * math.sin(a) for a in angle]
    return np.stack([loudness, brightness, np.array(x), np.array(y)], axis=1)


def _standard(values: Sequence[float | None]) -> Floats:
    """Zero mean, unit deviation; unknown values sit at the mean."""
    known = np.array([v for v in values if v is not None])
    if known.size == 0:
        return np.zeros(len(values))
    deviation = float(known.std()) or 1.0
    return np.array([0.0 if v is None else (v - known.mean()) / deviation for v in values])


def ordered(songs: list[AlbumSong], params: Params) -> list[AlbumSong]:
    if params.order == "flow":
        return [replace(song, number=i) for i, song in enumerate(flow(songs), 1)]
    return given(songs)


def album_of(
    project: Project,
    params: Params,
    terms: rights.Licence,
    songs: list[AlbumSong],
    chosen: Sequence[tuple[Song, Take]],
) -> Album:
    settings = project.settings
    sampled = max(take.created_at for _, take in chosen)
    date = params.date or time.strftime("%Y-%m-%d", time.gmtime(sampled))
    try:
        time.strptime(date, "%Y-%m-%d")
    except ValueError as cause:
        raise SettingsError(f"[release] date = {date!r}: write it as YYYY-MM-DD") from cause
    if params.url and not params.url.startswith(("https://", "http://")):
        raise SettingsError(f"[release] url = {params.url!r}: must begin with https:// or http://")
    used = {song.recipe["model_id"] for song in songs} | {song.flesh for song in songs}
    kinds = {m.id: m.kind for m in project.catalogue.models() if m.id in used}
    kinds |= {str(song.recipe["model_id"]): "imported" for song in songs if song.recipe.get("origin")}
    cards = slugs((name, name) for name in kinds)
    models = [{"id": name, "kind": kind, "card": f"models/{cards[name]}.md"} for name, kind in kinds.items()]
    return Album(
        title=plain_text(project.name) or "Untitled",
        artist=plain_text(settings.artist) or "Unknown artist",
        date=date,
        licence=terms,
        rights_holder=plain_text(settings.rights_holder),
        contact=plain_text(settings.contact),
        permission=plain_text(settings.permission),
        songs=tuple(songs),
        description=plain_text(params.description),
        url=params.url.rstrip("/") + "/" if params.url else "",
        version=__version__,
        disclosure={name: getattr(params, name) or answers.finishing(songs) for name in answers.CATEGORIES},
        watermark=f"{albums.number_of(project):08x}" if params.watermark else "",
        ident=params.ident,
        timestamp=params.sign_timestamp if params.sign_certificate else "",
        models=tuple(models),
    )
