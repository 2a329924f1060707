"""The encoding process and what feeds it: whole, seamless over a death, secrets kept."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import threading
import time

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.radio import encoding
from neuralbum.radio.children import Output
from neuralbum.radio.encoding import FRAME, FRAME_BYTES, FRAME_S
from neuralbum.radio.params import RATE
from neuralbum.radio.playlist import FILE, parse
from neuralbum.radio.probe import Probe, decode, silences

SEGMENT_S = 1.0
CODEC_NOISE = 0.03
"""RMS that AAC adds to a tone of 0.35; a frame in a wrong place, or none, makes 0.25 and more."""


def tone(n_frames, first=0, hz=441.0):
    t = (np.arange(n_frames * FRAME) + first * FRAME) / RATE
    return np.stack([0.5 * np.sin(2 * np.pi * hz * t)] * 2, axis=1).astype(np.float32)


def frames(n, first=0):
    data = tone(n, first).tobytes()
    return [data[i : i + FRAME_BYTES] for i in range(0, len(data), FRAME_BYTES)]


def heard(folder):
    listed, _ = parse((folder / FILE).read_text())
    data = b"".join((folder / one.name).read_bytes()[73:] for one in listed)  # without the ID3 tags
    return decode(data), listed


class Logged(list):
    def __call__(self, event, **words):
        self.append({"event": event, **words})


@pytest.fixture
def output(tmp_path):
    log = Logged()
    made = Output(
        "encoder",
        encoding.segments,
        lambda at, preroll: (str(tmp_path), 128, SEGMENT_S, at, preroll),
        log,
        confirmed=True,
    )
    made.set_clock(1000.0)
    made.log = log
    yield made
    made.child.stop()


def until(output, done, clock=time.monotonic, patience_s=30.0):
    """Tick until ``done``; the child's own pace decides, not a sleep."""
    end = time.monotonic() + patience_s
    pause = threading.Event()
    while not done():
        assert time.monotonic() < end, output.child.error
        output.tick(clock())
        pause.wait(0.01)


def n_safe(output):
    return output._safe


def test_every_frame_arrives_once_in_time_and_sounds_as_it_was(output, tmp_path):
    output.feed(frames(200))
    until(output, lambda: n_safe(output) >= 172)
    output.close()
    sound, listed = heard(tmp_path)
    assert sound.shape[1] // FRAME in (199, 200)  # the last frame may stay in the encoder
    assert sum(one.duration_s for one in listed) == pytest.approx(sound.shape[1] / RATE, abs=1e-3)
    assert listed[0].began_at == 1000.0
    assert listed[1].began_at == pytest.approx(1000.0 + 43 * FRAME_S, abs=2e-3)
    wanted = tone(200).T[:, : sound.shape[1]]
    error = sound[:, 2 * FRAME :] - wanted[:, 2 * FRAME :]
    assert np.sqrt(np.mean(error**2)) < CODEC_NOISE


def test_a_killed_encoder_comes_back_and_nothing_is_missing(output, tmp_path):
    output.feed(frames(130))
    until(output, lambda: n_safe(output) >= 86)
    os.kill(output.child.pid, signal.SIGKILL)
    output.feed(frames(130, first=130))
    until(output, lambda: n_safe(output) >= 215)
    output.close()
    sound, listed = heard(tmp_path)
    assert [one.number for one in listed] == list(range(len(listed)))
    assert sum(one.discontinuity for one in listed) == 1
    assert [row["event"] for row in output.log] == ["restart"]
    ends = [one.began_at + one.duration_s for one in listed]
    assert [one.began_at for one in listed[1:]] == pytest.approx(ends[:-1], abs=2e-3)
    wanted = tone(260).T[:, : sound.shape[1]]
    error = np.square(sound - wanted).mean(axis=0).reshape(-1, FRAME).mean(axis=1)[2:] ** 0.5
    assert error.max() < 2 * CODEC_NOISE, "not even at the seam: the new encoder was given the frames before it"


def test_a_frozen_encoder_is_killed_and_replaced(output, tmp_path):
    output.feed(frames(60))
    until(output, lambda: n_safe(output) >= 43)
    assert output.child.ready_at is not None
    os.kill(output.child.pid, signal.SIGSTOP)
    output.feed(frames(600, first=60))
    ahead = iter(range(1000))
    until(output, lambda: output.child.deaths == 1, clock=lambda: time.monotonic() + next(ahead))
    assert output.log[0]["why"] == "it hangs"


def test_an_encoder_says_why_it_cannot_go_on_and_the_pauses_between_deaths_grow(output, tmp_path):
    (tmp_path / FILE).mkdir()  # no playlist can be written there
    (tmp_path / FILE / "x").touch()
    output.feed(frames(50))
    until(output, lambda: output.child.deaths == 1)
    assert "stream.m3u8" in output.log[0]["why"]
    for _ in range(9):
        output.child.lost("again", 0.0)
    pauses = [row["pause_s"] for row in output.log]
    assert pauses[:4] == [0.25, 0.5, 1.0, 2.0]
    assert pauses[-1] == max(pauses) == 30.0


def test_the_probe_hears_silence_a_frozen_playlist_and_drift(output, tmp_path):
    output.feed([*frames(90), *[bytes(FRAME_BYTES)] * 180])
    until(output, lambda: n_safe(output) >= 258)
    now = [0.0]
    probe = Probe(lambda name: (tmp_path / name).read_bytes(), clock=lambda: now[0], wall=lambda: 1006.0)
    found = probe.look()
    assert found.sequence == 5
    assert found.silence_s == pytest.approx(43 * FRAME_S, abs=0.1)
    assert found.dead(SEGMENT_S) == ""
    now[0] = 6.0
    assert "has not moved" in probe.look().dead(SEGMENT_S)


def test_silences_are_measured_at_the_end_and_inside():
    sound = np.ones((2, 4 * RATE), dtype=np.float32)
    sound[:, RATE : 2 * RATE] = 0
    sound[:, -RATE // 2 :] = 0
    assert silences(sound) == (0.5, 1.0)


# ---- pushes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("rtmp://host/app", "NEURALBUM_RTMP_KEY"),
        ("icecast://host:8000/radio.mp3", "NEURALBUM_ICECAST_PASSWORD"),
        ("icecast://source:secret@host:8000/radio.mp3", "environment"),
        ("icecast://host:8000/radio.wav", "icecast://HOST"),
        ("http://host/x", "rtmp://HOST"),
        ("nonsense", "rtmp://HOST"),
    ],
)
def test_an_address_without_a_secret_in_the_environment_is_refused(url, why, monkeypatch):
    monkeypatch.delenv(encoding.RTMP_KEY, raising=False)
    monkeypatch.delenv(encoding.ICECAST_PASSWORD, raising=False)
    with pytest.raises(ParameterError, match=re.escape(why)) as told:
        encoding.with_secret(url)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["rtmp://127.0.0.1:9/live", "icecast://127.0.0.1:9/radio.mp3"])
def test_a_push_that_fails_says_why_and_never_the_secret(url, monkeypatch, capfd):
    monkeypatch.setenv(encoding.RTMP_KEY, "k3y-of-mine")
    monkeypatch.setenv(encoding.ICECAST_PASSWORD, "k3y-of-mine")
    log = Logged()
    output = Output("push 1", encoding.push, lambda *_: (url, 128, "title"), log)
    output.set_clock(0.0)

    def fed():
        output.feed(frames(2))
        return bool(log)

    until(output, fed)
    output.child.stop()
    said = str(log) + "".join(capfd.readouterr())
    assert "refused" in log[0]["why"].lower()
    assert "k3y" not in said


def test_icecast_gets_an_mp3_stream_with_the_password_of_the_environment(monkeypatch):
    monkeypatch.setenv(encoding.ICECAST_PASSWORD, "hackme")
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30)
    got = {}

    def take():
        link, _ = server.accept()
        with link:
            link.settimeout(30)
            file = link.makefile("rb")
            got["head"] = b"".join(iter(file.readline, b"\r\n")).decode()
            link.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            got["sound"] = file.read()

    thread = threading.Thread(target=take)
    thread.start()
    url = f"icecast://127.0.0.1:{server.getsockname()[1]}/radio.mp3"
    output = Output("push 1", encoding.push, lambda *_: (url, 128, "fake feelings"), Logged())
    output.set_clock(0.0)
    until(output, lambda: output.child.alive)
    output.feed(frames(150))
    until(output, lambda: not output._frames and not output._rest)
    output.close()
    thread.join(30)
    server.close()
    assert got["head"].startswith("PUT /radio.mp3 ") or got["head"].startswith("SOURCE /radio.mp3 ")
    assert "c291cmNlOmhhY2ttZQ==" in got["head"]  # source:hackme
    import av

    with av.open(io.BytesIO(got["sound"]), format="mp3") as file:
        sound = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)
    assert sound.shape[1] > 2 * RATE
    assert np.abs(sound).max() > 0.3


def test_rtmp_gets_an_aac_stream_under_the_key_of_the_environment(monkeypatch):
    import av

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv(encoding.RTMP_KEY, "k3y")
    got = []

    def take():
        with av.open(f"rtmp://127.0.0.1:{port}/live/k3y", options={"listen": "1"}, timeout=60) as file:
            for frame in file.decode(audio=0):
                got.append(frame.to_ndarray())
                if len(got) > 60:
                    return

    thread = threading.Thread(target=take)
    thread.start()
    output = Output("push 1", encoding.push, lambda *_: (f"rtmp://127.0.0.1:{port}/live", 128, "x"), Logged())
    output.set_clock(0.0)

    def fed():
        output.feed(frames(1))
        return not thread.is_alive()

    until(output, fed, patience_s=60.0)
    output.child.stop()
    assert np.abs(np.concatenate(got, axis=1)).max() > 0.3
