"""Build ``album/`` from the catalogue: the verb of this room.

Songs are what was kept *and* titled. Every other stage may be missing: a song
without a video has no video. What fails for one song (an unreadable take, say)
leaves that song out, is reported, and the rest goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from ..errors import MissingExtra, SettingsError, ToolError
from ..marking import albums
from ..progress import SILENT, Reporter
from ..project import Project
from ..project.registry import stage
from ..project.stage import Outcome, activity
from . import listings, rights, sentences, sizes, verification
from .contents import Release, album_of, chosen_songs, ordered, songs_of, with_sound
from .disclosure import answers, ern, model_card, provenance
from .gallery import render_embed, render_index, render_song, static_files
from .incremental import LOG, IncrementalBuild
from .params import Params
from .pictures import copy_pictures, covers_of
from .song_metadata import Album
from .songs import make_songs, n_workers_of, with_iscc, with_loudness

STAGE = "release"


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
        The licence is unknown, or tokens are asked for without an address.
    CatalogueError
        It is not said by what right, no song is kept and titled, or another release is being built.
    MissingExtra
        Signing is asked for and c2pa-python is not installed.
    """
    asked = params or project.params("release", Params)
    params = sizes.narrowed(asked)
    settings = project.settings
    rights.require(settings.rights_holder, settings.contact, settings.permission)
    terms = rights.check(settings.licence)
    if params.tokens and not (params.token_url or params.url):
        raise SettingsError(
            "[release] tokens: the metadata needs the address of the album folder; set token_url, e.g. "
            "to ipfs:// and what `ipfs add -r album` prints, or url"
        )
    ern.check(params.ddex_sender, params.ddex_recipient)
    signer = signer_of(project, params)
    chosen = chosen_songs(project, takes)
    work = project.artefacts_dir / STAGE
    n_workers = n_workers_of(params if workers is None else replace(params, workers=workers))
    with activity(project, STAGE) as log, IncrementalBuild(project.album_dir, work / LOG, force=force) as build:
        release = Release(project, params, build, signer, n_workers, reporter, log)
        songs, sources = with_sound(project, songs_of(project, params, chosen), chosen, release.errors)
        for line in sizes.announcement(project, asked, songs, sources):
            reporter.line(f"release: {line}")
        sizes.check_disk(project, params, songs, sources)
        songs = ordered(with_loudness(release, songs, sources, work / "loudness.json"), params)
        album = album_of(project, params, terms, songs, chosen)
        art = copy_pictures(release, album)
        songs = [replace(song, files={**song.files, **art.get(song.take_id, {})}) for song in songs]
        covers, cover_file = covers_of(release, album, songs)
        album = replace(album, songs=tuple(songs), cover_file=cover_file)
        album = replace(album, songs=tuple(make_songs(release, album, sources, covers)))
        if not album.songs:
            raise ToolError(f"no song could be made; the first failed with: {release.errors[0][1]}")
        album = replace(album, songs=tuple(with_iscc(release, album, work / "iscc.json")))
        build.text("LICENSE.txt", rights.notice(album))
        album = replace(album, downloads=sizes.make_downloads(build, album, sizes.zipped(params)))
        album = replace(
            album,
            sizes={path: built.size for path, built in build.files().items()},
            signed=provenance.manifests(build.files()) if signer else {},
        )
        _write_pages(release, album)
        if params.watermark:
            titles = {song.number: song.title for song in album.songs}
            known = albums.Known(albums.number_of(project), album.artist, album.title, titles)
            build.text(albums.FILE, albums.text(known))
        build.text(verification.SUMS, verification.sums({path: built.sha256 for path, built in build.files().items()}))
        for path in build.sweep():
            reporter.line(f"release: removed {path}")
        build.finish()
        if project.store is not None:
            project.store.bring_album(project.album_dir)
        log(done=build.made, failed=len(release.errors))
    if untold := sentences.unmarked(album):
        reporter.line(f"release: {untold}")
    for take_id, message in release.errors:
        reporter.line(f"release {take_id}: {message}")
    return Outcome(
        STAGE, done=build.made, skipped=build.left_alone, failed=len(release.errors), errors=tuple(release.errors)
    )


def _write_pages(release: Release, album: Album) -> None:
    build, songs = release.build, album.songs
    for path, data in static_files().items():
        build.data(path, data)
    for i, song in enumerate(songs):
        before = songs[i - 1] if i > 0 else None
        after = songs[i + 1] if i + 1 < len(songs) else None
        build.text(f"songs/{song.slug}.html", render_song(album, song, before, after))
        build.text(f"embed/{song.slug}.html", render_embed(album, song))
    build.text("index.html", render_index(album))
    build.text("album.m3u8", listings.m3u8(album))
    build.text("album.xspf", listings.xspf(album))
    build.text("feed.xml", listings.atom(album))
    build.text("ai-disclosure.csv", answers.sheet_csv(album))
    build.text("ai-disclosure.json", answers.sheet_json(album))
    _write_model_cards(release, album)
    sha256 = {path: built.sha256 for path, built in build.files().items()}
    if sender := release.params.ddex_sender:
        made = {path: value for path, value in sha256.items() if path == album.cover_file or path.startswith("audio/")}
        build.text(ern.FILE, ern.message(album, sender, release.params.ddex_recipient, made))
    build.text("index.json", listings.index(album, sha256))
    if release.params.tokens:
        for path, text in listings.tokens(album, release.params.token_url or album.url).items():
            build.text(path, text)


def _write_model_cards(release: Release, album: Album) -> None:
    catalogue = release.project.catalogue
    tracks = catalogue.tracks()
    cards = {model["id"]: model["card"] for model in album.models}
    for model in catalogue.models():
        if model.id in cards:
            grams = stage("training grams")(release.project, model.id) or None
            curve = catalogue.curve(model.id)
            text = model_card.model_card(album, model, tracks=tracks, curve=curve, emissions_g=grams)
            release.build.text(cards[model.id], text)
    for about in album.models:
        if about["kind"] == "imported":
            release.build.text(about["card"], model_card.import_card(album, about["id"]))


def signer_of(project: Project, params: Params) -> provenance.Signer | None:
    key = params.sign_key or os.environ.get("NEURALBUM_SIGN_KEY", "")
    if not params.sign_certificate:
        return None
    if not provenance.available():
        raise MissingExtra("signing with C2PA", "provenance")
    if params.sign_timestamp and not params.sign_timestamp.startswith(("https://", "http://")):
        raise SettingsError(
            f"[release] sign_timestamp = {params.sign_timestamp!r}: must begin with https:// or http://"
        )
    found = provenance.Signer(project.root / params.sign_certificate, project.root / key, params.sign_timestamp)
    for name, path in (("sign_certificate", found.certificate), ("sign_key", found.key)):
        if not path.is_file():
            raise SettingsError(f"[release] {name}: no such file {str(path)!r}")
    return found
