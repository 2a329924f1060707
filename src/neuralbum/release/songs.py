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
from ..audio.encode import Blocks, Target, encode
from ..audio.loudness import measure
from ..audio.tags import Cover
from ..errors import MissingExtra, NeuralbumError, ToolError
from ..project import atomic
from ..project.stage import file_digest
from ..records import digest
from . import rights
from .contents import Release
from .disclosure import answers, iscc, provenance
from .disclosure.provenance import Claim, Signer, sidecar_of, sign
from .incremental import part_of
from .params import Params
from .sentences import made_by
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
    ident: float = 0.0  #: amplitude of the ident; 0: none


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
            for path in _paths(output, job.signer):
                build.intend(path)
    failed = set()
    release.reporter.begin("release", len(jobs), "songs")
    for take_id, result in in_threads(make_song, jobs, release.n_workers):
        if isinstance(result, MissingExtra):
            raise result
        if isinstance(result, Exception):
            failed.add(take_id)
            release.errors.append((take_id, str(result) or type(result).__name__))
            for output in jobs[take_id].outputs:
                for path in _paths(output, jobs[take_id].signer):
                    output.part.with_suffix(Path(path).suffix).unlink(missing_ok=True)
        else:
            for output, sha256 in result:
                for path in _paths(output, jobs[take_id].signer):
                    os.replace(output.part.with_suffix(Path(path).suffix), build.album_dir / path)
                    build.note(path, output.key, sound=output.sound, sha256=sha256 if path == output.path else "")
            release.log()
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


def _paths(output: Output, signer: Signer | None) -> list[str]:
    """The file, and its sidecar if it gets one."""
    beside = sidecar_of(Path(output.path)) if signer else None
    return [output.path, *([beside.as_posix()] if beside else [])]


def audio_path(song: AlbumSong, kind: str) -> str:
    return f"audio/{song.slug}.{kind}"


def _job(
    release: Release, album: Album, song: AlbumSong, source: Sourced, tags: Tags, cover: Sourced | None
) -> SongJob | None:
    """What is to be made of one song; None if all of it is as it should be."""
    build, signer = release.build, release.signer
    claim = claim_of(album, song) if signer else None
    sealed = "" if signer is None else digest("sealed", claim, signer.identity)
    payload, ident = None, 0.0
    if is_marked(album, song):
        payload = marking.Payload(int(album.watermark, 16), song.number)
    if album.ident != "off" and made_by_machine(album, song):
        ident = marking.ident_amplitude(song.loudness_lufs)
    outputs = []
    for kind in release.params.formats:
        path = audio_path(song, kind)
        kbps = getattr(release.params, f"{kind}_kbps", 0)
        marks = [*([marking.VERSION, payload] if payload else []), *(["ident", ident] if ident else [])]
        sound = digest("sound", VERSION, kind, kbps, source[1], *marks)
        key = digest(sound, tags, cover and cover[1], sealed)
        output = Output(path, kind, part_of(build.album_dir / path), key, sound if signer is None else "", kbps)
        if all(build.is_current(one, key) for one in _paths(output, signer)):
            continue
        final = build.album_dir / path
        final.parent.mkdir(parents=True, exist_ok=True)
        untagged = final if signer is None and build.has_sound(path, sound) else None
        outputs.append(replace(output, untagged=untagged))
    if not outputs:
        return None
    return SongJob(song.take_id, source[0], tuple(outputs), tags, cover and cover[0], signer, claim, payload, ident)


def made_by_machine(album: Album, song: AlbumSong) -> bool:
    """Whether any of the sound was generated: what people made alone gets no mark that says otherwise."""
    return answers.contains_ai(album, song)["recording"] != answers.NONE


def is_marked(album: Album, song: AlbumSong) -> bool:
    return bool(album.watermark) and song.sample_rate >= marking.LOWEST_RATE and made_by_machine(album, song)


def with_loudness(release: Release, songs: list[AlbumSong], sources: Sources, store: Path) -> list[AlbumSong]:
    """Measure what the screen did not; remembered in ``store`` by the sound's identity."""
    todo = {sources[s.take_id][1]: sources[s.take_id][0] for s in songs if s.loudness_lufs is None}
    known = _remembered(release, store, "loudness", measure_loudness, todo)
    measured = []
    for song in songs:
        found = known.get(sources[song.take_id][1])
        if song.loudness_lufs is None and found is not None:
            peak = found[1] if song.true_peak_db is None else song.true_peak_db
            song = replace(song, loudness_lufs=found[0], true_peak_db=peak)
        measured.append(song)
    return measured


def with_iscc(release: Release, album: Album, store: Path) -> list[AlbumSong]:
    """Give each song the code of its best file; remembered in ``store`` by the file's digest, title and artist."""
    files = {song.take_id: next(song.files[kind] for kind in iscc.BEST if kind in song.files) for song in album.songs}
    keys = {s.take_id: digest(release.build.sha256_of(files[s.take_id]), s.title, album.artist) for s in album.songs}
    todo = {keys[song.take_id]: (release.build.album_dir / files[song.take_id], song.title) for song in album.songs}
    known = _remembered(release, store, "iscc", lambda one: iscc.iscc(one[0], title=one[1], artist=album.artist), todo)
    return [replace(song, iscc=known.get(keys[song.take_id], "")) for song in album.songs]


def _remembered(
    release: Release, store: Path, name: str, measure: Callable[[Any], Any], todo: Mapping[str, Any]
) -> dict[str, Any]:
    """Key -> what was measured, from ``store`` or now; what fails is left out, and is reported where it is encoded."""
    try:
        known: dict[str, Any] = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    lacking = {key: argument for key, argument in todo.items() if key not in known}
    if not lacking:
        return known
    release.reporter.begin(name, len(lacking), "songs")
    for key, result in in_threads(measure, lacking, release.n_workers):
        if not isinstance(result, Exception):
            known[key] = result
            release.reporter.advance(1)
    release.reporter.end()
    with atomic(store) as part:
        part.write_text(json.dumps(known), encoding="utf-8")
    return known


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
    comment = f"{made_by(album, song)}. {album.permission}"
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
            *recipe_tags(song),
            ("NEURALBUM_TAGS", "; ".join(song.tags)),
            ("DIGITAL_SOURCE_TYPE", answers.source_type(album, song, "sound")),
        ),
    )


def recipe_tags(song: AlbumSong) -> tuple[tuple[str, str], ...]:
    """How a song was made, as tags of our own."""
    if song.temperature is None:
        return (("NEURALBUM_GENERATOR", str(song.recipe["origin"]["generator"])),)
    return (
        ("NEURALBUM_MODEL", str(song.recipe["model_digest"])),
        ("NEURALBUM_SEED", f"{song.recipe['seed']}/{song.recipe['number']}"),
        ("NEURALBUM_TEMPERATURE", f"{song.temperature:.4g}"),
    )


def claim_of(album: Album, song: AlbumSong, what: str = "sound") -> provenance.Claim:
    """What the manifest of one of its files says; ``what``: its kind, as in ``AlbumSong.files``."""
    names = ("model_id", "model_digest", "step", "seed", "number", "temperature", "engine")
    generation = {name: song.recipe[name] for name in names}
    if song.recipe.get("origin"):
        generation = {name: song.recipe["origin"][name] for name in ("generator", "recipe")}
    if what == "sound" and is_marked(album, song):
        generation["watermark"] = {"version": marking.VERSION, "album": album.watermark, "song": song.number}
    made_with, kind = f"neuralbum {album.version}", answers.source_type(album, song, what)
    return provenance.Claim(song.title, made_with, kind, {"take": song.take_id, **generation})


# ---- one song, in a worker thread ----------------------------------------


def make_song(job: SongJob) -> list[tuple[Output, str]]:
    """Write the parts; returns each output with its SHA-256."""
    cover = _cover(job.cover)
    targets = [Target(o.part, o.kind, o.kbps) for o in job.outputs if o.untagged is None]
    encode(job.source, targets, change=partial(_marked, job) if job.ident or job.payload else None)
    made = []
    for output in job.outputs:
        if output.untagged is not None:
            shutil.copyfile(output.untagged, output.part)
        write_tags(output.part, output.kind, job.tags, cover)
        if job.signer is not None and job.claim is not None:
            sign(output.part, job.claim, job.signer)
        made.append((output, file_digest(output.part)))
    return made


def _marked(job: SongJob, blocks: Blocks) -> Blocks:
    """The sound as it is released: with what is heard laid over it, then with the mark that is not."""
    if job.ident:
        blocks = marking.ident_blocks(blocks, job.ident)
    return blocks if job.payload is None else marking.mark_blocks(blocks, job.payload)


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
