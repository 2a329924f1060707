"""Each song's sound: its loudness measured, then encoded, tagged and signed where that is not done yet.

Signing is over the tagged bytes, so it comes last. ``make_song`` runs in a worker thread
and shares nothing: records in, digests out, files written under their part names.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import marking
from ..audio import read
from ..audio.encode import Target, encode
from ..audio.loudness import measure
from ..audio.tags import Cover
from ..errors import MissingExtra, NeuralbumError, ToolError
from ..project import atomic
from ..project.stage import file_digest
from ..records import digest
from . import provenance, rights
from .contents import Release
from .incremental import part_of
from .params import Params
from .provenance import Claim, Signer, sign
from .song_metadata import Album, AlbumSong, clock
from .tags import Tags, chapters, make_cover, write_tags

Sourced = tuple[Path, str]
"""A file and the identity of what it holds."""
Sources = Mapping[str, Sourced]
"""By take id."""

VERSION = 1
"""Raise when the same take is to be encoded again in albums that exist."""


@dataclass(frozen=True)
class Output:
    """One file to make."""

    path: str  #: in the album
    kind: str
    part: Path
    key: str
    sound: str
    kbps: int
    untagged: Path | None = None  #: a file that holds this very sound already; only its tags are old


@dataclass(frozen=True)
class SongJob:
    """Everything a worker needs to make one song's files."""

    take_id: str
    source: Path
    outputs: tuple[Output, ...]
    tags: Tags
    cover: Path | None = None  #: a picture file
    signer: Signer | None = None
    claim: Claim | None = None
    payload: marking.Payload | None = None  #: None: the sound is not marked


def make_songs(release: Release, album: Album, sources: Sources, covers: Sources) -> list[AlbumSong]:
    """Encode, tag and sign what is not there yet; returns the songs that have their sound."""
    build, songs = release.build, album.songs
    album_lufs = album_loudness(songs)
    jobs: dict[str, SongJob] = {}
    for song in songs:
        tags = tags_of(album, song, album_lufs, release.params.genre)
        if job := _job(release, album, song, sources[song.take_id], tags, covers.get(song.take_id)):
            jobs[song.take_id] = job
    for job in jobs.values():
        for output in job.outputs:
            build.intend(output.path)
    failed = set()
    release.reporter.begin("release", len(jobs), "songs")
    for take_id, result in in_threads(make_song, jobs, release.n_workers):
        if isinstance(result, MissingExtra):
            raise result
        if isinstance(result, Exception):
            failed.add(take_id)
            release.errors.append((take_id, str(result) or type(result).__name__))
            for output in jobs[take_id].outputs:
                output.part.unlink(missing_ok=True)
        else:
            for output, sha256 in result:
                os.replace(output.part, build.album_dir / output.path)
                build.note(output.path, output.key, sound=output.sound, sha256=sha256)
            release.tick()
        release.reporter.advance(1)
    release.reporter.end()
    made = []
    for song in songs:
        files = {**song.files, **{kind: audio_path(song, kind) for kind in release.params.formats}}
        if song.take_id in failed:
            build.leave_out(files.values())
        else:
            made.append(replace(song, files=files))
    return made


def audio_path(song: AlbumSong, kind: str) -> str:
    return f"audio/{song.slug}.{kind}"


def _job(
    release: Release, album: Album, song: AlbumSong, source: Sourced, tags: Tags, cover: Sourced | None
) -> SongJob | None:
    """What is to be made of one song; None if all of it is as it should be."""
    build, signer = release.build, release.signer
    claim = claim_of(album, song) if signer else None
    sealed = "" if signer is None else digest("sealed", claim, str(signer.certificate.stat().st_mtime_ns))
    payload = None
    if release.params.watermark:
        payload = marking.Payload(marking.albums.number_of(release.project), song.number)
    outputs = []
    for kind in release.params.formats:
        path = audio_path(song, kind)
        kbps = getattr(release.params, f"{kind}_kbps", 0)
        sound = digest("sound", VERSION, kind, kbps, source[1], *([marking.VERSION, payload] if payload else []))
        key = digest(sound, tags, cover and cover[1], sealed)
        if build.is_current(path, key):
            continue
        final = build.album_dir / path
        final.parent.mkdir(parents=True, exist_ok=True)
        untagged = final if signer is None and build.has_sound(path, sound) else None
        outputs.append(Output(path, kind, part_of(final), key, sound if signer is None else "", kbps, untagged))
    if not outputs:
        return None
    return SongJob(song.take_id, source[0], tuple(outputs), tags, cover and cover[0], signer, claim, payload)


def with_loudness(release: Release, songs: list[AlbumSong], sources: Sources, store: Path) -> list[AlbumSong]:
    """Measure what the screen did not; remembered in ``store`` by the sound's identity."""
    reporter = release.reporter
    try:
        known: dict[str, list[float | None]] = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    lacking = [song for song in songs if song.loudness_lufs is None]
    todo = [s for s in lacking if sources[s.take_id][1] not in known]
    if todo:
        reporter.begin("loudness", len(todo), "songs")
        work = {song.take_id: sources[song.take_id][0] for song in todo}
        for take_id, result in in_threads(measure_loudness, work, release.n_workers):
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


def album_loudness(songs: Sequence[AlbumSong]) -> float | None:
    """The album's loudness: mean power over time, in whole LUFS.

    Whole, so that one more song rarely changes it: a changed album gain means
    that every file's tags are written again.
    """
    known = [(song.loudness_lufs, song.duration_s) for song in songs if song.loudness_lufs is not None]
    total = sum(duration for _, duration in known)
    if total <= 0:
        return None
    power = sum(10 ** (lufs / 10) * duration for lufs, duration in known) / total
    return float(round(10 * math.log10(power)))


def tags_of(album: Album, song: AlbumSong, album_lufs: float | None, genre: str) -> Tags:
    """What a song's files say about themselves."""
    heard = "; ".join(f"{clock(d.start_s)} {d.text}" for d in song.distinctions)
    origin = song.recipe.get("origin")
    comment = f"Generated by a neural net trained on {album.artist}. {album.permission}"
    if origin:
        comment = f"Generated by a machine ({origin['generator']}). {album.permission}"
    return Tags(
        title=song.title,
        artist=album.artist,
        album=album.title,
        number=song.number,
        date=album.date,
        genre=song.style or genre,
        bpm=song.bpm or None,
        licence=album.licence.spdx,
        licence_url=album.licence.url,
        copyright=rights.copyright_line(album.licence, year=album.year, rights_holder=album.rights_holder),
        contact=album.contact,
        isrc=song.isrc,
        comment=f"{comment} {heard}".strip(),
        loudness_lufs=None if song.loudness_lufs is None else round(song.loudness_lufs, 2),
        true_peak_db=song.true_peak_db,
        album_lufs=album_lufs,
        chapters=chapters(song.distinctions, title=song.title, duration_s=song.duration_s),
        extra=(
            ("NEURALBUM_TAKE", song.take_id),
            *made_by(song),
            ("NEURALBUM_TAGS", "; ".join(song.tags)),
            ("DIGITAL_SOURCE_TYPE", provenance.TRAINED),
        ),
    )


def made_by(song: AlbumSong) -> tuple[tuple[str, str], ...]:
    """How a song was made, as tags of our own."""
    if song.temperature is None:
        return (("NEURALBUM_GENERATOR", str(song.recipe["origin"]["generator"])),)
    return (
        ("NEURALBUM_MODEL", str(song.recipe["model_digest"])),
        ("NEURALBUM_SEED", f"{song.recipe['seed']}/{song.recipe['number']}"),
        ("NEURALBUM_TEMPERATURE", f"{song.temperature:.4g}"),
    )


def claim_of(album: Album, song: AlbumSong) -> provenance.Claim:
    names = ("model_id", "model_digest", "step", "seed", "number", "temperature", "engine")
    generation = {name: song.recipe[name] for name in names}
    if song.recipe.get("origin"):
        generation = {name: song.recipe["origin"][name] for name in ("generator", "recipe")}
    return provenance.Claim(song.title, f"neuralbum {album.version}", {"take": song.take_id, **generation})


# ---- one song, in a worker thread ----------------------------------------


def make_song(job: SongJob) -> list[tuple[Output, str]]:
    """Write the parts; returns each output with its SHA-256."""
    cover = _cover(job.cover)
    targets = [Target(o.part, o.kind, o.kbps) for o in job.outputs if o.untagged is None]
    change = None if job.payload is None else partial(marking.mark_blocks, payload=job.payload)
    encode(job.source, targets, change=change)
    made = []
    for output in job.outputs:
        if output.untagged is not None:
            shutil.copyfile(output.untagged, output.part)
        write_tags(output.part, output.kind, job.tags, cover)
        if job.signer is not None and job.claim is not None:
            sign(output.part, output.kind, job.claim, job.signer)
        made.append((output, file_digest(output.part)))
    return made


def _cover(picture: Path | None) -> Cover | None:
    """The cover to embed; a poster that cannot be read is no reason to leave a song out."""
    if picture is None:
        return None
    try:
        return make_cover(picture)
    except ToolError:
        return None


def measure_loudness(source: Path) -> tuple[float | None, float | None]:
    """(integrated loudness in LUFS, true peak in dBTP) of a file, None where there is too little sound."""
    found = measure(*read(source))
    return found.integrated_lufs, found.true_peak_db


# ---- threads ----------------------------------------------------------------


def n_workers_of(params: Params) -> int:
    return params.workers or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def in_threads(function: Callable[[Any], Any], work: Mapping[str, Any], n_workers: int) -> Iterable[tuple[str, Any]]:
    """(name, result or exception) as they come; encoders, resampler and digests work without Python's lock."""
    if n_workers == 1:
        for name, argument in work.items():
            try:
                yield name, function(argument)
            except (NeuralbumError, OSError, ValueError) as cause:
                yield name, cause
        return
    with ThreadPoolExecutor(n_workers) as pool:
        waiting = {pool.submit(function, argument): name for name, argument in work.items()}
        try:
            for future in as_completed(waiting):
                error = future.exception()
                if error is not None and not isinstance(error, NeuralbumError | OSError | ValueError):
                    raise error
                yield waiting[future], error if error is not None else future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
