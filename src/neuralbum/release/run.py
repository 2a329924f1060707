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
from . import checksums, disclosure, feed, licence, model_card, playlists, provenance, sizes
from . import index as index_json
from .art import copy_pictures, covers_of
from .contents import album_of, chosen_songs, ordered, sleeves, with_loudness, with_sound
from .downloads import press_downloads
from .gallery import render_embed, render_index, render_song, static_files
from .params import Params
from .press import Press
from .sleeve import Album
from .songs import press_songs
from .threads import n_workers_of

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
        A required field is missing, or the licence is unknown.
    CatalogueError
        No song is kept and titled, or another release is being built.
    MissingExtra
        Signing is asked for and c2pa-python is not installed.
    """
    asked = params or project.params("release", Params)
    params = sizes.narrowed(asked)
    settings = project.settings
    licence.require(settings.rights_holder, settings.contact, settings.permission)
    terms = licence.check(settings.licence)
    signer = signer_of(project, params)
    chosen = chosen_songs(project, takes)
    work = project.artefacts_dir / STAGE
    n_workers = n_workers_of(params if workers is None else replace(params, workers=workers))
    errors: list[tuple[str, str]] = []
    with activity(project, STAGE) as tick, Press(project.album_dir, work / "journal.jsonl", force=force) as press:
        songs = sleeves(project, params, chosen)
        songs, sources = with_sound(project, songs, chosen, errors)
        for line in sizes.announcement(project, asked, songs, sources):
            reporter.line(f"release: {line}")
        sizes.check_disk(project, params, songs, sources)
        songs = with_loudness(songs, sources, work / "loudness.json", n_workers, reporter, errors)
        songs = ordered(songs, params)
        album = album_of(project, params, terms, songs, chosen)
        art = copy_pictures(project, params, press, songs, signer, album)
        songs = [replace(song, files={**song.files, **art.get(song.take_id, {})}) for song in songs]
        covers, cover_file = covers_of(project, params, press, songs)
        album = replace(album, cover_file=cover_file)
        songs = press_songs(
            project, params, press, album, songs, sources, covers, signer, n_workers, reporter, errors, tick
        )
        album = replace(album, songs=tuple(songs))
        if not songs:
            raise ToolError(f"no song could be made; the first failed with: {errors[0][1]}")
        _write_licence(press, album)
        album = replace(album, downloads=press_downloads(press, album, sizes.zipped(params)))
        album = replace(album, sizes={path: pressed.size for path, pressed in press.files().items()})
        _write_pages(project, params, press, album)
        if params.tokens:
            from .tokens import write_tokens

            write_tokens(press, album, params.cid_profile, with_media=params.car == "media")
        if params.watermark:
            titles = {song.number: song.title for song in album.songs}
            known = albums.Known(albums.number_of(project), album.artist, album.title, titles)
            press.text(albums.FILE, albums.text(known))
        press.text(checksums.FILE, checksums.sums({path: p.sha256 for path, p in press.files().items()}))
        for path in press.sweep():
            reporter.line(f"release: removed {path}")
        press.finish()
        tick(done=press.made, failed=len(errors))
    for take_id, message in errors:
        reporter.line(f"release {take_id}: {message}")
    return Outcome(STAGE, done=press.made, skipped=press.left_alone, failed=len(errors), errors=tuple(errors))


def _write_licence(press: Press, album: Album) -> None:
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


def _write_pages(project: Project, params: Params, press: Press, album: Album) -> None:
    for path, data in static_files().items():
        press.data(path, data)
    songs = album.songs
    for i, song in enumerate(songs):
        before = songs[i - 1] if i > 0 else None
        after = songs[i + 1] if i + 1 < len(songs) else None
        press.text(f"songs/{song.slug}.html", render_song(album, song, before, after))
        press.text(f"embed/{song.slug}.html", render_embed(album, song))
    press.text("index.html", render_index(album))
    press.text("album.m3u8", playlists.m3u8(album))
    press.text("album.xspf", playlists.xspf(album))
    press.text("album.jspf", playlists.jspf(album))
    pressed = press.files()
    press.text("feed.xml", feed.atom(album, {path: p.size for path, p in pressed.items()}))
    press.text("ai-disclosure.csv", disclosure.sheet_csv(album))
    press.text("ai-disclosure.json", disclosure.sheet_json(album))
    catalogue = project.catalogue
    tracks = catalogue.tracks()
    for model in catalogue.models():
        card = next((m["card"] for m in album.models if m["id"] == model.id), None)
        if card:
            grams = stage("footprint card")(project, model_id=model.id)["emissions"] or None
            curve = catalogue.curve(model.id)
            press.text(card, model_card.model_card(album, model, tracks=tracks, curve=curve, emissions_g=grams))
    press.text("index.json", index_json.index(album, {path: p.sha256 for path, p in pressed.items()}))


def signer_of(project: Project, params: Params) -> provenance.Signer | None:
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
