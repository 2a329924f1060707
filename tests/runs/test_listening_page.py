"""The listening page in a real browser: new clips play by themselves, keys become events, a blind comparison ends."""

from __future__ import annotations

import threading

import pytest

from neuralbum.runs.clips import BLIND_FROM
from neuralbum.runs.listening import KEYS, ListeningService
from neuralbum.runs.params import Params
from neuralbum.runs.server import make_app
from neuralbum.web.auth import Access
from neuralbum.web.serving import configure, listen

from .makers import add_clips

pytestmark = pytest.mark.browser


@pytest.fixture
def serving(copied):
    """(Project, run id, address) of a page with one clip."""
    import uvicorn

    made, first = copied
    add_clips(made, first, 3, [0], at=3.0)
    service = ListeningService(made, Params(), [first])
    listening = listen("127.0.0.1", 0)
    listening.listen(64)
    port = listening.getsockname()[1]
    config = configure(make_app(service, Access.make("127.0.0.1", port, (), default_actor="ana")), log_level="error")
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield made, first, f"http://127.0.0.1:{port}/"
    server.force_exit = server.should_exit = True
    thread.join()
    listening.close()
    service.close()


@pytest.fixture
def page(browser, serving):
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    page.goto(serving[2])
    yield page
    context.close()


PLAYED = """(title) => document.querySelector('#title').textContent === title
  && document.querySelector('#audio').played.length > 0"""


def title(run, step, clip=1):
    return f"{run}, step {step}, clip {clip}"


def heard(made, run):
    return [(h.step, h.value) for h in made.catalogue.run_opinions()[run].heard]


def test_new_clips_play_by_themselves_and_keys_say_what_is_heard(page, serving):
    made, run, _ = serving
    page.wait_for_function(PLAYED, arg=title(run, 3))
    assert page.locator("[data-say=better]").is_disabled(), "nothing played before"
    page.keyboard.press("k")
    page.wait_for_function("() => document.querySelector('[data-say=keep]').ariaPressed === 'true'")
    add_clips(made, run, 4, [0], at=4.0)  # a checkpoint comes
    page.wait_for_function(PLAYED, arg=title(run, 4))
    assert page.locator("#clips button").first.get_attribute("aria-current") == "true"
    with page.expect_response("**/api/say"):
        page.keyboard.press("b")
    assert heard(made, run) == [(3, "keep"), (4, "better")]
    with page.expect_response("**/api/say"):
        page.keyboard.press("w")
    assert heard(made, run) == [(3, "keep"), (4, "worse")]
    for _ in range(2):
        with page.expect_response("**/api/say"):
            page.keyboard.press("z")
    assert heard(made, run) == [(3, "keep")]
    shown = page.locator("#keys dd").all_text_contents()
    assert shown == list(KEYS.values())
    assert page.errors == []


def test_a_blind_comparison_goes_on_after_a_reload_and_ends_with_its_result(page, serving):
    made, run, address = serving
    for step in (3, 4):
        add_clips(made, run, step, [BLIND_FROM + i for i in range(3)])
    page.wait_for_function("() => document.querySelectorAll('#a option').length >= 2")
    page.select_option("#a", f"{run}@3")
    page.select_option("#b", f"{run}@4")
    page.fill("#n", "3")
    page.click("#begin button")
    page.wait_for_selector("#trial:not([hidden])")
    page.locator("h1").click()
    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#first').played.length > 0")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('#trial-status').textContent.startsWith('Trial 2 of 3')")
    told = page.locator("#trial").inner_html()
    assert "@3" not in told
    assert "@4" not in told
    page.goto(address)
    page.wait_for_function("() => document.querySelector('#trial-status').textContent.startsWith('Trial 2 of 3')")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#trial-status').textContent.startsWith('Trial 3 of 3')")
    page.click("[data-choose=first]")
    page.wait_for_function(
        "() => document.querySelector('#trial-status').textContent.includes('no difference that chance')"
    )
    (test,) = made.catalogue.blind_tests().values()
    assert len(test.chosen) == 3
    assert page.errors == []
