"""A scrolling picture is encoded in parts and decodes as if it had been encoded whole."""

import av
import numpy as np
import pytest

from neuralbum.visualise import encode, h264
from neuralbum.visualise.draw import Look, pictures, shots
from neuralbum.visualise.encode import JUMP_IN_S, Film
from neuralbum.visualise.scroll import parts_of
from neuralbum.visualise.strip import Strip

FPS = 5  # so that a player's second place to jump in comes soon
N = (JUMP_IN_S + 3) * FPS


def song(n=N):
    """Levels that come and go like music's."""
    rng = np.random.default_rng(3)
    rows = np.zeros((n, 212), np.float32)
    for _ in range(n):
        start, place = rng.integers(n), rng.integers(84)
        rows[start : start + 20, place] = rng.uniform(0.5, 1)
    rows[rng.random(n) < 0.2, 84:] = rng.uniform(0.5, 1, 128)
    reel = Strip(212)
    reel.append(rows)
    return reel


def filmed(path, look, preset="ultrafast"):
    with Film(path, look, preset=preset) as film:
        for shot in shots(song(), look):
            film.show(shot)
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.options = {"err_detect": "explode"}
        return [(f.key_frame, [plane(f, i) for i in range(3)]) for f in container.decode(video=0)]


def plane(frame, number):
    raw = np.frombuffer(memoryview(frame.planes[number]), np.uint8).reshape(-1, frame.planes[number].line_size)
    return raw[: frame.height >> (number > 0), : frame.width >> (number > 0)].astype(np.float32)


def psnr(seen, look):
    """Of each picture's planes, in dB: (n, 3)."""
    painted = pictures(song(), look)
    errors = [
        [np.square(a - b).mean() for a, b in zip(planes, (p.y, p.cb, p.cr), strict=True)]
        for (_, planes), p in zip(seen, painted, strict=True)
    ]
    return 10 * np.log10(255**2 / np.maximum(errors, 1e-9))


@pytest.mark.parametrize(
    ("size", "preset"),
    [((320, 180), "ultrafast"), ((328, 202), "superfast"), ((256, 144), "medium"), ((34, 160), "superfast")],
)
def test_what_is_decoded_is_what_was_painted_in_every_picture(tmp_path, size, preset):
    look = Look("waterfall", *size, FPS)
    assert parts_of(look) is not None
    seen = filmed(tmp_path / "v.mp4", look, preset)
    assert len(seen) == N
    assert [i for i, (key, _) in enumerate(seen) if key] == [0, JUMP_IN_S * FPS]
    assert psnr(seen, look).min() > 36  # the worst plane of the worst picture; a wrong motion would give 10 to 20


def test_encoding_in_parts_costs_neither_quality_nor_many_bytes(tmp_path, monkeypatch):
    look = Look("waterfall", 640, 360, FPS)
    parted = psnr(filmed(tmp_path / "parts.mp4", look), look)
    monkeypatch.setattr(encode, "parts_of", lambda look: None)
    whole = psnr(filmed(tmp_path / "whole.mp4", look), look)
    assert np.abs(parted.mean(axis=0) - whole.mean(axis=0)).max() < 0.6
    sizes = [(tmp_path / name).stat().st_size for name in ("parts.mp4", "whole.mp4")]
    assert sizes[0] < 1.15 * sizes[1]


@pytest.mark.parametrize("look", [Look("plaid", 320, 180, 30), Look("waterfall", 320, 64, 30)])
def test_what_does_not_scroll_or_is_small_is_encoded_whole(look):
    assert parts_of(look) is None


def encoded(cabac):
    """A stream of two small pictures, with its parameter sets."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.framerate = 64, 64, "yuv420p", 30
    context.time_base = 1 / context.framerate
    context.options = {"preset": "ultrafast", "qp": "20", "threads": "1", "x264-params": f"cabac={cabac}"}
    rng = np.random.default_rng(0)
    frames = [av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 64, 3), np.uint8), "rgb24") for _ in range(2)]
    for pts, frame in enumerate(frames):
        frame.pts = pts
    return b"".join(
        bytes(p) for f in [*(f.reformat(format="yuv420p") for f in frames), None] for p in context.encode(f)
    )


def test_a_slice_moved_there_and_back_is_the_same():
    data = encoded(0)
    stream = h264.stream_of(data)
    slices = [u for u in h264.units(data) if h264.kind(u) in (h264.SLICE, h264.IDR_SLICE)]
    assert len(slices) == 2
    for unit in slices:
        (away,) = h264.units(h264.moved(unit, h264.start_of(unit, stream), 3280))
        start = h264.start_of(away, stream)
        assert start.first == 3280
        (back,) = h264.units(h264.moved(away, start, 0))
        assert back == unit


def test_slices_in_arithmetic_code_are_refused():
    with pytest.raises(ValueError, match="slices cannot be moved"):
        h264.stream_of(encoded(1))


@pytest.mark.parametrize("payload", [b"\x00\x00\x00\x00\x01", b"\x00\x00\x03\x00\x00\x02\xff", b"\x01\x00\x00\x00\x80"])
def test_payloads_hold_no_false_start_codes_and_come_back(payload):
    made = h264.closed(0x65, payload)
    assert made.count(b"\x00\x00\x01") == 1
    (unit,) = h264.units(made)
    assert h264.opened(unit) == payload


@pytest.mark.parametrize("value", [0, 1, 2, 7, 3600, -1, -8])
def test_numbers_are_read_as_written(value):
    written = h264.Writer().se(value).ue(abs(value)).u(1, 1).payload()
    read = h264.Reader(written)
    assert (read.se(), read.ue(), read.u(1)) == (value, abs(value), 1)
