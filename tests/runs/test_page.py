"""One page that opens offline, clips that are made once, event files that TensorBoard reads."""

from __future__ import annotations

import base64
import io
import re

import av
import pytest

from neuralbum.records import Model
from neuralbum.runs import make_missing_clips, select, show, write_page, write_tensorboard
from neuralbum.runs.clips import clips_of
from neuralbum.runs.run import say


@pytest.fixture(scope="module")
def heard(trained):
    """The shared project once the clip of the checkpoint that plays is made."""
    made, said = trained
    assert make_missing_clips(made, [said.model_id]).done == 1
    return made, said.model_id


def test_a_clip_is_made_once_and_lasts_about_what_was_asked(heard):
    made, first = heard
    assert make_missing_clips(made, [first]).skipped == 1
    (clip,) = clips_of(made)
    assert (clip.model_id, clip.number) == (first, 0)
    assert clip.seconds == pytest.approx(2.0, abs=0.2)  # one bar of the tune
    assert _seconds(clip.sound.read_bytes()) == pytest.approx(clip.seconds, abs=0.05)


def test_clips_can_be_asked_for_each_checkpoint(heard):
    made, first = heard
    (found,) = select(made)
    other = next(c.step for c in found.kept if c.step != found.step)
    assert make_missing_clips(made, [f"{first}@{other}"]).done == 1
    one, two = sorted(clips_of(made), key=lambda c: c.step)
    assert {one.step, two.step} == {other, found.step}
    assert one.seconds == two.seconds, "a number begins alike at every checkpoint"


def test_the_page_needs_nothing_else_and_holds_sound_pictures_curves_and_advice(heard, tmp_path):
    made, first = heard
    page = write_page(made, [first], tmp_path / "run.html").read_text(encoding="utf-8")
    outside = re.findall(r"""(?:src|href)=["'](?!data:)|https?://|@import|url\(""", page)
    assert outside == []
    sounds = re.findall(r'<audio[^>]*src="data:audio/ogg;base64,([^"]+)"', page)
    assert [_seconds(base64.b64decode(s)) > 1 for s in sounds] == [True] * len(clips_of(made))
    assert re.findall(r'<img src="data:image/webp;base64,', page)
    assert page.count("<polyline") == 3  # valid, held out, training
    assert "What to try next" in page
    assert "net.width" in page


def test_what_people_called_a_run_cannot_break_the_page(copied, tmp_path):
    made, first = copied
    say(made, [("name", {"model": first, "name": "<script>alert(1)</script>"})], actor="ana")
    page = write_page(made, [first], tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_runs_stand_side_by_side_with_the_settings_that_differ_apart(heard, tmp_path):
    made, first = heard
    training = {**select(made)[0].settings, "learning_rate": 0.5}
    ended = {"how": "pruned", "why": "worse than the median"}
    made.catalogue.add_model(
        Model("debug-other", "skeleton", "debug", 44_100, "c", {"training": training, "ended": ended}, 1.0)
    )
    made.catalogue.add_curve("debug-other", [("valid_bits", 0, 300.0), ("valid_bits", 2, 290.0)])
    try:
        page = write_page(made, [first, "debug-other"], tmp_path / "both.html").read_text(encoding="utf-8")
    finally:
        made.catalogue.remove_model("debug-other")
    assert 'class="apart"><th>learning_rate</th><td>0.002</td><td>0.5</td>' in page
    assert "pruned: worse than the median" in page
    valid = next(f for f in page.split("<figure>") if f.startswith("<figcaption>Bits for a second of the valid"))
    assert valid.count("<polyline") == 2


def test_tensorboard_reads_the_curves_the_settings_and_the_clips(heard, tmp_path):
    made, first = heard
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    write_tensorboard(made, [first], tmp_path)
    (folder,) = write_tensorboard(made, [], tmp_path)  # again: replaced, not added to
    (file,) = folder.iterdir()
    curves: dict[str, list] = {}
    sounds, words = 0, ""
    for event in loader.RawEventFileLoader(str(file)).Load():
        from tensorboard.compat.proto.event_pb2 import Event

        plain = Event.FromString(event)
        for value in plain.summary.value:
            if value.HasField("simple_value"):
                curves.setdefault(value.tag, []).append((plain.step, value.simple_value))
            sounds += value.HasField("audio")
            words += "".join(s.decode() for s in value.tensor.string_val)
    known = made.catalogue.curve(first)
    assert curves.keys() == known.keys()
    for name, points in known.items():
        assert [s for s, _ in curves[name]] == [s for s, _ in points]
        assert [v for _, v in curves[name]] == pytest.approx([v for _, v in points], rel=1e-6)  # float32 there
    assert sounds == len(clips_of(made))
    assert "net.width = 16" in words


def test_a_run_whose_clip_failed_is_shown_without_it(copied):
    made, first = copied
    (found,) = select(made)
    step = next(c.step for c in found.kept if c.step not in {clip.step for clip in clips_of(made)})
    (made.models_dir / first / "steps" / f"{step}.safetensors").unlink()
    assert make_missing_clips(made, [f"{first}@{step}"]).failed == 1
    (one,) = show(made, [first])
    assert step not in {clip.step for clip in one.clips}


def _seconds(data):
    with av.open(io.BytesIO(data)) as file:
        return sum(f.samples / f.sample_rate for f in file.decode(audio=0))
