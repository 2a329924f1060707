"""Build ``album/`` from the catalogue: the only file of this room that touches the project.

Songs are what was kept *and* titled. Every other stage may be missing: a song
without a video has no video. What fails for one song (an unreadable take, say)
leaves that song out, is reported, and the rest goes on.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import CatalogueError, MissingExtra, NeuralbumError, SettingsError, ToolError
from ..progress import SILENT, Reporter
from ..project import Project, atomic
from ..records import Finding, Song, Take, digest
from ..stage import Outcome, activity, file_digest
from . import chapters, checksums, disclosure, feed, licence, live, model_card, order, playlists, provenance
from . import index as index_json
from .gallery import render_index, render_song, static_files
from .names import plain_text, slugs
from .params import Params
from .press import Press, part_of
from .sleeve import ISRC, Album, AlbumSong, sleeve
from .sound import VERSION, Output, SongJob, make_song, measure_loudness
from .tags import Tags, make_cover

STAGE = "release"
PICTURES = {".webp", ".png", ".jpg", ".jpeg", ".avif"}
CLIPS = {".mp4", ".webm"}


def run(
    project: Project,
    params: Params | None = None,
    *,
    takes: Iterable[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    workers: int | None = None,
) -> Outcome:
    """Build or bring up to date ``album/``.

    Parameters
    ----------
    takes : only these of the kept takes; None: all
    force : make every file again
    retry : accepted as in every stage; what failed is always tried again here
    workers : threads that encode; None: as ``[release] workers`` says

    Returns
    -------
    Outcome
        ``done`` counts files made, ``skipped`` files left as they were,
        ``failed`` songs that had to be left out.

    Raises
    ------
    SettingsError
        A required field is missing, or the licence is unknown.
    CatalogueError
        No song is kept and titled, or another release is being built.
    MissingExtra
        Signing is asked for and c2pa-python is not installed.
    """
    params = params or project.params("release", Params)
    settings = project.settings
    licence.require(settings.rights_holder, settings.contact, settings.permission)
    terms = licence.check(settings.licence)
    signer = _signer(project, params)
    chosen = _songs(project, takes)
    work = project.artefacts_dir / STAGE
    n_workers = _workers(params if workers is None else replace(params, workers=workers))
    errors: list[tuple[str, str]] = []
    with activity(project, STAGE) as tick, Press(project.album_dir, work / "journal.jsonl", force=force) as press:
        songs = _sleeves(project, params, chosen)
        songs, sources = _with_sound(project, songs, chosen, errors)
        songs = _with_loudness(songs, sources, work / "loudness.json", n_workers, reporter, errors)
        songs = _ordered(songs, params)
        album = _album(project, params, terms, songs, chosen)
        art = _copy_pictures(project, params, press, songs, signer, album)
        songs = [replace(song, files={**song.files, **art.get(song.take_id, {})}) for song in songs]
        covers, cover_file = _covers(project, params, press, songs)
        album = replace(album, cover_file=cover_file)
        songs = _press_songs(
            project, params, press, album, songs, sources, covers, signer, n_workers, reporter, errors, tick
        )
        album = replace(album, songs=tuple(songs))
        if not songs:
            raise ToolError(f"no song could be made; the first failed with: {errors[0][1]}")
        _write_pages(project, params, press, album)
        if params.tokens:
            from .tokens import write_tokens

            write_tokens(press, album, params.cid_profile, with_media=params.car == "media")
        press.text(checksums.FILE, checksums.sums({path: p.sha256 for path, p in press.files().items()}))
        for path in press.sweep():
            reporter.line(f"release: removed {path}")
        press.finish()
        tick(done=press.made, failed=len(errors))
    for take_id, message in errors:
        reporter.line(f"release {take_id}: {message}")
    return Outcome(STAGE, done=press.made, skipped=press.left_alone, failed=len(errors), errors=tuple(errors))


# ---- what is on the album --------------------------------------------------------


def _songs(project: Project, only: Iterable[str] | None) -> list[tuple[Song, Take]]:
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


def _sleeves(project: Project, params: Params, chosen: Sequence[tuple[Song, Take]]) -> list[AlbumSong]:
    catalogue = project.catalogue
    judgements = catalogue.judgements()
    screen = catalogue.latest("screen")
    originality = catalogue.latest("originality")
    isrcs = _isrcs(project, params)
    names = slugs((take.id, song.title) for song, take in chosen)
    made = []
    for song, take in chosen:
        made.append(
            sleeve(
                song,
                take,
                names[take.id],
                judgement=judgements.get(take.id),
                screen=_values(screen.get(take.id)),
                originality=_values(originality.get(take.id)),
                isrc=isrcs.get(take.id) or isrcs.get(song.title, ""),
            )
        )
    return made


def _values(finding: Finding | None) -> Mapping[str, Any] | None:
    return None if finding is None else finding.values


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


def _with_sound(
    project: Project, songs: list[AlbumSong], chosen: Sequence[tuple[Song, Take]], errors: list[tuple[str, str]]
) -> tuple[list[AlbumSong], dict[str, tuple[Path, str]]]:
    """Where each song's sound is, and its identity; what the flesh made of it has its own rate and channels."""
    takes = {take.id: take for _, take in chosen}
    found: dict[str, tuple[Path, str]] = {}
    there = []
    for song in songs:
        take = takes[song.take_id]
        path = project.audio_of(take)
        try:
            if path == project.root / take.path:
                path.stat()
                identity = take.sha256
            else:
                about = path.stat()
                identity = digest("file", about.st_size, about.st_mtime_ns)
                song = replace(song, **_as_fleshed(path))
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


def _with_loudness(
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
        for take_id, result in _in_threads(measure_loudness, work, n_workers):
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


def _ordered(songs: list[AlbumSong], params: Params) -> list[AlbumSong]:
    if params.order == "flow":
        return [replace(song, number=i) for i, song in enumerate(order.flow(songs), 1)]
    return order.given(songs)


def _album(
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
    used = {song.recipe["model_id"] for song in songs}
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
        disclosure={name: getattr(params, name) for name in disclosure.CATEGORIES},
        models=tuple(models),
    )


# ---- pictures and clips --------------------------------------------------------------


def _copy_pictures(
    project: Project,
    params: Params,
    press: Press,
    songs: Sequence[AlbumSong],
    signer: provenance.Signer | None,
    album: Album,
) -> dict[str, dict[str, str]]:
    """Bring what ``visualise`` drew into the album; the screen's thumbnail stands in for a missing poster."""
    drawn = project.catalogue.latest("visualise")
    screened = project.catalogue.latest("screen")
    wanted = {
        "poster": ("pictures", PICTURES),
        "gif": ("pictures", {".gif"}),
        "hover": ("clips", CLIPS),
        "video": ("video", CLIPS),
    }
    art: dict[str, dict[str, str]] = {}
    player = live.player_script()
    for song in songs:
        files = dict(drawn[song.take_id].files) if song.take_id in drawn else {}
        if "poster" not in files and song.take_id in screened:
            files["poster"] = screened[song.take_id].files.get("thumbnail", "")
        mine = art.setdefault(song.take_id, {})
        for what, (folder, suffixes) in wanted.items():
            source = project.root / files.get(what, "")
            skip = (what == "video" and not params.videos) or (what == "gif" and not params.gifs)
            if skip or not files.get(what) or source.suffix not in suffixes or not source.is_file():
                continue
            path = f"{folder}/{song.slug}{source.suffix}"
            _press_picture(press, path, source, song, signer, album)
            mine[what] = path
        levels = project.root / files.get("arrays", "")
        if player is not None and files.get("arrays") and levels.is_file():
            mine["live"] = _press_live(press, song, levels)
    if player is not None and any("live" in mine for mine in art.values()):
        press.data(live.PLAYER, player)
    return art


def _press_live(press: Press, song: AlbumSong, levels: Path) -> str:
    path = f"live/{song.slug}.js"
    about = levels.stat()

    def build(part: Path) -> None:
        part.write_bytes(live.live_script(song.slug, levels))

    press.make(path, digest("live", about.st_size, about.st_mtime_ns, song.slug), build)
    return path


def _press_picture(
    press: Press, path: str, source: Path, song: AlbumSong, signer: provenance.Signer | None, album: Album
) -> None:
    kind = source.suffix.lstrip(".")
    if signer is None or not provenance.can_sign(kind):
        press.copy(path, source)
        return
    about = source.stat()
    claim = _claim(album, song)
    key = digest("signed", about.st_size, about.st_mtime_ns, claim, str(signer.certificate.stat().st_mtime_ns))

    def build(part: Path) -> None:
        import shutil

        shutil.copyfile(source, part)
        provenance.sign(part, kind, claim, signer)

    press.make(path, key, build)


def _covers(
    project: Project, params: Params, press: Press, songs: Sequence[AlbumSong]
) -> tuple[dict[str, tuple[Path, str]], str | None]:
    """Each song's cover as (picture, its digest), and the album's cover file.

    The album's own picture for all, else each song's poster.
    """
    covers: dict[str, tuple[Path, str]] = {}
    if params.cover:
        path = project.root / params.cover
        if not path.is_file():
            raise SettingsError(f"[release] cover = {params.cover!r}: no such file in {project.root}")
        make_cover(path)  # say now if it is no picture
        covers = {song.take_id: (path, file_digest(path)) for song in songs}
    else:
        for song in songs:
            poster = song.files.get("poster")
            if poster:
                covers[song.take_id] = (press.album_dir / poster, press.sha256_of(poster))
    for song in songs:
        if song.take_id not in covers:
            continue
        picture, sha256 = covers[song.take_id]
        try:
            press.make("cover.jpg", digest("cover", sha256), lambda part, p=picture: _write_cover(part, p))  # type: ignore[misc]
        except ToolError:  # a poster that cannot be read
            continue
        return covers, "cover.jpg"
    return covers, None


def _write_cover(part: Path, picture: Path) -> None:
    part.write_bytes(make_cover(picture).data)


# ---- sound ---------------------------------------------------------------------------------


def _press_songs(
    project: Project,
    params: Params,
    press: Press,
    album: Album,
    songs: Sequence[AlbumSong],
    sources: Mapping[str, tuple[Path, str]],
    covers: Mapping[str, tuple[Path, str]],
    signer: provenance.Signer | None,
    n_workers: int,
    reporter: Reporter,
    errors: list[tuple[str, str]],
    tick: Any,
) -> list[AlbumSong]:
    """Encode, tag and sign what is not there yet; returns the songs that have their sound."""
    album_lufs = album_loudness(songs)
    jobs: dict[str, tuple[SongJob]] = {}
    paths: dict[str, dict[str, str]] = {}
    for song in songs:
        source, identity = sources[song.take_id]
        tags = tags_of(album, song, album_lufs, params.genre)
        cover = covers.get(song.take_id)
        claim = _claim(album, song) if signer else None
        sealed = "" if signer is None else digest("sealed", claim, str(signer.certificate.stat().st_mtime_ns))
        outputs = []
        for kind in params.formats:
            path = f"audio/{song.slug}.{kind}"
            paths.setdefault(song.take_id, {})[kind] = path
            kbps = getattr(params, f"{kind}_kbps", 0)
            sound = digest("sound", VERSION, kind, kbps, identity)
            key = digest(sound, tags, cover and cover[1], sealed)
            if press.is_current(path, key):
                continue
            final = press.album_dir / path
            final.parent.mkdir(parents=True, exist_ok=True)
            untagged = final if signer is None and press.has_sound(path, sound) else None
            outputs.append(Output(path, kind, part_of(final), key, sound if signer is None else "", kbps, untagged))
        if outputs:
            jobs[song.take_id] = (
                SongJob(song.take_id, source, tuple(outputs), tags, cover and cover[0], signer, claim),
            )
    failed = set()
    reporter.begin("release", len(jobs), "songs")
    for (job,) in jobs.values():
        for output in job.outputs:
            press.intend(output.path)
    for take_id, result in _in_threads(make_song, jobs, n_workers):
        (job,) = jobs[take_id]
        if isinstance(result, MissingExtra):
            raise result
        if isinstance(result, Exception):
            failed.add(take_id)
            errors.append((take_id, str(result) or type(result).__name__))
            for output in job.outputs:
                output.part.unlink(missing_ok=True)
        else:
            for output, sha256 in result:
                os.replace(output.part, press.album_dir / output.path)
                press.note(output.path, output.key, sound=output.sound, sha256=sha256)
            tick()
        reporter.advance(1)
    reporter.end()
    for song in songs:
        if song.take_id in failed:
            press.leave_out([*song.files.values(), *paths[song.take_id].values()])
    return [replace(s, files={**s.files, **paths[s.take_id]}) for s in songs if s.take_id not in failed]


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
    import math

    return float(round(10 * math.log10(power)))


def tags_of(album: Album, song: AlbumSong, album_lufs: float | None, genre: str) -> Tags:
    """What a song's files say about themselves."""
    heard = "; ".join(f"{chapters.clock(d.start_s)} {d.text}" for d in song.distinctions)
    comment = f"Generated by a neural net trained on {album.artist}. {album.permission}"
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
        copyright=licence.copyright_line(album.licence, year=album.year, rights_holder=album.rights_holder),
        contact=album.contact,
        isrc=song.isrc,
        comment=f"{comment} {heard}".strip(),
        loudness_lufs=None if song.loudness_lufs is None else round(song.loudness_lufs, 2),
        true_peak_db=song.true_peak_db,
        album_lufs=album_lufs,
        chapters=chapters.chapters(song.distinctions, title=song.title, duration_s=song.duration_s),
        extra=(
            ("NEURALBUM_TAKE", song.take_id),
            ("NEURALBUM_MODEL", str(song.recipe["model_digest"])),
            ("NEURALBUM_SEED", f"{song.recipe['seed']}/{song.recipe['number']}"),
            ("NEURALBUM_TEMPERATURE", f"{song.temperature:.4g}"),
            ("NEURALBUM_TAGS", "; ".join(song.tags)),
            ("DIGITAL_SOURCE_TYPE", provenance.TRAINED),
        ),
    )


def _claim(album: Album, song: AlbumSong) -> provenance.Claim:
    names = ("model_id", "model_digest", "step", "seed", "number", "temperature", "engine")
    generation = {name: song.recipe[name] for name in names}
    return provenance.Claim(song.title, f"neuralbum {album.version}", {"take": song.take_id, **generation})


# ---- pages ------------------------------------------------------------------------------------


def _write_pages(project: Project, params: Params, press: Press, album: Album) -> None:
    for path, data in static_files().items():
        press.data(path, data)
    songs = album.songs
    for i, song in enumerate(songs):
        before = songs[i - 1] if i > 0 else None
        after = songs[i + 1] if i + 1 < len(songs) else None
        press.text(f"songs/{song.slug}.html", render_song(album, song, before, after))
    press.text("index.html", render_index(album))
    press.text("album.m3u8", playlists.m3u8(album))
    press.text("album.xspf", playlists.xspf(album))
    press.text("album.jspf", playlists.jspf(album))
    pressed = press.files()
    press.text("feed.xml", feed.atom(album, {path: p.size for path, p in pressed.items()}))
    press.text("ai-disclosure.csv", disclosure.sheet_csv(album))
    press.text("ai-disclosure.json", disclosure.sheet_json(album))
    terms = licence.notice(
        album.licence,
        artist=album.artist,
        album=album.title,
        year=album.year,
        rights_holder=album.rights_holder,
        contact=album.contact,
        permission=album.permission,
    )
    press.text("LICENSE.txt", terms)
    catalogue = project.catalogue
    tracks = catalogue.tracks()
    for model in catalogue.models():
        card = next((m["card"] for m in album.models if m["id"] == model.id), None)
        if card:
            press.text(card, model_card.model_card(album, model, tracks=tracks, curve=catalogue.curve(model.id)))
    press.text("index.json", index_json.index(album, {path: p.sha256 for path, p in pressed.items()}))


# ---- workers and signer ---------------------------------------------------------------------------


def _workers(params: Params) -> int:
    return params.workers or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def _in_threads(function: Any, work: Mapping[str, tuple[Any, ...]], n_workers: int) -> Iterable[tuple[str, Any]]:
    """(name, result or exception) as they come.

    Threads are enough: encoders, resampler and digests work without Python's lock.
    """
    if n_workers == 1:
        for name, arguments in work.items():
            try:
                yield name, function(*arguments)
            except (NeuralbumError, OSError, ValueError) as cause:
                yield name, cause
        return
    with ThreadPoolExecutor(n_workers) as pool:
        waiting = {pool.submit(function, *arguments): name for name, arguments in work.items()}
        try:
            for future in as_completed(waiting):
                error = future.exception()
                if error is not None and not isinstance(error, NeuralbumError | OSError | ValueError):
                    raise error
                yield waiting[future], error if error is not None else future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _signer(project: Project, params: Params) -> provenance.Signer | None:
    key = params.sign_key or os.environ.get("NEURALBUM_SIGN_KEY", "")
    if not params.sign_certificate:
        return None
    if not provenance.available():
        raise MissingExtra("signing with C2PA", "provenance")
    found = provenance.Signer(project.root / params.sign_certificate, project.root / key)
    for name, path in (("sign_certificate", found.certificate), ("sign_key", found.key)):
        if not path.is_file():
            raise SettingsError(f"[release] {name}: no such file {str(path)!r}")
    return found
