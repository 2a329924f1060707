"""`neuralbum label`: listing, setting, suggesting; every wrong use says what to do."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum.cli.run import run
from neuralbum.corpus import prepared
from neuralbum.project import SETTINGS_FILE, Project
from neuralbum.records import Track

RATE = 16_000


def track(name, title, path):
    return Track(name, path, title, "A", name, 8.0, RATE, 1, "train", -12.0, -3.0)


@pytest.fixture
def label(project, capsys):
    """Runs the command in a project of two songs: (exit code, stdout, stderr)."""
    project.catalogue.add_tracks([track("1f", "Stairs", "/m/03 stairs.flac"), track("2f", "Sixty Four", "/m/64.ogg")])

    def call(*words):
        code = run(["label", *words, "--project", str(project.root)])
        return code, *capsys.readouterr()

    return call


def test_songs_are_listed_with_what_is_said_of_them(label, project):
    code, out, _ = label()
    assert code == 0
    assert "nothing is said yet: neuralbum label SONG" in out
    assert label("stairs", "--tag", "slow", "--tag", "live", "--tempo", "92")[0] == 0
    assert label("64.ogg", "--tempo", "180.5")[0] == 0
    assert '"Sixty Four" = 180.5' in (project.root / "labels.toml").read_text()
    listed = json.loads(label("--json")[1])
    assert listed["file"].endswith("labels.toml")
    assert {song["title"]: (song["tags"], song["tempo"]) for song in listed["songs"]} == {
        "Sixty Four": ([], 180.5),
        "Stairs": (["live", "slow"], 92.0),
    }
    code, out, _ = label("1f", "--untag", "live", "--untag", "slow", "--no-tempo")
    assert "none fits" in out
    assert "Sixty" not in out


@pytest.mark.parametrize("name", ["corpus.labels", "skeleton.labels"])
def test_the_file_is_named_by_a_setting_that_once_belonged_to_the_skeleton(label, project, name):
    assert label("Stairs", "--tag", "slow", "--set", f"{name}=ours.toml")[0] == 0
    assert (project.root / "ours.toml").exists()


def test_a_file_of_an_earlier_version_names_its_labels_under_skeleton(project):
    text = (project.root / SETTINGS_FILE).read_text()
    (project.root / SETTINGS_FILE).write_text(text + '\n[skeleton]\nlabels = "old.toml"\npreset = "debug"\n')
    opened = Project.open(project.root)
    assert opened.tables["corpus"]["labels"] == "old.toml"
    assert opened.tables["skeleton"] == {"preset": "debug"}
    assert Project.open(project.root, ["corpus.labels=new.toml"]).tables["corpus"]["labels"] == "new.toml"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Stars", "--tag", "slow"], "no song 'Stars' in the corpus; did you mean 'Stairs'?"),
        (["Stairs", "--tempo", "9"], "40"),
        (["Stairs", "--tag", ""], "words of at most 60 letters"),
        (["Stairs", "--untag", "slow"], "'Stairs' has no tag 'slow'"),
        (["--tag", "slow"], "neuralbum label SONG"),
        (["Stairs", "--tempo", "90", "--no-tempo"], "choose one"),
        (["--accept"], "goes with --suggest"),
        (["--suggest", "--tag", "slow"], "leave out --tag"),
    ],
)
def test_wrong_use_is_refused_with_the_reason(label, project, words, said):
    code, out, err = label(*words)
    assert code == 2
    assert out == ""
    assert said in err
    assert not (project.root / "labels.toml").exists()


def test_a_damaged_file_is_named_and_left_alone(label, project):
    path = project.root / "labels.toml"
    path.write_text("[tags\n")
    for words in ([], ["Stairs", "--tag", "slow"]):
        code, _, err = label(*words)
        assert code == 2
        assert "labels.toml: cannot be read as TOML" in err
    assert path.read_text() == "[tags\n"


@pytest.mark.parametrize("words", [[], ["Stairs", "--tag", "slow"], ["--suggest"]])
def test_a_project_without_music_says_where_to_get_it(project, capsys, words):
    assert run(["label", *words, "--project", str(project.root)]) == 1
    assert "no music yet; bring it in with `neuralbum add FOLDER`" in capsys.readouterr().err


def test_suggestions_are_printed_then_accepted(label, project):
    time = np.arange(8 * RATE) / RATE
    project.corpus_dir.mkdir()
    for name, bpm in (("1f", 120), ("2f", 90)):
        pcm = prepared.to_int16(0.5 * np.sin(2 * np.pi * 220 * time) * np.exp(-9 * (time % (60 / bpm))))
        np.save(prepared.mono_path(project.corpus_dir, name), pcm)
        np.save(prepared.stereo_path(project.corpus_dir, name), np.stack([pcm, pcm]))
    prepared.describe(project, sample_rate=RATE, gain=1.0, tracks=project.catalogue.tracks())
    code, out, _ = label("--suggest")
    assert code == 0
    assert "measured, clarity" in out
    assert "next: neuralbum label --suggest --accept" in out
    assert "note: no tags: no kept take has one yet" in out
    assert not (project.root / "labels.toml").exists()
    found = json.loads(label("--suggest", "Stairs", "--json")[1])
    assert [one["tempo"] for one in found["suggestions"]] == [pytest.approx(120, rel=0.01)]
    assert label("Sixty Four", "--tempo", "45")[0] == 0
    assert "written to" in label("--suggest", "--accept")[1]
    tempi = {song["title"]: song["tempo"] for song in json.loads(label("--json")[1])["songs"]}
    assert tempi == {"Stairs": pytest.approx(120, rel=0.01), "Sixty Four": 45}
    assert "nothing to suggest" in label("--suggest", "Stairs", "--accept")[1]
