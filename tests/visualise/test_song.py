"""Files: video with sound in time, stills within their bytes, levels for the browser, the whole of a project."""

import json
import os
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from neuralbum import visualise
from neuralbum.audio import write_flac
from neuralbum.cli.run import run as cli
from neuralbum.errors import AudioError, ToolError
from neuralbum.records import Event
from neuralbum.visualise import encode
from neuralbum.visualise.arrays import write_arrays
from neuralbum.visualise.draw import Look, pictures
from neuralbum.visualise.encode import FORMATS, VideoWriter
from neuralbum.visualise.flash import Counter, luminance_and_red
from neuralbum.visualise.frame_array import FrameArray
from neuralbum.visualise.params import Params
from neuralbum.visualise.song import Outputs, draw_song, levels_of
from neuralbum.visualise.stills import GIF_BYTES, GIF_FRAMES, HOVER_BYTES

from .sounds import RATE, band, hits

SMALL = {"width": 256, "height": 144, "preset": "ultrafast"}


def decoded(path):
    """Brightness of each picture (n, height, width) in 0…1, their times, the sound (channels, n), its rate."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in container.decode(video)]
    sound, rate = np.zeros((1, 0)), 0
    with av.open(str(path)) as container:
        if container.streams.audio:
            parts = list(container.decode(container.streams.audio[0]))
            rate = parts[0].sample_rate
            first_s = float(parts[0].pts * parts[0].time_base)
            sound = np.concatenate([p.to_ndarray() for p in parts], axis=1)
            if first_s < 0:  # the encoder's run-in, which players skip
                sound = sound[:, round(-first_s * rate) :]
    return np.array([p for _, p in frames]), np.array([t for t, _ in frames]), sound, rate


@pytest.fixture(scope="module")
def flash_of_sound(tmp_path_factory):
    """Three seconds with one burst at 1.5 s."""
    audio = np.zeros((2, 3 * RATE), np.float32)
    audio[:, int(1.5 * RATE) : int(1.5 * RATE) + 400] = 0.5 * np.random.default_rng(0).standard_normal(400).clip(-1, 1)
    path = tmp_path_factory.mktemp("sound") / "burst.flac"
    write_flac(path, audio, RATE)
    return path


@pytest.mark.parametrize(
    ("encoder", "suffix", "codecs"),
    [("h264", ".mp4", ("h264", "aac")), ("vp9", ".webm", ("vp9", "opus")), ("av1", ".webm", ("av1", "opus"))],
)
def test_a_video_has_its_size_rate_and_duration_and_sound_in_time(flash_of_sound, tmp_path, encoder, suffix, codecs):
    path = tmp_path / f"song{suffix}"
    draw_song(flash_of_sound, Params(layout="plaid", encoder=encoder, **SMALL), Outputs(video=path))
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        names = {"libdav1d": "av1", "libvpx-vp9": "vp9", "libopus": "opus"}
        found = tuple(names.get(s.codec_context.name, s.codec_context.name) for s in (video, audio))
        assert found == codecs
        assert (video.codec_context.width, video.codec_context.height) == (256, 144)
        assert float(video.average_rate) == pytest.approx(30)
        assert container.duration / av.time_base == pytest.approx(3.0, abs=1 / 30)
    pictures, times_s, sound, rate = decoded(path)
    assert len(pictures) == 90
    lit_s = times_s[int(pictures.mean(axis=(1, 2, 3)).argmax())]
    loud_s = np.abs(sound).max(axis=0).argmax() / rate
    assert abs(loud_s - 1.5) < 0.03
    assert abs(lit_s - 1.5) < 2 / 30


def test_without_an_encoder_the_error_names_one_that_is_there(flash_of_sound, tmp_path, monkeypatch):
    monkeypatch.setitem(encode.FORMATS, "h264", replace(FORMATS["h264"], encoder="libnothing"))
    with pytest.raises(ToolError, match=r"no libnothing .* set \[visualise\] encoder = 'av1'"):
        draw_song(flash_of_sound, Params(**SMALL), Outputs(video=tmp_path / "v.mp4"))


@pytest.mark.parametrize("size", [(320, 180), (328, 202), (34, 160)])
@pytest.mark.parametrize("layout", ["waterfall", "plaid"])
def test_what_is_decoded_is_what_was_painted(tmp_path, layout, size):
    look = Look(layout, *size, 5)
    levels = FrameArray(212)
    rng = np.random.default_rng(3)
    levels.append(np.repeat(rng.random((13, 212)) ** 3, 5, axis=0).astype(np.float32))
    with VideoWriter(tmp_path / "v.mp4", look, preset="ultrafast") as video:
        for picture in pictures(levels, look, new=encode.frame_picture):
            video.write_picture(picture)
    with av.open(str(tmp_path / "v.mp4")) as container:
        seen = list(container.decode(video=0))
    assert [i for i, frame in enumerate(seen) if frame.key_frame] == [0, 50]
    for frame, painted in zip(seen, pictures(levels, look), strict=True):
        decoded = frame.to_ndarray(format="yuv420p")[: look.height]
        error = np.square(decoded.astype(float) - painted.y).mean()
        assert 10 * np.log10(255**2 / max(error, 1e-9)) > 36  # a wrong row or frame would give 10 to 20


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no scheduling classes")
@pytest.mark.parametrize("encoder", ["h264", "vp9", "av1"])
def test_no_encoder_takes_the_machine_from_others(flash_of_sound, tmp_path, monkeypatch, encoder):
    during = set()

    def watched(video, block, plain=VideoWriter.write_audio):  # comes after the first picture
        during.update(os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task"))
        plain(video, block)

    monkeypatch.setattr(VideoWriter, "write_audio", watched)
    before = os.sched_getscheduler(0)
    draw_song(
        flash_of_sound,
        Params(encoder=encoder, layout="plaid", **SMALL),
        Outputs(video=tmp_path / f"a{FORMATS[encoder].suffix}"),
    )
    assert during | {os.sched_getscheduler(0)} == {before}


@pytest.mark.parametrize("layout", ["waterfall", "plaid"])
def test_a_blast_beat_passes_as_decoded(tmp_path, layout):
    sound, path = tmp_path / "blast.flac", tmp_path / "blast.mp4"
    write_flac(sound, hits(13.3)[None], RATE)
    report = draw_song(sound, Params(layout=layout, **SMALL), Outputs(video=path))["flash"]
    assert report["passes"]
    assert report["flashes_before"] > 3
    counter = Counter(30, (18, 32))
    for picture in decoded(path)[0]:
        cells = [
            plane.reshape(18, 8, 32, 8).mean(axis=(1, 3))[None]
            for plane in luminance_and_red(*np.moveaxis(picture.astype(np.float32) / 255, -1, 0))
        ]
        counter.feed(*cells)
    assert counter.broken == 0


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    write_flac(folder / "song.flac", band(5.0, 22050)[None], 22050)
    outputs = Outputs(poster=folder / "p.webp", gif=folder / "t.gif", hover=folder / "h.mp4", arrays=folder / "s.nblv")
    return folder, draw_song(folder / "song.flac", Params(width=640, height=360), outputs)


def test_the_gif_is_a_loop_of_sixty_pictures_and_five_seconds(drawn):
    path = drawn[0] / "t.gif"
    assert path.stat().st_size <= GIF_BYTES
    with Image.open(path) as gif:
        delays = []
        for place in range(gif.n_frames):
            gif.seek(place)
            delays.append(gif.info["duration"])
        assert gif.info["loop"] == 0
    assert len(delays) == GIF_FRAMES
    assert sum(delays) == 5000


def test_the_hover_clip_is_short_silent_and_small(drawn):
    path = drawn[0] / "h.mp4"
    assert path.stat().st_size <= HOVER_BYTES
    with av.open(str(path)) as clip:
        assert not clip.streams.audio
        assert clip.duration / av.time_base == pytest.approx(5.0, abs=0.05)


def test_a_hover_clip_is_made_by_the_encoder_of_the_video(tmp_path):
    write_flac(tmp_path / "a.flac", band(1.0, 22050)[None], 22050)
    draw_song(tmp_path / "a.flac", Params(encoder="vp9", **SMALL), Outputs(hover=tmp_path / "h.webm"))
    assert (tmp_path / "h.webm").stat().st_size <= HOVER_BYTES
    with av.open(str(tmp_path / "h.webm")) as clip:
        assert clip.streams.video[0].codec_context.name == "vp9"


def test_the_poster_shows_something(drawn):
    with Image.open(drawn[0] / "p.webp") as poster:
        assert poster.size == (640, 360)
        assert np.asarray(poster).max() > 100


def test_avif_posters_can_be_read_back(tmp_path):
    write_flac(tmp_path / "a.flac", band(1.0, 22050)[None], 22050)
    draw_song(tmp_path / "a.flac", Params(**SMALL), Outputs(poster=tmp_path / "p.avif"))
    with Image.open(tmp_path / "p.avif") as poster:
        assert poster.size == (256, 144)


def test_live_levels_are_at_most_7_kb_a_second(drawn):
    path = drawn[0] / "s.nblv"
    raw = path.read_bytes()
    n = int.from_bytes(raw[4:8], "little")
    header, rows = json.loads(raw[8 : 8 + n]), np.frombuffer(raw[8 + n :], np.uint8)
    assert raw[:4] == b"NBLV"
    assert rows.size == 150 * 212
    assert (header["fps"], header["n_frames"], header["n_pitches"] + header["n_bands"]) == (30, 150, 212)
    assert (path.stat().st_size - 2000) / drawn[1]["duration_s"] < 7000
    assert rows.max() > 200


@pytest.mark.parametrize("rate", [8000, 16000])
def test_low_sample_rates_and_single_channels_are_drawn_too(tmp_path, rate):
    write_flac(tmp_path / "low.flac", band(1.0, rate)[None], rate)
    draw_song(tmp_path / "low.flac", Params(**SMALL), Outputs(video=tmp_path / "v.mp4"))
    assert len(decoded(tmp_path / "v.mp4")[0]) == 30


def test_arrays_are_written_bins_first(tmp_path):
    write_flac(tmp_path / "a.flac", band(2.0, 22050)[None], 22050)
    about = write_arrays(tmp_path / "a.flac", tmp_path / "a.npz", Params())
    with np.load(tmp_path / "a.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype("float32")}
        assert arrays["K"].max() == pytest.approx(1.0, abs=1e-5)
    assert shapes["mask_h"] == shapes["mask_p"] == (1025, 87)
    assert shapes["c_db"] == shapes["H"] == (84, 87)
    assert shapes["m_db"] == shapes["B"] == shapes["K"] == (128, 87)
    assert shapes["y_p"] == (44100,)
    assert (shapes["H_v"], shapes["K_v"]) == ((60, 84), (60, 128))
    assert {n: tuple(s) for n, s in about["shapes"].items()} == shapes


def test_a_file_that_is_no_sound_is_one_clear_error(tmp_path):
    (tmp_path / "x.flac").write_bytes(b"not sound")
    with pytest.raises(AudioError, match=r"x\.flac"):
        draw_song(tmp_path / "x.flac", Params(), Outputs())


def keep(project, take, at):
    said = Event(client_id=f"k{at}", at=at, actor="auto", kind="verdict", take_id=take.id, payload={"value": "keep"})
    project.catalogue.say([said])


def test_a_projects_kept_takes_are_drawn_once_and_a_bad_one_does_not_stop_the_rest(project, add_take):
    takes = [add_take(band(1.0, 16000), number=i) for i in range(3)]
    for place in (0, 1):
        keep(project, takes[place], float(place))
    (project.root / takes[1].path).write_bytes(b"broken")
    params = Params(gif=False, hover=False, **SMALL)
    first = visualise.run(project, params)
    assert (first.done, first.failed) == (1, 1)
    finding = project.catalogue.latest("visualise")[takes[0].id]
    assert set(finding.files) == {"video", "poster", "arrays"}
    assert all((project.root / path).stat().st_size for path in finding.files.values())
    assert finding.values["flash"]["passes"] is True
    assert finding.values["n_frames"] == 30
    again = visualise.run(project, params)
    assert (again.done, again.skipped, again.failed_before) == (0, 1, 1)


def test_shards_share_the_takes_out(project, add_take):
    takes = [add_take(band(0.5, 16000) * (i + 1) / 3, number=i) for i in range(3)]
    params = Params(gif=False, hover=False, **SMALL)
    done = [visualise.run(project, params, takes=[t.id for t in takes], shard=(i, 2)).done for i in (1, 2)]
    assert done == [2, 1]
    assert len(project.catalogue.latest("visualise")) == 3


def test_the_commands_analyse_and_render_work_on_loose_files(tmp_path, capsys):
    write_flac(tmp_path / "a.flac", band(0.6, 22050)[None], 22050)
    words = ["visualise", "render", f"{tmp_path}/a.flac", "-o", f"{tmp_path}/a.mp4", "--size", "160x96", "--live"]
    assert cli([*words, "--layout", "plaid", "--no-limiter", "--preset", "ultrafast", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["layout"] == "plaid"
    assert said["flash"]["limiter"] is False
    assert (tmp_path / "a.nblv").exists()
    assert cli(["visualise", "analyse", f"{tmp_path}/a.flac", "-o", f"{tmp_path}/a.npz", "--no-masks"]) == 0
    assert "H_v (18, 84)" in capsys.readouterr().out
    assert cli(["visualise", "render", f"{tmp_path}/a.flac", "-o", f"{tmp_path}/a.avi"]) == 2
    assert "ending in .mp4" in capsys.readouterr().err
    assert cli([*words[:5], "--size", "big"]) == 2


def test_turning_the_limiter_off_says_what_it_means(project, capsys):
    assert cli(["visualise", "-p", str(project.root), "--no-limiter"]) == 0
    assert "seizures" in capsys.readouterr().err


def test_importing_the_room_brings_no_heavy_library():
    import subprocess
    import sys

    code = "import sys, neuralbum.visualise; print(sorted({'numba', 'librosa', 'torch', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert visualise.LIVE_SCRIPT.exists()


def test_a_song_with_one_side_upside_down_has_the_picture_it_would_have_otherwise(tmp_path):
    one = band(3.0)
    write_flac(tmp_path / "same.flac", np.stack([one, one]), 44_100)
    write_flac(tmp_path / "inverted.flac", np.stack([one, -one]), 44_100)
    same, inverted = (levels_of(tmp_path / name, Params()) for name in ("same.flac", "inverted.flac"))
    assert inverted.c_max_db == pytest.approx(same.c_max_db, abs=0.01)
    assert np.abs(inverted.db.read(0, len(inverted.db)) - same.db.read(0, len(same.db))).max() < 0.1
    same.db.close()
    inverted.db.close()


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_single_sample_is_one_clear_error(tmp_path, rate):
    write_flac(tmp_path / "one.flac", np.full((1, 1), 0.5, np.float32), rate)
    with pytest.raises(AudioError, match=r"one\.flac: 1 samples; too short to be drawn"):
        draw_song(tmp_path / "one.flac", Params(**SMALL), Outputs(poster=tmp_path / "one.webp"))


def test_a_video_may_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_flac("re:stacks.flac", band(1.0)[None], 44_100)
    words = ["visualise", "render", "re:stacks.flac", "-o", "re:stacks.mp4", "--size", "256x144"]
    assert cli(words) == 0
    assert (tmp_path / "re:stacks.mp4").stat().st_size > 1000
