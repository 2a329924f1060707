"""One rule for every command: 0 done, or nothing to do and said so; 1 cannot go on; 2 wrong use."""

from __future__ import annotations

import json
import shlex

import pytest
import soundfile
import typer

from neuralbum.cli import COMMANDS
from neuralbum.cli.run import build, run
from neuralbum.project import Project, registry

from ..test_crash import RIGHTS, SETTINGS
from ..train.makers import RATE, tune

NEEDS_NO_PROJECT = {"new", "tempo", "verify", "doctor", "demo", "originality index", "originality search"} | {
    "visualise analyse", "visualise render"
}  # fmt: skip

SERVES = {"runs listen", "runs dashboard"}  # until Ctrl-C, with nothing to show, too

OUTSIDE = {  # in a folder that is no project
    "merge x": 1, "sweep": 1, "originality attribute 1 --retrain 2": 1, "runs tensorboard logs": 1,
    "runs listen": 1, "runs dashboard": 1,
    "runs": 1, "runs show x": 1, "runs compare x y": 1, "runs name x y": 1, "runs star x": 1,
    "runs delete x --yes": 1, "runs clips x": 1, "runs average x": 1,
    "add {music}": 1, "label": 1, "train": 1, "generate": 1, "import {music}": 1, "screen": 1, "originality": 1,
    "originality model tiny": 1, "resemblance": 1, "curate": 1, "radio": 1, "curate --auto": 1, "curate prepare": 1,
    "curate export x.csv": 1, "curate import x.csv": 1, "title": 1, "visualise": 1, "release": 1, "release verify": 1,
    "footprint": 1, "status": 1, "why 1": 1, "status --project nowhere": 1, "status --project file.txt": 1,
}  # fmt: skip

EMPTY = {  # in a project that was just made: what works through takes has none to do, the rest lacks what it needs
    "sweep": 1, "originality attribute 1 --retrain 2": 1,
    "merge nowhere": 1,
    "runs tensorboard logs": 0,
    "runs": 0, "runs show x": 1, "runs compare x y": 1, "runs name x y": 1, "runs star x": 1,
    "runs delete x --yes": 1, "runs clips x": 1, "runs average x": 1,
    "add": 2, "label": 1, "label --suggest": 1, "train": 1, "train --estimate": 1, "train skeleton": 1,
    "train flesh": 1, "generate": 1, "generate --model tiny": 1, "import {silent}": 1, "screen": 0,
    "screen --take 12": 1, "originality": 1, "originality model tiny": 1, "resemblance": 1, "radio": 1,
    "curate --auto": 1,
    "curate prepare": 0, "curate export x.csv": 0, "curate export x.jams": 0, "curate import empty.csv": 1,
    "title": 0, "visualise": 0,
    "release": 1, "release --pack": 1, "release verify": 1, "footprint": 0, "status": 0, "status --takes": 0,
    "why 1": 1, "why abcdef": 1,
}  # fmt: skip

FINISHED = {  # of an album that is done
    "runs": 0, "runs show debug": 0, "runs compare debug flesh": 0, "runs tensorboard logs": 0,
    "add": 0, "add {music}": 0, "label": 0, "train": 0, "train skeleton": 0, "generate": 0, "screen": 0,
    "originality": 0, "curate --auto": 0, "curate prepare": 0, "curate export x.jsonl": 0,
    "curate import x.jsonl": 0, "title": 0, "visualise": 0, "release": 0, "release verify": 0, "footprint": 0,
    "status": 0, "why 1": 0, "resemblance": 0,
    "originality index {music} -o x.nbx": 0, "originality search x.nbx {song}": 0, "tempo {song}": 0,
    "verify {song}": 0, "visualise analyse {song} -o x.npz --no-masks": 0,
    "import {take}": 0,
}  # fmt: skip
SAYS_SO = (
    "train", "train skeleton", "generate", "screen", "originality", "curate --auto", "title", "visualise",
    "release", "resemblance",
)  # fmt: skip
"""A second run of these does nothing, and says so."""

MISSING = {  # what a command is told to read is not there, or is nothing of the kind
    "add nowhere": 1, "add file.txt": 1, "import nowhere": 1, "import file.txt": 1, "import {silent}": 1,
    "screen nowhere.flac": 1, "screen file.txt": 1, "tempo nowhere": 1, "tempo file.txt": 1, "verify nowhere": 1,
    "verify file.txt": 1, "verify {silent}": 1, "originality index nowhere -o y.nbx": 1,
    "originality index {silent} -o y.nbx": 1, "originality index file.txt -o y.nbx": 1,
    "originality search nowhere.nbx {song}": 1, "originality search file.txt {song}": 1,
    "resemblance nowhere {music}": 1, "resemblance {silent} {silent}": 1, "curate import nowhere.csv": 1,
    "curate import empty.csv": 1, "visualise analyse nowhere -o y.npz": 1,
    "visualise render file.txt -o y.mp4": 1, "release verify nowhere": 1,
    "demo {silent}/album --music nowhere --artist A": 1,
    "demo file.txt": 1, "new file.txt": 1, "new .": 1, "train skeleton --device cuda": 1,
    "doctor --project nowhere": 1, "label --set corpus.labels=file.txt": 2,
}  # fmt: skip

WRONG = (  # what was typed, or set, means nothing
    "merge", "sweep --trials 0", "sweep --for soon", "originality attribute nobody --retrain 2",
    "runs listen --port 70000", "runs dashboard --port 70000",
    "runs --kind singer", "runs --where nonsense", "runs show nobody", "runs compare nobody debug",
    "runs name nobody x", "runs star nobody", "runs delete nobody --yes", "runs clips nobody",
    "runs average nobody", "runs tensorboard", "train --extend nobody --for 3s", "train --from nobody",
    "train --extend debug",
    "add --force=3", "add {music} --set corpus.sample_rate=-1", "add {music} --set corpus.nonsense=1",
    "label Nobody --tag slow", "label --tag slow", "label --accept", "label tune --tempo 92 --no-tempo",
    "label tune --tempo -3", "train singer", "train --for soon", "train --steps 3", "train skeleton --device tpu",
    "train skeleton --preset huge", "generate --temperature warm", "generate --count 0", "generate --shard ²/²",
    "generate --model nobody", "generate --count 2 --hours 2", "generate --tempo -3", "import",
    "import {song} --as songs",
    "screen --take nobody", "screen --take 12", "screen --shard 3/2", "tempo", "tempo --parts",
    "originality --lanes x",
    "originality model nobody", "originality model debug --temperature -1", "originality index {music}",
    "originality search", "resemblance {music}", "resemblance --take nobody", "curate --keep 3",
    "curate --auto --keep -1",
    "curate --auto --share 7", "curate --port 70000", "radio --port 70000", "curate prepare --take nobody",
    "curate export x.doc",
    "curate import x.doc", "title --count 0", "title --give nonsense", "title --take nobody",
    "title --set title.letters=3",
    "visualise --size big", "visualise --palette beige", "visualise analyse {song}",
    "visualise render {song} -o x.avi",
    "release --set release.order=wild", "release --take nobody", "release --workers -1", "release verify a b",
    "verify",
    "footprint --set footprint.region=NOWHERE", "status --set project.seed=1", "why", "why 12", "why nobody", "new",
    "new {silent}/p --seed -1", "demo --songs 0", "demo --for soon", "doctor here", "status --set", "nonsense",
    "--nonsense",
)  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Where the commands run: outside, in an empty project, in that of a finished album; and what they are told."""
    root = tmp_path_factory.mktemp("exits")
    music, silent = root / "music", root / "silent"
    for folder in (music, silent):
        folder.mkdir()
    for seed in (1, 2, 3):
        soundfile.write(music / f"tune {seed}.wav", tune(6.0, seed).T, RATE)
    outside, empty, finished = (root / name for name in ("outside", "empty", "finished"))
    outside.mkdir()
    Project.create(empty)
    tables = {**SETTINGS, "curate": {"share": 1.0}}
    made = Project.create(finished, artist="The Tests", tables=tables, **RIGHTS)
    from neuralbum.originality import building

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "DECOYS", ((3.0, 8),))  # chance needs no precise odds here
        patch.setattr(building, "COVER_DECOYS", ((15.0, 4),))
        for name in ("add", "train", "generate", "screen", "originality", "curate auto", "title", "visualise"):
            registry.stage(name)(made, **({"paths": [music]} if name == "add" else {}))
        for name in ("resemblance", "release"):
            registry.stage(name)(made)
    for folder in (outside, empty, finished):
        (folder / "file.txt").write_text("this is no sound")
        (folder / "empty.csv").write_text("")
    take = next(iter(made.takes_dir.glob("*.flac")))
    made.catalogue.close()
    words = {"music": music, "silent": silent, "song": music / "tune 1.wav", "take": take}
    words = {name: shlex.quote(str(path)) for name, path in words.items()}
    return {"outside": outside, "empty": empty, "finished": finished}, words


LINES = [
    *(("outside", line, code) for line, code in OUTSIDE.items()),
    *(("empty", line, code) for line, code in EMPTY.items()),
    *(("finished", line, code) for line, code in {**FINISHED, **MISSING}.items()),
    *(("finished", line, 2) for line in WRONG),
]


@pytest.mark.parametrize(("state", "line", "code"), LINES, ids=[f"{state}: {line}" for state, line, _ in LINES])
def test_every_command_ends_by_one_rule(places, monkeypatch, capfd, state, line, code):
    folders, words = places
    monkeypatch.chdir(folders[state])
    monkeypatch.delenv("NEURALBUM_PROJECT", raising=False)
    argv = shlex.split(line.format(**words))
    if line in SAYS_SO:  # what other commands of this test left to do
        run(argv)
        capfd.readouterr()
    assert run(argv) == code
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    if code == 0:
        assert out
        assert "error" not in err
    else:
        assert sum(said.startswith(("error: ", "Error: ")) for said in err.splitlines()) <= 1
        assert err or "PROBLEM" in out or "could not be used" in out or "left out" in out
    if state == "finished" and line in SAYS_SO:
        assert "nothing to do" in out
    with_json = [*argv, "--json"]
    if code != 2 and line != "runs dashboard":  # which has nothing to print
        assert run(with_json) == code
        out, err = capfd.readouterr()
        if code == 0:
            json.loads(out)


def test_the_rule_is_tried_on_every_command():
    tried = {" ".join(line.split()[:2]) for _, line, _ in LINES} | {line.split()[0] for _, line, _ in LINES}
    for name in COMMANDS:
        command = typer.main.get_command(build(name)).commands[name]
        for leaf in (name, *(f"{name} {sub}" for sub in getattr(command, "commands", ()))):
            assert leaf in tried
            for state in (OUTSIDE, *([] if leaf in SERVES else [EMPTY])) if leaf not in NEEDS_NO_PROJECT else ():
                assert any(f"{line} ".startswith(f"{leaf} ") for line in state), leaf
            assert any(f"{line} ".startswith(f"{leaf} ") for line in WRONG), leaf
