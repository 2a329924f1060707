"""The live picture in a real browser is the picture that Python draws."""

import base64

import numpy as np
import pytest

from neuralbum import visualise
from neuralbum.visualise.draw import Look, pictures
from neuralbum.visualise.frame_array import FrameArray
from neuralbum.visualise.live import write_live
from neuralbum.visualise.stills import image

pytestmark = pytest.mark.browser

WIDTH, PLAID_HEIGHT = 504, 256  # what live.js computes before the browser scales it

SHOW = """
async ([levels, options, seconds, width, height]) => {
  const bytes = Uint8Array.from(atob(levels), (c) => c.charCodeAt(0));
  const canvas = document.createElement("canvas");
  canvas.width = width; canvas.height = height;
  const audio = new EventTarget();
  Object.assign(audio, { currentTime: 0, paused: true, ended: false });
  const player = await NeuralbumLive.attach(canvas, audio, bytes.buffer, options);
  for (const at of seconds) { audio.currentTime = at; audio.dispatchEvent(new Event("seeked")); }
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  player.detach();
  return Array.from(data);
}
"""


@pytest.fixture
def page(browser):
    opened = browser.new_page()
    opened.add_script_tag(content=visualise.LIVE_SCRIPT.read_text(encoding="utf-8"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Twenty seconds of levels on the 8-bit grid, with runs of held pitches and fading hits."""
    rng = np.random.default_rng(5)
    rows = np.repeat(rng.random((60, 212)) ** 3, 10, axis=0)
    frames = FrameArray(212)
    frames.append((np.round(rows * 255) / 255).astype(np.float32))
    path = tmp_path_factory.mktemp("live") / "song.nblv"
    write_live(path, frames, Look("plaid", WIDTH, PLAID_HEIGHT, 30))
    return frames, base64.b64encode(path.read_bytes()).decode()


def shown(page, levels, seconds, *, height=PLAID_HEIGHT, **options):
    data = page.evaluate(SHOW, [levels, options, seconds, WIDTH, height])
    return np.array(data, dtype=int).reshape(height, WIDTH, 4)[..., :3]


@pytest.mark.parametrize("at_s", [0.0, 7.49, 19.99])
def test_a_plaid_in_the_browser_is_pythons(page, song, at_s):
    frames, levels = song
    frame = int(at_s * 30)
    look = Look("plaid", WIDTH, PLAID_HEIGHT, 30)
    expected = image(next(iter(pictures(frames, look, start=frame, stop=frame + 1)))).astype(int)
    found = shown(page, levels, [at_s], layout="plaid")
    # Python's colour planes have half the resolution; brightness must agree, colour on average.
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(found @ weights - expected @ weights).mean() < 2
    assert np.abs(found - expected).mean() < 6


def test_a_waterfall_is_the_same_whether_played_through_or_sought(page, song):
    played = shown(page, song[1], [i / 30 for i in range(0, 451, 3)], layout="waterfall", height=360)
    sought = shown(page, song[1], [15.0], layout="waterfall", height=360)
    assert np.abs(played - sought).mean() < 0.5
    assert sought.max() > 100


def test_before_its_start_a_waterfall_shows_the_songs_end_dimmed(page, song):
    early = shown(page, song[1], [1.0], layout="waterfall", height=360)[:250]
    late = shown(page, song[1], [15.0], layout="waterfall", height=360)[:250]
    assert 0 < early.mean() < 0.7 * late.mean()


def test_a_file_of_another_kind_is_refused(page):
    with pytest.raises(Exception, match="not a neuralbum live picture"):
        shown(page, base64.b64encode(b"RIFFxxxxxxxx").decode(), [0.0])


def test_levels_of_version_0_1_are_drawn_the_same(page, song):
    """Their header calls the mixing of colour and light ``ink``."""
    old = base64.b64decode(song[1]).replace(b'"compositing":', b'"ink":        ')
    assert b'"ink":' in old
    now, before = (shown(page, levels, [7.0], layout="plaid") for levels in (song[1], base64.b64encode(old).decode()))
    assert np.array_equal(now, before)
