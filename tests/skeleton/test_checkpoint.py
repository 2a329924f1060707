"""Models on disk: refused when damaged or unfit, never unpickled."""

import ast
import json
from pathlib import Path

import pytest
import torch

import neuralbum.skeleton
from neuralbum import model_folder
from neuralbum.errors import CheckpointError, ParameterError
from neuralbum.skeleton import checkpoint, open_skeleton, presets

from .makers import net


@pytest.fixture
def folder(tmp_path):
    made = net(shaken=0.1)
    about = checkpoint.About(
        id="debug-1", kind="skeleton", net=presets.plain(made.config), preset="debug", sample_rate=16_000,
        n_levels=256, corpus_digest="c", code="0", step=7,
        ladder=(checkpoint.Rung(7, 5.0, 5.1, {"level_db": -20.0}, 0.5),),
    )  # fmt: skip
    checkpoint.write_about(tmp_path, about)
    model_folder.write_tensors(tmp_path / model_folder.WEIGHTS, dict(made.named_parameters()))
    return tmp_path


def test_a_model_comes_back_as_it_was_written(folder):
    made, about = open_skeleton(folder)
    assert about.ladder[0].heldout_bits == 5.1
    for (name, got), (_, expected) in zip(made.named_parameters(), net(shaken=0.1).named_parameters(), strict=True):
        assert torch.equal(got, expected), name


def test_a_truncated_file_is_refused(folder):
    path = folder / model_folder.WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="truncated"):
        open_skeleton(folder)


def test_weights_that_are_not_numbers_are_refused(folder):
    tensors = model_folder.read_tensors(folder / model_folder.WEIGHTS)
    tensors["out.bias"][3] = float("nan")
    model_folder.write_tensors(folder / model_folder.WEIGHTS, tensors)
    with pytest.raises(CheckpointError, match=r"out\.bias"):
        open_skeleton(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantiser": {"kind": "linear", "n_levels": 256}}, "quantiser"),
        ({"quantiser": {"kind": "mulaw", "n_levels": 1024}}, "quantiser"),
        ({"format": 99}, "format 99"),
        ({"kind": "wavenet"}, "wavenet"),
    ],
)
def test_a_model_of_another_kind_is_refused(folder, change, message):
    path = folder / model_folder.ABOUT
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        open_skeleton(folder)


def test_weights_of_another_size_are_refused(folder):
    path = folder / model_folder.ABOUT
    about = json.loads(path.read_text())
    about["net"]["bottom_width"] = 32
    path.write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match="shape"):
        open_skeleton(folder)


def test_a_step_that_is_not_on_the_ladder_is_refused_and_the_ladder_named(folder):
    with pytest.raises(CheckpointError, match="there are: 7"):
        open_skeleton(folder, 8)


def test_a_missing_model_says_how_to_train_one(tmp_path):
    with pytest.raises(CheckpointError, match="train skeleton"):
        open_skeleton(tmp_path)


def test_models_are_named_by_id_and_step():
    assert model_folder.parse_model("tiny-1a@500") == ("tiny-1a", 500)
    assert model_folder.parse_model("tiny-1a") == ("tiny-1a", None)
    with pytest.raises(ParameterError, match="ID@step"):
        model_folder.parse_model("tiny@last")


def test_nothing_in_the_room_unpickles():
    room = Path(neuralbum.skeleton.__file__).parent
    for path in [*room.glob("*.py"), *(room.parent / "generate").glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            n.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "torch"
        }
        imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert "load" not in names, path
        assert not imported & {"pickle", "joblib", "dill", "shelve"}, path
