"""The page in a real browser: nothing said is lost, the wall stays small, the ear hears at once."""

from __future__ import annotations

import random

import pytest

from neuralbum.catalogue import fold, fold_by_person
from neuralbum.curate.views import mine
from neuralbum.records import Judgement

pytestmark = pytest.mark.browser

RECORD = """() => {
  const { outbox } = window.curate;
  const say = outbox.say.bind(outbox);
  outbox.say = (actor, said) => {
    localStorage.setItem(`heard-${said.client_id}`, JSON.stringify(said));
    return say(actor, said);
  };
}"""
HEARD = "() => Object.keys(localStorage).filter((k) => k.startsWith('heard-')).map((k) => k.slice(6))"
SENT = "() => window.curate && window.curate.outbox.state.waiting === 0 && !window.curate.outbox.state.failing"
MINE = "() => Object.fromEntries(curate.session.rows.map((r) => [r.id, curate.session.state(r.id).mine]))"
KEYS = [*"kkkxxmzzhj123", "Shift+Z", "Home", "End", "ArrowDown", "ArrowUp", "w", "Shift+ArrowRight"]
SEED = 20261122


@pytest.fixture
def errors():
    return []


def open_page(context, url, errors):
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if "Content Security Policy" in m.text else None)
    page.goto(url)
    page.wait_for_function("() => window.curate")
    return page


@pytest.fixture
def window(chromium):
    made = chromium.new_context(viewport={"width": 1600, "height": 1000})
    yield made
    made.close()


def test_a_thousand_random_keys_reloads_and_a_killed_server_lose_nothing(window, running, errors, album):
    server = running()
    page = open_page(window, server.url, errors)
    page.evaluate(RECORD)
    dice = random.Random(SEED)

    def press(n):
        for _ in range(n):
            key = dice.choice(KEYS)
            if dice.random() < 0.03:
                flag = dice.choice(["''", "'silence'", "'none'"])
                page.evaluate(f"() => curate.session.setFilter({{ ...curate.session.filter, flag: {flag} }})")
            page.keyboard.press(key)

    def reload():
        page.reload()
        page.wait_for_function("() => window.curate")
        page.evaluate(RECORD)

    press(250)
    page.keyboard.press("k")  # and gone, in the same instant
    reload()
    press(250)
    server.kill()
    press(250)
    server.start()
    reload()
    press(125)
    server.kill()
    press(124)
    server.start()
    page.wait_for_function(SENT, timeout=20_000)

    heard = set(page.evaluate(HEARD))
    log = album.catalogue.events()
    names = [e.client_id for e in log if e.kind != "queue"]
    assert len(heard) > 400
    assert len(names) == len(set(names))
    assert heard == set(names), "every word is in the log, once"
    truth, said = fold(log), fold_by_person(log)
    shown = page.evaluate(MINE)
    assert len(shown) == 12
    server.service.reader.refresh()
    for take_id, here in shown.items():
        assert here == mine(said.get((take_id, "ana"))), take_id
        assert server.service.reader.judgement(take_id) == truth.get(take_id, Judgement(take_id))
    assert errors == []


def test_two_curators_at_once_both_arrive_and_can_be_compared(chromium, running, errors, album):
    server = running(curators=("ana", "ben"))
    links = {name: f"{server.url}/?token={token}" for token, name in server.access.tokens.items()}
    pages = {}
    contexts = [chromium.new_context() for _ in links]
    for context, (name, link) in zip(contexts, links.items(), strict=True):
        pages[name] = open_page(context, link, errors)
    for turn in range(12):
        pages["ana"].keyboard.press("k" if turn % 2 else "x")
        pages["ben"].keyboard.press("k" if turn % 3 else "m")
    for page in pages.values():
        page.wait_for_function(SENT)
    verdicts = [e for e in album.catalogue.events() if e.kind == "verdict"]
    assert sorted({e.actor for e in verdicts}) == ["ana", "ben"]
    assert len(verdicts) == 24
    agreed = server.service.agreement("ana")
    assert agreed["pairs"][0]["n"] == 12
    assert agreed["n_disputed"] > 0
    pages["ana"].evaluate("() => curate.session.listen()")
    others = pages["ana"].evaluate(
        "() => curate.session.rows.filter((r) => curate.session.state(r.id).others.length).length"
    )
    assert others == 12
    for context in contexts:
        context.close()
    assert errors == []


def test_the_wall_is_a_grid_with_one_tab_stop_and_few_nodes(window, running, errors, album):
    server = running()
    images = []
    window.on("request", lambda r: images.append(r.url) if r.resource_type == "image" else None)
    page = open_page(window, server.url, errors)
    page.wait_for_selector(".cell")
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "2"
    assert page.locator(".cell[tabindex='0']").count() == 1
    assert page.evaluate("() => document.activeElement.className.includes('cell')")
    label = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert "loud, dense" in label
    assert "not decided" in label
    page.keyboard.press("x")
    spoken = page.locator("[aria-live='polite']")
    assert "dropped" in spoken.inner_text()
    first = page.locator(".cell").first
    assert first.get_attribute("data-mark") == "drop"
    assert "✕" in first.evaluate("(e) => getComputedStyle(e, '::before').content"), "not by colour alone"
    assert page.evaluate("() => document.querySelectorAll('*').length") < 300
    assert len(images) <= 5
    page.keyboard.press("z")
    assert first.get_attribute("data-mark") == ""
    assert errors == []


def test_deciding_plays_the_next_take_at_once_and_never_two(window, running, errors, album):
    from neuralbum import curate

    curate.prepare(album)
    server = running()
    page = open_page(window, f"{server.url}/#ear", errors)
    page.wait_for_function("() => curate.pool.players.filter((p) => p.readyState >= 3).length >= 3")
    page.keyboard.press("Space")
    page.wait_for_function("() => curate.pool.playing && curate.pool.time_s > 0.3")
    seen = []
    for _ in range(8):
        page.keyboard.press("k")
        page.wait_for_function(
            "() => curate.pool.playing && curate.pool.players.some((p) => !p.paused && p.currentTime > 0)"
        )
        state = page.evaluate(
            "() => ({id: curate.pool.currentId, row: curate.session.row.id,"
            " going: curate.pool.players.filter((p) => !p.paused).length})"
        )
        assert state["id"] == state["row"]
        assert state["going"] == 1
        seen.append(state["id"])
    assert len(set(seen)) == 8
    page.wait_for_function(SENT)
    plays = [e for e in album.catalogue.events() if e.kind == "play"]
    assert plays
    assert all(e.payload["end_s"] > e.payload["start_s"] for e in plays)
    assert errors == []


def test_notes_tags_taps_and_the_key_map_work_from_the_keyboard(window, running, errors, album):
    server = running()
    page = open_page(window, f"{server.url}/#full", errors)
    assert "No takes in this pass" in page.locator(".empty").inner_text()
    page.get_by_role("button", name="Ear").click()
    page.wait_for_function("() => curate.session.pass === 'ear' && curate.session.row")
    page.locator(".over").focus()
    page.wait_for_function("() => curate.pool.players.some((p) => p.readyState >= 3)")
    page.keyboard.press("t")
    page.keyboard.type("gang <b>vocals</b>")
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.keyboard.type("kkkxxx is typing, not deciding")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    page.wait_for_function("() => curate.pool.playing && curate.pool.time_s > 0.1")
    for at_s in (0.2, 0.7, 1.2, 1.7):
        page.wait_for_function(f"() => curate.pool.time_s >= {at_s}")
        page.keyboard.press("b")
    page.keyboard.press(".")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_role("button", name="K", exact=True).click()
    page.keyboard.press("y")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('dialog')")  # while it closes, keys are its own
    page.keyboard.press("k")
    assert page.evaluate("() => curate.session.cursor") == 0, "K is nobody's key any more"
    page.keyboard.press("y")
    page.wait_for_function(SENT)
    said = {e.kind: e for e in album.catalogue.events() if e.kind != "play"}
    assert said["tag"].payload["tag"] == "gang <b>vocals</b>"
    assert said["note"].payload["text"].startswith("kkkxxx")
    assert 180 < said["tap"].payload["bpm"] < 300, "four taps every half second, doubled"
    assert said["verdict"].payload["value"] == "keep"
    assert page.locator("b:text-is('vocals')").count() == 0, "words are never markup"
    assert errors == []


def test_a_phone_gets_one_column_large_buttons_and_no_sideways_scrolling(chromium, running, errors, album):
    server = running()
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = open_page(context, server.url, errors)
    page.wait_for_selector(".cell")
    page.evaluate("""() => curate.session.learnRows(
      curate.session.rows.map((r) => ({ ...r, caption: 'loud, dense, bright; falls silent at 0:52 '.repeat(9) })))""")
    boxes = [page.locator(".cell").nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["x"] == boxes[1]["x"]
    for _ in range(2):
        assert page.evaluate("() => Math.max(document.documentElement.scrollWidth, innerWidth)") == 390
        keep = page.get_by_role("button", name="Keep").bounding_box()
        assert keep["height"] >= 40
        assert keep["y"] + keep["height"] <= 844
        page.get_by_role("button", name="Ear").tap()
        page.wait_for_function("() => curate.session.pass === 'ear'")
    page.get_by_role("button", name="Keep").tap()
    page.wait_for_function(SENT)
    assert [e.payload["value"] for e in album.catalogue.events() if e.kind == "verdict"] == ["keep"]
    context.close()
    assert errors == []


def test_while_music_plays_the_page_sleeps_and_the_playhead_moves(window, running, errors, album):
    from neuralbum import curate

    curate.prepare(album)
    page = open_page(window, f"{running().url}/#full", errors)
    page.keyboard.press("w")
    page.get_by_role("button", name="Ear").click()
    page.wait_for_function("() => curate.session.pass === 'ear' && curate.pool.players[0].readyState >= 3")
    page.keyboard.press("[")
    page.keyboard.press("[")  # half speed, so that four seconds are long enough
    page.keyboard.press("Space")
    page.wait_for_function("() => curate.pool.playing && curate.pool.players.some((p) => p.currentTime > 0.2)")
    page.evaluate("""() => {
      window.frames_asked = 0;
      const ask = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (work) => (window.frames_asked++, ask(work));
      window.began = curate.pool.time_s;
      window.place = () => new DOMMatrix(getComputedStyle(document.querySelector('.playhead')).transform).e;
      window.begun_at = place();
    }""")
    page.wait_for_function("() => curate.pool.time_s > began + 0.5", polling=100)
    asked, moved, width, shift_s, duration_s = page.evaluate(
        "() => [frames_asked, place() - begun_at, document.querySelector('.screen').clientWidth,"
        " curate.pool.time_s - began, curate.session.row.duration_s]"
    )
    assert asked <= 3, "a second of music at half speed is sixty frames"
    assert moved == pytest.approx(shift_s / duration_s * width, abs=0.03 * width)
    assert errors == []


def test_the_next_picture_is_drawn_before_the_key_and_what_stands_around_follows(window, running, errors, album):
    page = open_page(window, f"{running().url}/#ear", errors)
    page.evaluate("""() => {
      window.plates = () => [...document.querySelectorAll('canvas.levels')];
      window.seen = () => plates().filter((c) => c.style.visibility === 'visible').map((c) => c.dataset.take);
    }""")
    page.wait_for_function("() => plates().some((c) => c.dataset.take === curate.session.rowAt(1).id)")
    page.wait_for_function("() => curate.pool.players.filter((p) => p.readyState >= 3).length >= 3")
    shown = page.evaluate("""async () => {
      const drawn = [], kind = CanvasRenderingContext2D.prototype, before = seen();
      for (const verb of ['drawImage', 'putImageData', 'fillRect']) {
        const draw = kind[verb];
        kind[verb] = function (...words) { drawn.push(verb); return draw.apply(this, words); };
      }
      document.body.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyK', bubbles: true }));
      await new Promise(requestAnimationFrame);
      return { before, after: seen(), drawn, wanted: curate.session.rows.slice(0, 2).map((r) => r.id) };
    }""")
    assert [*shown["before"], *shown["after"]] == shown["wanted"], "one plate is seen at a time: the take's own"
    assert shown["drawn"] == [], "a key draws nothing"
    page.wait_for_function("""() => {
      const number = String(curate.session.row.number);
      const words = (where) => document.querySelector(where)?.textContent.trim();
      return words('.number') === number && words('.frame.now') === number && words('.meter b') === '1';
    }""")
    assert errors == []


def test_a_decision_is_safe_at_once_and_sent_after_it_is_seen(window, running, errors, album):
    page = open_page(window, f"{running().url}/#ear", errors)
    page.wait_for_function("() => curate.pool.players.filter((p) => p.readyState >= 3).length >= 3")
    seen = page.evaluate("""async () => {
      const asked = [], ask = window.fetch;
      window.fetch = (...words) => (asked.push([String(words[0]), performance.now()]), ask(...words));
      const before = document.querySelector('.number').textContent;
      document.body.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyK', bubbles: true }));
      const safe = Object.values(localStorage).filter((text) => text.includes('"kind":"verdict"')).length;
      const atOnce = asked.length;
      await new Promise(requestAnimationFrame);
      const shown = document.querySelector('.number').textContent, framed = performance.now();
      while (!asked.some(([url]) => url === '/api/events')) await new Promise((r) => setTimeout(r));
      return { safe, atOnce, before, shown, waited: asked.find(([url]) => url === '/api/events')[1] - framed };
    }""")
    assert seen["safe"] == 1, "in the browser's own store before anything else happens"
    assert seen["atOnce"] == 0, "nothing is asked for while the key waits"
    assert seen["shown"] != seen["before"], "and in the next frame it shows"
    assert seen["waited"] >= 0
    page.wait_for_function(SENT)
    assert [e.kind for e in album.catalogue.events() if e.kind == "verdict"] == ["verdict"]
    assert errors == []


def test_titles_are_kept_and_rejected_by_key_and_songs_follow(window, running, errors, album):
    from neuralbum import title

    server = running()
    page = open_page(window, f"{server.url}/#ear", errors)
    for _ in range(3):
        page.keyboard.press("k")
    page.get_by_role("button", name="Titles").click()
    proposal = page.locator(".proposal")
    first = proposal.inner_text()
    page.keyboard.press("x")
    second = proposal.inner_text()
    assert second != first
    page.keyboard.press("k")
    page.keyboard.press("t")
    page.keyboard.type("Kxk <b>own</b>")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    songs = page.locator(".songs li button")
    shown = [text.split("\n")[-1] for text in songs.all_inner_texts()]
    assert [second in shown[0], "Kxk <b>own</b>" in shown[1]] == [True, True]
    page.keyboard.press("z")
    page.wait_for_function("() => [...document.querySelectorAll('.songs .ghost')].length === 1")
    assert sorted(title.given_titles(album).values()) == sorted([second, "Kxk <b>own</b>"])
    assert [song.title for song in album.catalogue.songs()] == [second, "Kxk <b>own</b>"]
    assert title.title_key(first) in title.rejected_keys(album)
    page.reload()
    page.wait_for_selector(".proposal")
    assert page.locator(".songs .ghost").count() == 1, "the address leads back to the titles"
    page.keyboard.press("g")
    page.get_by_text("learns from your verdicts").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("() => curate.session.undos.length") == 3, "no key here decided about a take"
    # nothing may be on its way when the server is killed and the catalogue closed
    page.wait_for_function("() => curate.pool.players.filter((p) => p.src).every((p) => p.readyState >= 3)")
    page.close()
    assert errors == []


def test_a_filter_shows_and_takes_are_put_in_order_selected_and_decided_together(window, running, errors, album):
    page = open_page(window, running().url, errors)
    page.wait_for_selector(".cell")
    assert page.locator(".bar").count() == 0
    page.keyboard.press("f")
    page.get_by_label("Order").select_option("hottest first")
    page.get_by_label("Verdict").select_option("not decided")
    page.keyboard.press("Escape")
    bar = page.locator(".bar")
    assert bar.locator(".chip").all_inner_texts() == ["not decided", "hottest first"]
    assert "12 of 12" in bar.inner_text()
    assert page.get_by_role("button", name="Filter", exact=True).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Home")
    shown = page.evaluate("() => curate.session.view.map((i) => curate.session.rows[i].temperature)")
    assert shown == sorted(shown, reverse=True)
    page.locator(".cell").nth(1).click()
    page.locator(".cell").nth(5).click(modifiers=["Shift"])
    assert page.locator(".cell[aria-selected='true']").count() == 5
    assert "5 takes selected" in page.locator(".inspector").inner_text()
    page.keyboard.press("x")
    assert page.locator(".cell[data-mark='drop']").count() == 5
    page.wait_for_function(SENT)
    page.keyboard.press("z")
    assert page.locator(".cell[data-mark='drop']").count() == 0, "taken back together"
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    assert page.locator(".cell.chosen").count() == 0
    bar.get_by_role("button", name="Show all").click()
    assert page.locator(".bar").count() == 0
    page.wait_for_function(SENT)
    kinds = [e.kind for e in album.catalogue.events() if e.kind != "queue"]
    assert kinds == ["verdict"] * 5 + ["undo"] * 5
    assert errors == []


def test_the_end_is_told_and_gone_in_another_pass(window, running, errors):
    page = open_page(window, running().url, errors)
    page.wait_for_selector(".cell")
    page.keyboard.press("End")
    page.keyboard.press("k")
    bar = page.locator(".bar")
    bar.get_by_text("That was the last take").wait_for()
    page.get_by_role("button", name="Ear").click()
    page.wait_for_function("() => curate.session.pass === 'ear'")
    assert bar.count() == 0
    assert page.locator("[aria-live='polite']").inner_text() == ""
    page.keyboard.press("End")
    page.keyboard.press("k")
    bar.get_by_role("button", name="To the first undecided one").click()
    assert page.evaluate("() => curate.session.cursor") == 0
    assert errors == []


def test_a_stretch_is_dragged_noted_moved_and_reworded_and_the_picture_zooms(window, running, errors, album):
    page = open_page(window, f"{running().url}/#ear", errors)
    page.wait_for_function("() => document.querySelector('canvas.levels[data-take]:not([data-take=\"\"])')")
    box = page.locator(".over").bounding_box()
    buttons = page.locator(".verb.keep").bounding_box()

    def drag(from_share, to_share):
        y = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + from_share * box["width"], y)
        page.mouse.down()
        page.mouse.move(box["x"] + to_share * box["width"], y, steps=5)
        page.mouse.up()

    def mine():
        return page.evaluate("() => curate.session.state(curate.session.row.id).mine.notes")

    drag(0.25, 0.5)  # of four seconds
    page.keyboard.press("n")
    assert page.locator(".verb.keep").bounding_box() == buttons, "nothing is pushed"
    page.keyboard.type("a riff")
    page.keyboard.press("Enter")
    (note,) = mine()
    assert (note["start_s"], note["end_s"]) == (pytest.approx(1, abs=0.02), pytest.approx(2, abs=0.02))
    drag(0.5, 0.75)  # its right edge
    (moved,) = mine()
    assert (moved["id"], moved["text"], moved["end_s"]) == (note["id"], "a riff", pytest.approx(3, abs=0.02))
    assert moved["start_s"] == note["start_s"]
    page.get_by_role("button", name="Edit note").click()
    page.get_by_label("From, seconds").fill("0.5")
    page.get_by_label("Note", exact=True).fill("a better riff")
    page.keyboard.press("Enter")
    (worded,) = mine()
    assert (worded["id"], worded["text"], worded["start_s"]) == (note["id"], "a better riff", 0.5)

    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20)
    page.mouse.wheel(0, -400)
    scroll = page.get_by_label("Scroll the picture")
    scroll.wait_for()
    before = float(scroll.input_value())
    page.keyboard.press("Shift+ArrowRight")
    assert float(scroll.input_value()) > before
    page.mouse.click(box["x"], box["y"] + 20)
    assert page.evaluate("() => curate.pool.time_s") == pytest.approx(float(scroll.input_value()), abs=0.05)
    for _ in range(4):
        page.keyboard.press("Minus")
    assert scroll.count() == 0, "the whole take again"
    page.wait_for_function(SENT)
    (judged,) = album.catalogue.judgements().values()
    assert [(n.start_s, n.text) for n in judged.notes] == [(0.5, "a better riff")]
    assert errors == []


def test_the_bands_song_sounds_beside_a_take_and_the_volume_is_remembered(window, running, errors, album, tmp_path):
    from neuralbum.audio import write_flac
    from neuralbum.records import Track

    from .makers import RATE, beat

    write_flac(tmp_path / "ours.flac", beat(99, duration_s=6.0), RATE)
    track = Track("track-1", str(tmp_path / "ours.flac"), "Ours", "B", "0" * 64, 6.0, RATE, 1, "train", -20.0, -1.0)
    gone = Track("track-2", str(tmp_path / "gone.flac"), "Gone", "B", "1" * 64, 6.0, RATE, 1, "train", -20.0, -1.0)
    album.catalogue.add_tracks([track, gone])
    page = open_page(window, f"{running().url}/#ear", errors)
    song = page.get_by_label("The band's song to compare with")
    song.wait_for()
    assert song.locator("option").all_inner_texts() == ["Ours"], "only what is where it was"
    page.locator(".over").focus()
    page.keyboard.press("v")
    page.wait_for_function(
        "() => curate.pool.currentId === 'band:track-1' && curate.pool.playing && curate.pool.time_s > 0.4"
    )
    page.keyboard.press("v")
    page.wait_for_function("() => curate.pool.currentId === curate.session.row.id && curate.pool.playing")
    page.get_by_label("volume").fill("0.25")
    assert page.evaluate("() => curate.pool.players.every((p) => p.volume === 0.25)")
    page.keyboard.press("Space")
    page.wait_for_function(SENT)
    page.reload()
    page.wait_for_function("() => window.curate && curate.pool.players.every((p) => p.volume === 0.25)")
    takes = {take.id for take in album.catalogue.takes()}
    assert {e.take_id for e in album.catalogue.events() if e.kind == "play"} <= takes, "theirs is not ours"
    page.wait_for_function("() => curate.pool.players.filter((p) => p.src).every((p) => p.readyState >= 3)")
    page.close()
    assert errors == []


def test_a_second_tab_follows_the_first_and_goes_blind_with_it(window, running, errors):
    server = running()
    first, second = (open_page(window, server.url, errors) for _ in range(2))
    for page in (first, second):
        page.wait_for_selector(".cell")
    first.bring_to_front()
    first.keyboard.press("Home")
    first.keyboard.press("x")
    second.wait_for_function("() => curate.session.decided === 1")
    assert second.locator(".cell[data-mark='drop']").count() == 1
    first.get_by_role("button", name="Second").click()
    first.get_by_role("button", name="Draw the takes").click()
    first.wait_for_function("() => curate.session.pass === 'second' && curate.session.row")
    second.evaluate("() => curate.session.listen()")
    second.wait_for_function("() => curate.session.blind && curate.session.decided === 0")
    assert second.locator(".cell[data-mark='drop']").count() == 0, "what was said before is withheld here, too"
    assert errors == []


def test_flags_wait_until_the_take_is_judged(window, running, errors):
    page = open_page(window, running().url, errors)
    page.wait_for_selector(".cell")
    assert page.evaluate("() => curate.session.rows.every((r) => r.withheld && !r.flags.length)")
    page.keyboard.press("Shift+A")
    page.keyboard.press("m")
    page.wait_for_function("() => curate.session.rows.filter((r) => r.flags.includes('silence')).length === 3")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.cell > span')].some((s) => s.dataset.badge === 'silence')"
    )
    assert errors == []
