"""Models on disk: what comes back, and what is refused with its reason."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuralbum.errors import CheckpointError
from neuralbum.nets.band_model import BandModel, Example
from neuralbum.nets.codebook import Codebook
from neuralbum.nets.form import FormCodec, FormModel
from neuralbum.nets.frames import FrameSpec
from neuralbum.nets.skeleton import Skeleton, SkeletonConfig
from neuralbum.nets.texture import Texture
from neuralbum.nets.tilting import Tilt
from neuralbum.records import digest
from neuralbum.train import model_folder
from neuralbum.train.checkpoint import MUSIC, About, open_model, read_about, write_about

from .makers import write_model

ABOUT = About("tiny-0a1b", "skeleton", "tiny", 16_000, "c0", "0.0", {}, step=3)


@pytest.fixture(scope="module")
def model():
    rng, spec = np.random.default_rng(0), FrameSpec(16_000)
    steps = rng.normal(size=(200, 8 * spec.size)).astype(np.float32)
    book = Codebook.fit([steps], spec, 8, 8, rng=rng)
    codes = book.encode(steps)
    bars = np.ascontiguousarray(book.latents(codes)[::16])
    form = FormCodec.fit(bars, book.deviations, 4, 4, rng=rng)
    tokens = form.tokens(bars)
    net = Skeleton(SkeletonConfig(8, book.n_codes, 4, 16, 1, 16)).eval()
    example = Example("a song", 0.0, 120.0, True, 0, tokens, codes)
    return BandModel(
        spec,
        book,
        Texture.fit([steps], book),
        form,
        FormModel(len(form.centres), [[tokens]]),
        net,
        (example,),
        Tilt(book.n_codes, len(form.centres)),
    )


@pytest.fixture
def folder(model, tmp_path):
    write_model(tmp_path / ABOUT.id, model, ABOUT)
    return tmp_path / ABOUT.id


def rewrite(folder, **changes):
    """model.json as an attacker writes it: with a digest that fits."""
    text = json.loads((folder / "model.json").read_text())
    text.update(changes)
    number = text.pop("format")
    del text["digest"]
    text = {"format": number, "digest": digest(text), **text}
    (folder / "model.json").write_text(json.dumps(text))


def test_what_was_written_comes_back(model, folder):
    back, about = open_model(folder)
    assert {n: v.tolist() for n, v in back.tensors().items()} == {n: v.tolist() for n, v in model.tensors().items()}
    assert about.facts == model.facts()
    assert about.checkpoint.sha256


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "../../etc"}, "is not the folder's name"),
        ({"id": "other"}, "is not the folder's name"),
        ({"kind": "virus"}, "none of skeleton"),
        ({"sample_rate": 10**400}, "sample_rate is"),
        ({"step": True}, "step is"),
        ({"step": -1}, "step is"),
        ({"facts": []}, "facts is not a table"),
        ({"facts": {"net": {"width": 10**12}}}, "width is 1000000000000, out of range"),
        ({"history": [{"step": "x"}]}, "a checkpoint's step"),
        ({"history": 3}, "not iterable"),
        ({"colour": "red"}, "unexpected keyword"),
    ],
)
def test_what_no_training_writes_is_refused_with_the_reason(folder, changes, reason):
    rewrite(folder, **changes)
    with pytest.raises(CheckpointError, match=reason):
        read_about(folder)


def test_a_net_of_another_width_than_its_weights_is_refused(folder):
    text = json.loads((folder / "model.json").read_text())
    rewrite(folder, facts={**text["facts"], "net": {**text["facts"]["net"], "width": 32}})
    with pytest.raises(CheckpointError, match="do not fit each other"):
        open_model(folder)


def test_codes_the_codebook_does_not_have_are_refused(model, tmp_path):
    example = replace(model.examples[0], codes=model.examples[0].codes + 100)
    write_model(tmp_path / ABOUT.id, replace(model, examples=(example,)), ABOUT)
    with pytest.raises(CheckpointError, match="are not the codebook's"):
        open_model(tmp_path / ABOUT.id)


@pytest.mark.parametrize("name", ["steps/3.safetensors", MUSIC, "model.json"])
def test_a_flipped_bit_is_refused(folder, name):
    path = folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x04
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="not the file|not a safetensors|damaged"):
        open_model(folder)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (torch.tensor([1e30]), "above 1e"),
        (torch.tensor([float("nan")]), "not numbers"),
        (torch.zeros(1, dtype=torch.float64), "holds torch.float64"),
    ],
)
def test_values_and_types_that_training_never_makes_are_refused(model, tmp_path, value, reason):
    folder = tmp_path / ABOUT.id
    about = write_model(folder, model, ABOUT)
    tensors = dict(model.net.state_dict())
    name = next(iter(tensors))
    tensors[name] = value.expand(tensors[name].shape)
    from neuralbum.train.checkpoint import Checkpoint, write_net

    write_net(folder, about, Checkpoint(3), tensors)
    with pytest.raises(CheckpointError, match=reason):
        open_model(folder)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"format": 3}', "\x00", '{"format": 4}'])
def test_model_json_that_is_none_is_refused_in_one_line(folder, text):
    (folder / "model.json").write_text(text)
    with pytest.raises(CheckpointError) as refused:
        read_about(folder)
    assert "\n" not in str(refused.value)


def test_a_step_that_is_not_kept_names_those_that_are(folder):
    with pytest.raises(CheckpointError, match="no checkpoint at step 7; there are: 3"):
        open_model(folder, 7)


def test_a_missing_model_says_what_makes_one(tmp_path):
    with pytest.raises(CheckpointError, match="neuralbum train"):
        open_model(tmp_path / "none")


def test_model_json_is_the_last_file_written(model, tmp_path, monkeypatch):
    """Without it the others are nothing; with it they are whole."""
    order = []
    write, say = model_folder.write_tensors, model_folder.write_about
    monkeypatch.setattr(model_folder, "write_tensors", lambda p, t, a=None: (order.append(p.name), write(p, t, a)))
    monkeypatch.setattr(model_folder, "write_about", lambda f, t: (order.append("model.json"), say(f, t)))
    about = write_model(tmp_path / ABOUT.id, model, ABOUT)
    write_about(tmp_path / ABOUT.id, about)
    assert order == [MUSIC, "3.safetensors", "model.json", "model.json"]
