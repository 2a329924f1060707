"""Training in a project: rows, curves, ladder, resume, refusals."""

import json
from dataclasses import replace

import pytest

from neuralbum import model_folder
from neuralbum.errors import CatalogueError, ParameterError, TrainingError
from neuralbum.skeleton import SkeletonParams, checkpoint, find_model, train
from neuralbum.skeleton.estimate import Estimate, estimate
from neuralbum.skeleton.scoring import rank, sentence

from .makers import project

PARAMS = SkeletonParams(
    preset="debug", steps=4, checkpoint_every=2, batch=2, window=256, valid_s=0.5,
    audition_s=0.1, auditions=2,
)  # fmt: skip


def test_training_leaves_a_model_its_ladder_its_curves_and_something_to_hear(tmp_path):
    made = project(tmp_path / "p")
    trained = train(made, PARAMS)
    folder = made.models_dir / trained.model_id
    about = checkpoint.read_about(folder)
    assert [rung.step for rung in about.ladder] == [2, 4]
    assert about.step == min(about.ladder, key=rank).step
    assert about.corpus_digest
    assert trained.lines["lpc"] > 0
    assert (folder / "curves.png").stat().st_size > 1000
    assert len(list((folder / "audition").glob("*.flac"))) == 4
    curves = made.catalogue.curve(trained.model_id)
    assert {"train_bits", "heldout_bits", "valid_bits"} <= set(curves)
    assert [m.id for m in made.catalogue.models("skeleton")] == [trained.model_id]
    again = train(made, PARAMS)
    assert again.resumed
    assert again.samples == trained.samples


@pytest.mark.parametrize("time_s", [0.0, 0.6])
def test_what_is_announced_is_done_when_it_ends(tmp_path, counting, time_s):
    train(project(tmp_path / "p"), replace(PARAMS, time_s=time_s), reporter=counting)
    assert counting.total == pytest.approx(time_s or PARAMS.steps * PARAMS.batch * PARAMS.window / 16_000)
    assert counting.done == pytest.approx(counting.total)


def test_the_ladder_shows_what_being_told_is_worth_where_anything_is_known(tmp_path):
    made, params = project(tmp_path / "p"), replace(PARAMS, steps=2, conditions=("tag", "tempo"), audition_s=0)
    labels = made.root / "labels.toml"
    labels.write_text('[tags]\ntrain-tune = "slow"\n[tempo]\ntrain-tune = 120\n')
    unknown = train(made, params)
    assert unknown.told_bits == {}
    labels.write_text(labels.read_text() + "heldout-tune = 90\n")
    known = train(made, params, force=True)
    assert known.model_id == unknown.model_id  # what is said of songs it never learns makes no other net
    assert set(known.told_bits) == {"heldout"}
    assert known.told_bits["heldout"] != known.heldout_bits
    about = checkpoint.read_about(made.models_dir / known.model_id)
    assert about.ladder[0].told_bits == known.told_bits
    curves = made.catalogue.curve(known.model_id)
    assert curves["heldout_told_bits"] == [(2, known.told_bits["heldout"])]
    assert f"({known.told_bits['heldout']:.3f} if told)" in sentence(about.ladder[0], about.lines)


def test_the_files_of_a_net_without_conditions_have_no_word_of_them(tmp_path):
    made = project(tmp_path / "p")
    trained = train(made, replace(PARAMS, steps=2, audition_s=0))
    text = json.loads((made.models_dir / trained.model_id / "model.json").read_text())
    assert "told_bits" not in text["ladder"][0]
    assert not [name for name in made.catalogue.curve(trained.model_id) if "told" in name]


def test_a_condition_nobody_labelled_says_how_to(tmp_path):
    made = project(tmp_path / "p")
    with pytest.raises(ParameterError, match=r"labels.toml: missing.*neuralbum label SONG"):
        train(made, replace(PARAMS, conditions=("tag",)))
    (made.root / "labels.toml").write_text("[tempo]\nheldout-tune = 90\n")
    with pytest.raises(ParameterError, match=r"no song of the train split has a tempo; .*neuralbum label --suggest"):
        train(made, replace(PARAMS, conditions=("tempo",)))


def test_a_training_cut_short_and_resumed_gives_the_same_weights_by_bit(tmp_path, monkeypatch):
    straight = project(tmp_path / "straight")
    whole = train(straight, PARAMS)
    cut = project(tmp_path / "cut")
    from neuralbum.skeleton.training import Trainer

    real = Trainer.advance

    def dies(self, progress):
        if self.step == 3:
            raise KeyboardInterrupt
        return real(self, progress)

    monkeypatch.setattr(Trainer, "advance", dies)
    with pytest.raises(KeyboardInterrupt):
        train(cut, PARAMS)
    monkeypatch.setattr(Trainer, "advance", real)
    resumed = train(cut, PARAMS)
    assert resumed.resumed
    assert resumed.model_id == whole.model_id
    one, two = (
        model_folder.read_tensors(p.models_dir / whole.model_id / "steps" / "4.safetensors") for p in (straight, cut)
    )
    assert all((one[name] == two[name]).all() for name in one)


def test_a_loss_that_breaks_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    made = project(tmp_path / "p")
    from neuralbum.skeleton.training import Trainer

    real = Trainer.advance

    def breaks(self, progress):
        if self.step == 3:
            raise TrainingError("step 3: the loss is nan bits per sample")
        return real(self, progress)

    monkeypatch.setattr(Trainer, "advance", breaks)
    trained = train(made, PARAMS)
    assert trained.step == 2
    assert "nan" in trained.stopped


def test_too_little_music_is_refused_with_the_amount_that_is_needed(tmp_path):
    with pytest.raises(TrainingError, match=r"train split holds 1\.0 s.*5 s are needed"):
        train(project(tmp_path / "a", train_s=1.0), PARAMS)
    with pytest.raises(TrainingError, match="held-out split holds 0"):
        train(project(tmp_path / "b", heldout_s=0, valid_s=0), PARAMS)


def test_a_model_in_training_elsewhere_is_left_alone(tmp_path):
    made = project(tmp_path / "p")
    trained = train(made, PARAMS)
    made.catalogue.claim("skeleton", [f"train:{trained.model_id}"], worker="elsewhere:1:1", now=1e12, lease_s=1e9)
    with pytest.raises(TrainingError, match="another process"):
        train(made, PARAMS)


def test_models_are_found_by_the_start_of_their_id(tmp_path):
    made = project(tmp_path / "p")
    with pytest.raises(CatalogueError, match="train skeleton"):
        find_model(made)
    trained = train(made, PARAMS)
    assert find_model(made, "debug") == (made.models_dir / trained.model_id, None)
    assert find_model(made, f"{trained.model_id}@2")[1] == 2
    with pytest.raises(ParameterError, match="0 fit"):
        find_model(made, "huge")


def test_what_cannot_fit_is_refused_politely():
    guess = estimate(SkeletonParams(preset="full"))
    assert guess.parameters > 20e6
    with pytest.raises(TrainingError, match="smaller preset"):
        Estimate(**{**guess.__dict__, "available_gib": 0.1}).refuse_if_too_big()


def test_longer_windows_want_more_memory_and_time():
    plain, long = (estimate(SkeletonParams(preset="tiny", steps=100, window=n)) for n in (10**5, 10**6))
    assert long.memory_gib > plain.memory_gib + 1
    assert long.seconds == pytest.approx(10 * plain.seconds)


def test_an_unknown_preset_names_the_nearest(tmp_path):
    with pytest.raises(ParameterError, match="'tiny'"):
        train(project(tmp_path / "p"), replace(PARAMS, preset="tinny"))
