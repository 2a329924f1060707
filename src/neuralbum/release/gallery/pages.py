"""Turn the album into pages. Pure: records in, texts out.

Everything a person typed is escaped by Jinja2's autoescape, or stands in a
script element as JSON whose ``<``, ``>`` and ``&`` are written as escapes, so
that no title can end the script. gallery.js only ever sets ``textContent``.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ...records import digest
from .. import sentences
from ..disclosure import answers
from ..listings import originality_summary
from ..song_metadata import Album, AlbumSong, clock

HERE = Path(__file__).parent
KINDS = {
    "opus": "audio/{}.opus",
    "mp3": "audio/{}.mp3",
    "m4a": "audio/{}.m4a",
    "flac": "audio/{}.flac",
    "poster": "pictures/{}.webp",
    "hover": "clips/{}.mp4",
    "gif": "pictures/{}.gif",
    "video": "video/{}.mp4",
    "live": "live/{}.js",
}
"""Where each kind of file usually is; a song whose file is elsewhere says so itself."""
MIME = {"opus": "audio/ogg; codecs=opus", "mp3": "audio/mpeg", "m4a": "audio/mp4", "flac": "audio/flac"}
"""What a browser is offered to play, the smallest first."""


def render_index(album: Album) -> str:
    """The wall: ``index.html``."""
    return _page("index.html").render(
        album=album,
        clock=clock,
        hours=hours(album.duration_s),
        facts=facts,
        hue=hue,
        mime=MIME,
        words=sentences,
        fit=fit(album.title),
        data=script_json(song_table(album)),
        json_ld=script_json(album_json_ld(album)),
        version=assets_version(),
    )


def render_song(album: Album, song: AlbumSong, before: AlbumSong | None, after: AlbumSong | None) -> str:
    """One song's page: ``songs/<slug>.html``."""
    return _page("song.html").render(
        album=album,
        song=song,
        before=before,
        after=after,
        answers=answers.answers_of(album, song),
        clock=clock,
        originality=originality_summary(song),
        words=sentences,
        mime=MIME,
        sizes=album.sizes,
        schedule=schedule(song),
        family=[bpm for bpm in song.bpm_family if song.bpm and abs(bpm - song.bpm) > 0.05],
        hue=hue(song.slug),
        data=script_json(song_data(album, song)),
        json_ld=script_json(song_json_ld(album, song)),
        version=assets_version(),
    )


def render_embed(album: Album, song: AlbumSong) -> str:
    """A song's small player for other people's pages: ``embed/<slug>.html``. It needs no script."""
    return _page("embed.html").render(
        album=album, song=song, clock=clock, facts=facts, mime=MIME, words=sentences, hue=hue(song.slug),
        version=assets_version(),
    )  # fmt: skip


def static_files() -> dict[str, bytes]:
    """The gallery's own files by path in the album; the type face stands inside the style sheet."""
    static = HERE / "static"
    face = base64.b64encode((static / "anton.woff2").read_bytes()).decode("ascii")
    css = (static / "gallery.css").read_text(encoding="utf-8").replace("anton.woff2", f"data:font/woff2;base64,{face}")
    files = {"assets/gallery.css": css.encode()}
    for name in ("gallery.js", "picture.js", "song.js", "embed.js", "anton-OFL.txt"):
        files[f"assets/{name}"] = (static / name).read_bytes()
    return files


@cache
def assets_version() -> str:
    """Changes with the gallery's files, so that browsers do not mix old and new ones."""
    return digest(*(data.hex() for _, data in sorted(static_files().items())))[:8]


# ---- data for the scripts -----------------------------------------------------


def song_table(album: Album) -> dict[str, Any]:
    """All songs in as few bytes as they need: repeated words by number, defaults left out."""
    styles = _by_count(song.style for song in album.songs if song.style)
    marks = _by_count(text for song in album.songs for text in {*song.tags, *(d.text for d in song.distinctions)})
    style_number = {name: i for i, name in enumerate(styles)}
    mark_number = {name: i for i, name in enumerate(marks)}
    sets: dict[tuple[str, ...], int] = {}
    rows = []
    for song in album.songs:
        usual = tuple(kind for kind in KINDS if song.files.get(kind) == KINDS[kind].format(song.slug))
        row: dict[str, Any] = {
            "s": song.slug,
            "t": song.title,
            "n": song.number,
            "d": round(song.duration_s, 1),
            "k": None if song.temperature is None else round(song.temperature, 4),
            "f": sets.setdefault(usual, len(sets)),
        }
        if song.bpm is not None:
            row["b"] = round(song.bpm, 1)
            if song.bpm_from == "tapped":
                row["p"] = 1
        if song.bpm_family:
            row["o"] = [round(bpm, 1) for bpm in song.bpm_family]
        if song.style:
            row["y"] = style_number[song.style]
        if song.tags:
            row["g"] = [mark_number[tag] for tag in song.tags]
        if song.distinctions:
            row["m"] = [[round(d.start_s, 1), mark_number[d.text]] for d in song.distinctions]
        unusual = {k: v for k, v in song.files.items() if k in KINDS and k not in usual}
        if unusual:
            row["x"] = unusual
        rows.append(row)
    return {
        "title": album.title,
        "artist": album.artist,
        "styles": styles,
        "marks": marks,
        "kinds": KINDS,
        "sets": [list(kinds) for kinds in sets],
        "songs": rows,
    }


def song_data(album: Album, song: AlbumSong) -> dict[str, Any]:
    """What song.js needs; the moments heard in it stand in the page as links."""
    return {
        "slug": song.slug,
        "title": song.title,
        "artist": album.artist,
        "duration": round(song.duration_s, 2),
        "live": song.files.get("live"),
    }


def _by_count(words: Any) -> list[str]:
    """Distinct words, the most frequent first."""
    return [word for word, _ in sorted(Counter(words).items(), key=lambda item: (-item[1], item[0].casefold()))]


def script_json(value: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


# ---- schema.org ------------------------------------------------------------------


def album_json_ld(album: Album) -> dict[str, Any]:
    """schema.org MusicAlbum, its tracks by name, length and address."""
    about: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "MusicAlbum",
        "name": album.title,
        "byArtist": {"@type": "MusicGroup", "name": album.artist},
        "numTracks": len(album.songs),
        "datePublished": album.date,
        "license": album.licence.url,
        "copyrightHolder": album.rights_holder,
    }
    if album.description:
        about["description"] = album.description
    if album.url:
        about["url"] = album.url
    if album.cover_file:
        about["image"] = album.link(album.cover_file)
    about["track"] = [
        {
            "@type": "MusicRecording",
            "name": song.title,
            "position": song.number,
            "duration": iso_duration(song.duration_s),
            "url": album.link(f"songs/{song.slug}.html"),
        }
        for song in album.songs
    ]
    return about


def song_json_ld(album: Album, song: AlbumSong) -> dict[str, Any]:
    """schema.org MusicRecording of one song, with its files."""
    about: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "MusicRecording",
        "name": song.title,
        "byArtist": {"@type": "MusicGroup", "name": album.artist},
        "inAlbum": {"@type": "MusicAlbum", "name": album.title},
        "duration": iso_duration(song.duration_s),
        "license": album.licence.url,
        "copyrightHolder": album.rights_holder,
        "creditText": f"{album.artist}. {sentences.made_by(album, song)}",
    }
    if kind := _source_type(album, song, "sound"):
        about["digitalSourceType"] = kind
    if song.isrc:
        about["isrcCode"] = song.isrc
    if song.style:
        about["genre"] = song.style
    if song.audio_file:
        about["audio"] = {"@type": "AudioObject", "contentUrl": _from_song(album, song.audio_file)}
    if "poster" in song.files:
        about["image"] = {"@type": "ImageObject", "contentUrl": _from_song(album, song.files["poster"])}
        if kind := _source_type(album, song, "poster"):
            about["image"]["digitalSourceType"] = kind
    if "video" in song.files:
        about["video"] = {
            "@type": "VideoObject",
            "name": song.title,
            "contentUrl": _from_song(album, song.files["video"]),
            "thumbnailUrl": about.get("image", {}).get("contentUrl", ""),
            "uploadDate": album.date,
        }
    return about


def _source_type(album: Album, song: AlbumSong, what: str) -> str:
    """schema.org's name for IPTC's source type; empty where it has none."""
    name = answers.SCHEMA_ORG.get(answers.source_type(album, song, what).removeprefix(answers.IPTC))
    return f"https://schema.org/{name}" if name else ""


def _from_song(album: Album, path: str) -> str:
    return album.link(path) if album.url else f"../{path}"


def iso_duration(seconds: float) -> str:
    """``72.4`` -> ``"PT1M12S"`` (ISO 8601)."""
    whole = round(seconds)
    return f"PT{whole // 60}M{whole % 60}S"


# ---- words ---------------------------------------------------------------------------


def hours(seconds: float) -> str:
    """``93600`` -> ``"26 h 0 min"``; below an hour minutes and seconds."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def fit(title: str) -> tuple[float, float]:
    """How wide a letter of the title may be, in vw, on a wide and on a narrow screen.

    The title fills the page's width, in as many lines of whole words as make it
    loudest without pushing the songs off the first screen; Anton's capitals are
    about 0.41 em wide on average.
    """
    words = title.split() or [title]

    def size(n_lines: int, tallest: float) -> float:
        longest = max(max(map(len, words)), -(-len(title) // n_lines))
        return min(93 / (0.43 * longest), tallest / n_lines)

    wide = max(size(n, 28) for n in (1, 2, 3))
    narrow = max(size(n, 76) for n in (1, 2, 3, 4))
    return round(min(wide, 23), 1), round(min(narrow, 40), 1)


def facts(song: AlbumSong) -> str:
    """Tempo, style and length in one line."""
    pulse = f"{math.floor(song.bpm + 0.5)} bpm" if song.bpm else "no pulse" if song.bpm == 0 else ""
    return " · ".join(part for part in (pulse, song.style, clock(song.duration_s)) if part)


def schedule(song: AlbumSong) -> str:
    """The temperature in words: one number, or its way through the song; empty for an imported take."""
    points: Sequence[Sequence[float]] = song.recipe["temperature"]
    if song.temperature is None:
        return ""
    if len(points) <= 1:
        return f"{song.temperature:.3g}"
    return " → ".join(f"{value:.3g} at {clock(at)}" for at, value in points)


def hue(slug: str) -> int:
    """A colour of its own for a song without a poster, 0..359 degrees."""
    return int(digest("hue", slug)[:4], 16) % 360


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json_in_script"] = Markup
    return environment


def _page(name: str) -> Any:
    return _environment().get_template(name)
