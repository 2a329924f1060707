"""What is on the album: kept and titled takes, with all that the catalogue knows of them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import CatalogueError, NeuralbumError, SettingsError
from ..progress import Reporter
from ..project import Project, atomic
from ..records import Finding, Song, Take
from . import disclosure, licence, order, sentences
from .names import plain_text, slugs
from .params import Params
from .sleeve import ISRC, Album, AlbumSong, sleeve
from .sound import measure_loudness
from .threads import in_threads


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


def sleeves(project: Project, params: Params, chosen: Sequence[tuple[Song, Take]]) -> list[AlbumSong]:
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
        told = sleeve(
            song,
            take,
            names[take.id],
            judgement=judgements.get(take.id),
            screen=_values(screen.get(take.id)),
            originality=_with_q(_values(originality.get(take.id)), copies["takes"].get(take.id)),
            isrc=isrcs.get(take.id) or isrcs.get(song.title, ""),
        )
        made.append(replace(told, primed=sentences.primed(take.recipe.prime, tracks, take.recipe.sample_rate)))
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


def with_loudness(
    songs: list[AlbumSong],
    sources: Mapping[str, tuple[Path, str]],
    store: Path,
    n_workers: int,
    reporter: Reporter,
    errors: list[tuple[str, str]],
) -> list[AlbumSong]:
    """Measure what the screen did not; remembered by the sound's identity."""
    try:
        known: dict[str, list[float | None]] = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    lacking = [song for song in songs if song.loudness_lufs is None]
    todo = [s for s in lacking if sources[s.take_id][1] not in known]
    if todo:
        reporter.begin("loudness", len(todo), "songs")
        work = {song.take_id: (sources[song.take_id][0],) for song in todo}
        for take_id, result in in_threads(measure_loudness, work, n_workers):
            if isinstance(result, Exception):
                continue  # the same file will fail again, and be reported, when it is encoded
            known[sources[take_id][1]] = list(result)
            reporter.advance(1)
        reporter.end()
        with atomic(store) as part:
            part.write_text(json.dumps(known), encoding="utf-8")
    measured = []
    for song in songs:
        if song.loudness_lufs is None and sources[song.take_id][1] in known:
            lufs, peak = known[sources[song.take_id][1]]
            song = replace(
                song, loudness_lufs=lufs, true_peak_db=peak if song.true_peak_db is None else song.true_peak_db
            )
        measured.append(song)
    return measured


def ordered(songs: list[AlbumSong], params: Params) -> list[AlbumSong]:
    if params.order == "flow":
        return [replace(song, number=i) for i, song in enumerate(order.flow(songs), 1)]
    return order.given(songs)


def album_of(
    project: Project,
    params: Params,
    terms: licence.Licence,
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
    models = [
        {"id": m.id, "kind": m.kind, "card": f"models/{slugs([(m.id, m.id)])[m.id]}.md"}
        for m in project.catalogue.models()
        if m.id in used
    ]
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
        disclosure={name: getattr(params, name) or disclosure.finishing(songs) for name in disclosure.CATEGORIES},
        models=tuple(models),
    )
