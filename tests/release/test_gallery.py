"""The gallery in a real browser, opened as a file: 1000 songs, filters, player, keys, links, no stranger asked.

Needs Chromium (the marker ``browser``). axe-core, which looks for what keeps
people out, comes with the package axe-playwright-python.
"""

from __future__ import annotations

import gzip
import os
import re
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import pytest

from neuralbum.release import run
from neuralbum.release.disclosure.answers import CATEGORIES
from neuralbum.release.gallery import render_embed, render_index, render_song, static_files
from neuralbum.release.gallery.pages import fit, script_json
from neuralbum.release.rights import check
from neuralbum.release.song_metadata import Album, AlbumSong, Distinction

from .conftest import add_take, say, title
from .conftest import found as drawn

pytestmark = pytest.mark.browser
FIRST_VIEW_GZIP = 150_000  # bytes
N_SONGS = 1000
SAID = dict.fromkeys(CATEGORIES, "generated")


@pytest.fixture
def page(browser):
    """A page that fails the test on any error it logs and any request that leaves it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, permissions=["clipboard-read"])
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on(
        "request",
        lambda r: (
            faults.append(r.url) if not r.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1")) else None
        ),
    )
    yield opened
    context.close()
    assert faults == []


def a_thousand_songs() -> tuple[AlbumSong, ...]:
    """Made-up songs: every 10th in doom, tempos from 40 to 239, temperatures 0.98 to 1.02."""
    recipe = {
        "model_id": "m", "model_digest": "d", "step": 1, "seed": 0, "number": 1, "temperature": [[0.0, 1.0]],
        "n_samples": 48_000, "sample_rate": 16_000, "engine": "e", "prime": {},
    }  # fmt: skip
    songs = []
    for i in range(N_SONGS):
        bpm = 40.0 + i % 200
        slug = f"mock-melancholy-{i}"
        song = AlbumSong(
            i + 1, f"take{i}", slug, f"Mock Melancholy {i}", 30.0, 16_000, 1, recipe, 0.98 + 0.01 * (i % 5),
            style="doom" if i % 10 == 0 else f"style {i % 7}", bpm=bpm, bpm_family=(bpm, 2 * bpm),
            distinctions=(Distinction(12.0, 14.0, f"breakdown {i % 11}"),) if i % 3 == 0 else (),
        )  # fmt: skip
        songs.append(replace(song, files={"opus": f"audio/{slug}.opus", "poster": f"pictures/{slug}.webp"}))
    return tuple(songs)


@pytest.fixture(scope="module")
def big(tmp_path_factory) -> Path:
    """The pages of an album of 1000 songs, without their sound."""
    folder = tmp_path_factory.mktemp("big")
    album = Album(
        "Fake Feelings", "Silver Stones", "2026-11-22", check("CC-BY-NC-4.0"), "Silver Stones GbR",
        "hello@example.org", "our own recordings", a_thousand_songs(), version="0", disclosure=SAID,
    )  # fmt: skip
    (folder / "index.html").write_text(render_index(album), encoding="utf-8")
    (folder / "songs").mkdir()
    song = folder / "songs" / "mock-melancholy-0.html"
    song.write_text(render_song(album, album.songs[0], None, album.songs[1]), encoding="utf-8")
    (folder / "embed").mkdir()
    (folder / "embed" / song.name).write_text(render_embed(album, album.songs[0]), encoding="utf-8")
    for path, data in static_files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / "pictures").mkdir()
    from PIL import Image

    Image.new("RGB", (32, 18), (180, 40, 30)).save(folder / "dot.webp")
    for made in album.songs:
        os.link(folder / "dot.webp", folder / made.files["poster"])
    return folder


@pytest.fixture
def small(empty_project) -> Path:
    """A released album of five audible songs of 3 s."""
    takes = {}
    for n in range(1, 6):
        take = add_take(empty_project, n, seconds=3.0, temperature=1.0 + n / 100)
        takes[take.id] = f"Song {n}"
        say(empty_project, take, "verdict", value="keep")
        say(empty_project, take, "style", style="doom" if n < 3 else "grind")
        say(empty_project, take, "note", note_id=f"n{n}", start_s=1.5, end_s=2.0, text="breakdown in 6/8")
    title(empty_project, takes)
    assert run(empty_project, workers=1).ok
    return empty_project.album_dir


def found(page) -> str:
    return page.inner_text("#found")


def test_the_first_view_of_a_thousand_songs_is_small(big):
    names = ("index.html", "assets/gallery.css", "assets/embed.js", "assets/picture.js", "assets/gallery.js")
    paths = [big / name for name in names]
    size = sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)
    assert size <= FIRST_VIEW_GZIP
    linked = re.findall(r'(?:src|href)="(assets/[^"?]+)', (big / "index.html").read_text(encoding="utf-8"))
    assert {f"assets/{p.name}" for p in paths[1:]} == set(linked)


def test_a_thousand_songs_are_filtered_by_style_tempo_temperature_distinction_and_words(page, big):
    page.goto((big / "index.html").as_uri())
    assert found(page) == "1000 songs"
    page.keyboard.press("f")
    page.click(".chip:has-text('doom')")
    assert found(page) == "100 of 1000"
    page.click(".chip:has-text('doom')")
    page.fill("#lo", "120")
    page.fill("#hi", "124")
    page.uncheck("#octaves")
    assert found(page) == "25 of 1000"  # 120 to 124 bpm, five songs each
    page.check("#octaves")
    assert found(page) == "40 of 1000"  # and 60, 61, 62 bpm, whose double is heard in them
    page.click("#clear")
    page.click("#temps .chip:has-text('0.99')")
    assert found(page) == "200 of 1000"
    page.click("#clear")
    page.click("#marks .chip >> nth=0")
    page.fill("#q", "mock 33")
    assert int(found(page).split()[0]) < 40


def test_a_filtered_link_shows_the_same_songs_and_back_again(page, big):
    page.goto((big / "index.html").as_uri() + "#style=doom&bpm=-90&temp=0.98&octaves=0&sort=shuffle&seed=7")
    first = page.locator(".card .name").all_inner_texts()
    assert found(page).endswith("of 1000")
    page.reload()
    assert page.locator(".card .name").all_inner_texts() == first
    assert "seed=7" in page.evaluate("location.hash")


def test_scrolling_brings_more_posters_until_all_are_there(page, big):
    page.goto((big / "index.html").as_uri() + "#style=doom")
    assert page.locator(".card").count() < 100
    page.wait_for_function(
        "(document.querySelector('#more').scrollIntoView(), document.querySelectorAll('.card').length === 100)"
    )  # a helping is one screenful: who wants them all scrolls on
    assert page.locator("#more").is_hidden()


def test_without_scripts_every_song_is_linked(browser, big):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((big / "index.html").as_uri())
    assert page.locator(".tracklist a").count() == N_SONGS
    context.close()


def test_without_scripts_every_song_plays_and_shows_its_picture(browser, small):
    """The browser's own players and pictures stand in for the wall; nothing that needs a script is offered."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto((small / "index.html").as_uri())
    players = page.locator(".still audio[controls]")
    assert players.count() == 5
    assert players.first.is_visible()
    sources = page.locator(".still audio source")
    for i in range(sources.count()):
        assert (small / sources.nth(i).get_attribute("src")).is_file()
    for scripted in ("#bar", "#play-all", "#help-open"):
        assert page.locator(scripted).is_hidden()
    page.goto((small / "songs" / "song-1.html").as_uri())
    assert page.locator("audio[controls]").is_visible()
    assert page.locator("#player").is_hidden()
    page.goto((small / "embed" / "song-1.html").as_uri())
    assert page.locator("audio[controls]").is_visible()
    context.close()


def test_without_scripts_the_wall_has_its_pictures_described_in_sentences(browser, big):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((big / "index.html").as_uri())
    pictures = page.locator(".still img")
    assert pictures.count() == N_SONGS
    assert pictures.first.evaluate("(img) => img.complete && img.naturalWidth") == 32
    assert pictures.first.get_attribute("alt") == (
        "“Mock Melancholy 0” drawn from its own sound. The song lasts 30 seconds and has a pulse of 40 beats a minute. "
        "Its style is doom."
    )
    context.close()


def test_a_song_page_has_the_gallery_s_player_and_its_keys(page, small):
    page.goto((small / "songs" / "song-1.html").as_uri())
    assert page.locator("audio").is_hidden()  # the browser's own player is for those without scripts
    page.click("#p-play")
    page.wait_for_function("document.querySelector('#audio').currentTime > 0.1")
    assert page.get_attribute("#p-play", "aria-label") == "Pause"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("e")
    page.wait_for_function("document.querySelector('#audio').currentTime >= 1.5")
    page.wait_for_function("document.querySelector('.marklist a').classList.contains('on')")
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('#audio').paused")
    page.fill("#p-seek", "0.5")
    page.dispatch_event("#p-seek", "change")
    page.wait_for_function("Math.abs(document.querySelector('#audio').currentTime - 0.5) < 0.1")
    page.keyboard.press("j")
    page.wait_for_url("**/song-2.html")


def test_html_to_embed_names_the_place_the_album_is_served_from(page, web):
    page.goto(f"{web}/songs/song-1.html")
    code = page.text_content("[data-embed]")
    assert f'src="{web}/embed/song-1.html"' in code
    page.set_content(code)
    frame = page.frame_locator("iframe")
    assert frame.locator("h1").inner_text().lower() == "song 1"
    assert frame.locator("audio[controls]").count() == 1


def test_a_click_plays_and_the_keys_steer(page, small):
    page.goto((small / "index.html").as_uri())
    page.click(".card .poster >> nth=0")
    page.wait_for_function("document.querySelector('#audio').currentTime > 0.1")
    assert page.inner_text("#p-title").lower() == "song 1"
    page.keyboard.press("j")
    page.wait_for_function("document.querySelector('#p-title').textContent === 'Song 2'")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("e")
    page.wait_for_function("document.querySelector('#audio').currentTime >= 1.5")
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('#audio').paused")
    page.keyboard.press("h")
    page.wait_for_function("document.querySelector('#p-title').textContent === 'Song 1'")
    page.keyboard.press("l")
    page.keyboard.type("song 4 j")
    assert page.inner_text("#p-title").lower() == "song 1"  # typed letters steer nothing


def test_the_player_stays_within_the_filter(page, small):
    page.goto((small / "index.html").as_uri() + "#style=grind")
    page.click("#play-all")
    page.wait_for_function("!document.querySelector('#audio').paused")
    titles = []
    for _ in range(4):
        titles.append(page.inner_text("#p-title").lower())
        page.keyboard.press("j")
    assert titles == ["song 3", "song 4", "song 5", "song 3"]


def test_a_distinction_on_a_card_is_played_from_its_moment(page, small):
    page.goto((small / "index.html").as_uri())
    page.click(".card .heard >> nth=2")
    page.wait_for_function("document.querySelector('#audio').currentTime >= 1.5")
    assert page.inner_text("#p-title").lower() == "song 3"


def test_the_picture_gets_the_levels_that_were_drawn_and_the_player_of_the_page(page, empty_project):
    """The levels come as a script, packed; unpacked they are the file ``visualise`` wrote, byte for byte."""
    p = empty_project
    take = add_take(p, 1, seconds=2.0)
    say(p, take, "verdict", value="keep")
    title(p, {take.id: "Song 1"})
    levels = bytes(range(256)) * 40
    path = p.artefacts_dir / "visualise" / "a.nblv"
    path.parent.mkdir(parents=True)
    path.write_bytes(levels)
    drawn(p, "visualise", take, {}, {"arrays": p.relative(path)})
    assert run(p, workers=1).ok
    page.add_init_script(
        """window.NeuralbumLive = { attach: async (canvas, audio, buffer) => {
            window.got = { sum: new Uint8Array(buffer).reduce((a, b) => a + b, 0), length: buffer.byteLength,
                           audio: audio.id, size: [canvas.width, canvas.height] };
            return { redraw() {}, detach() { window.left = true; } };
        } };"""
    )
    page.goto((p.album_dir / "index.html").as_uri())
    page.keyboard.press("i")
    page.wait_for_function("window.got")
    got = page.evaluate("window.got")
    assert (got["length"], got["sum"], got["audio"]) == (len(levels), sum(levels), "audio")
    assert got["size"][0] > 1000  # drawn in the screen's own size
    page.keyboard.press("i")
    page.wait_for_function("window.left")


def test_a_clip_is_loaded_only_where_the_pointer_is(page, empty_project):
    p = empty_project
    takes = {}
    clip = p.artefacts_dir / "visualise" / "clip.mp4"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"\0" * 1000)
    for n in (1, 2):
        take = add_take(p, n, seconds=0.5)
        say(p, take, "verdict", value="keep")
        takes[take.id] = f"Song {n}"
        drawn(p, "visualise", take, {}, {"hover": p.relative(clip)})
    title(p, takes)
    assert run(p, workers=1).ok
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((p.album_dir / "index.html").as_uri())
    assert not [url for url in asked if url.endswith(".mp4")]
    page.hover(".card >> nth=1")
    page.wait_for_selector(".card:nth-child(2) video.clip", state="attached")
    page.wait_for_function("document.querySelectorAll('video.clip').length === 1")
    page.hover("h1")
    page.wait_for_selector("video.clip", state="detached")
    assert {url.rpartition("/")[2] for url in asked if url.endswith(".mp4")} == {"song-2.mp4"}


@pytest.fixture
def web(small):
    """A server that cannot send parts of files, the poorest there is."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *about: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(small)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_link_to_a_moment_opens_there_from_a_file_and_from_a_poor_server(page, small, web):
    for address in ((small / "index.html").as_uri(), f"{web}/index.html"):
        page.goto(address + "#song=song-2&t=2")
        page.wait_for_function("document.querySelector('#p-title').textContent === 'Song 2'")
        page.wait_for_function("Math.abs(document.querySelector('#audio').currentTime - 2) < 0.1")
        assert page.text_content("#p-title") == "Song 2"
        page.goto("about:blank")


def test_a_song_page_opens_at_the_moment_and_has_no_script_to_thank_for_its_words(page, small):
    page.goto((small / "songs" / "song-1.html").as_uri() + "#t=1.5")
    page.wait_for_function("Math.abs(document.querySelector('#audio').currentTime - 1.5) < 0.1")
    text = page.inner_text("main")
    for words in ("breakdown in 6/8", "our own recordings", "samplernn-1", "Not searched for copies"):
        assert words.lower() in text.lower()


def test_hostile_words_are_shown_as_words(page, tmp_path):
    words = "</script><img src=x onerror=alert(1)>"
    song = replace(a_thousand_songs()[0], title=words, style=words, distinctions=(Distinction(1, 2, words),), files={})
    about = (words, words, "2026-11-22", check("CC0-1.0"), words, words, words, (song,))
    album = Album(*about, version="0", disclosure=SAID)
    (tmp_path / "songs").mkdir()
    (tmp_path / "index.html").write_text(render_index(album), encoding="utf-8")
    (tmp_path / "songs" / "mock-melancholy-0.html").write_text(render_song(album, song, None, None), encoding="utf-8")
    (tmp_path / "embed").mkdir()
    (tmp_path / "embed" / "mock-melancholy-0.html").write_text(render_embed(album, song), encoding="utf-8")
    for path, data in static_files().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    page.on("dialog", lambda dialog: pytest.fail("a title ran as a script"))
    for name in ("index.html", "songs/mock-melancholy-0.html", "embed/mock-melancholy-0.html"):
        page.goto((tmp_path / name).as_uri())
        assert words.lower() in page.inner_text("body").lower()
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_serious_fault(browser, big, width):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    pages = (
        ("index.html#song=mock-melancholy-3", "f"),
        ("songs/mock-melancholy-0.html", ""),
        ("embed/mock-melancholy-0.html", ""),
    )
    for name, prepare in pages:
        page.goto((big / "index.html").as_uri().replace("index.html", name))
        if prepare:
            page.keyboard.press(prepare)
        page.evaluate(axe)
        report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (v["id"], v["nodes"][0]["html"][:200])
            for v in report["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert serious == []
    context.close()


def test_on_a_phone_nothing_is_wider_than_the_screen(browser, big):
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    for name in ("index.html#song=mock-melancholy-3", "songs/mock-melancholy-0.html"):
        page.goto((big / "index.html").as_uri().replace("index.html", name))
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_a_title_is_as_loud_as_the_page_is_wide():
    assert fit("Fake Feelings")[0] > fit("Archetypal Angst And Its Discontents")[0] > 5
    assert fit("A") == (23, 40)


def test_json_in_a_script_cannot_end_it():
    assert "<" not in script_json({"title": "</script>"})


def test_no_key_means_something_else_on_the_curation_page():
    source = Path(__file__).parents[2] / "src" / "neuralbum"
    theirs = (source / "curate" / "web" / "src" / "keys.ts").read_text(encoding="utf-8")
    meaning = {}
    for action, line in re.findall(r"^  (\w+): \[(.*)\],$", theirs, re.M):
        meaning |= dict.fromkeys(re.findall(r"'((?:Key|Arrow|Space)\w*)'", line), action)
    ours = (source / "release" / "gallery" / "static" / "gallery.js").read_text(encoding="utf-8")
    table = ours.partition("const keys = {")[2].partition("};")[0]
    letters = set(re.findall(r"\b([a-z])(?=: |: \()", table))
    assert {"h", "j", "e", "q"} <= letters
    same = {"h": "previous", "j": "next", "f": "filter"}
    shared = {letter: meaning[f"Key{letter.upper()}"] for letter in letters if f"Key{letter.upper()}" in meaning}
    assert shared == same
    assert (meaning["ArrowLeft"], meaning["ArrowRight"], meaning["Space"]) == ("previous", "next", "play")
