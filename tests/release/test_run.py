"""The album as a whole: what is in it, what is built again, what is taken away, what survives a crash."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from neuralbum.audio import write_flac
from neuralbum.audio.tags import read as read_tags
from neuralbum.cli.run import run as cli
from neuralbum.errors import CatalogueError, SettingsError, ToolError
from neuralbum.progress import Silent
from neuralbum.project import Project
from neuralbum.project.stage import file_digest
from neuralbum.records import Activity, Model, Track
from neuralbum.release import contents, run, sizes, songs, untitled
from neuralbum.release.incremental import IncrementalBuild
from neuralbum.release.params import Params
from neuralbum.release.verification import verify

from .conftest import MODEL, RIGHTS, add_take, draw_poster, found, say, title

NAMES = ("mock-melancholy", "bootleg-abasement", "deceptive-sadness")


def files(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of everything in a folder."""
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_an_album_is_built_from_kept_and_titled_songs(project):
    outcome = run(project, workers=1)
    assert outcome.ok
    there = set(files(project.album_dir))
    for name in NAMES:
        assert {f"audio/{name}.flac", f"audio/{name}.opus", f"audio/{name}.mp3", f"songs/{name}.html"} <= there
    assert {"index.html", "index.json", "SHA256SUMS", "LICENSE.txt", "feed.xml", "album.m3u8"} <= there
    assert {"pictures/mock-melancholy.webp", "models/samplernn-1.md", "ai-disclosure.csv", "cover.jpg"} <= there
    assert outcome.done == len(there)
    tags, chapters, cover = read_tags(project.album_dir / "audio" / "mock-melancholy.mp3", "mp3")
    assert (tags["BPM"], tags["GENRE"], tags["LICENSE_SPDX"]) == ("140.0", "doom", "CC-BY-NC-4.0")
    assert [c.title for c in chapters] == ["breakdown in 6/8"]
    assert cover is not None
    rich = next(s for s in json.loads((project.album_dir / "index.json").read_text())["songs"] if s["number"] == 1)
    assert rich["originality"]["original"] is True
    assert rich["bpm_family"] == [70.0, 140.0]  # the faint 280 is not counted as heard


def test_each_net_of_the_album_has_a_card_with_the_grams_of_its_training(project):
    catalogue = project.catalogue
    catalogue.add_model(Model("flesh-1", "flesh", "debug", 44_100, "c0ffee", {}))
    trained = Activity("flesh", 0.0, 3600.0, 3600.0, detail={"model": "flesh-1"})
    catalogue.add_activity(trained)
    take = catalogue.takes()[0]
    fleshed = project.fleshed_dir / f"{take.id}.flac"
    fleshed.parent.mkdir()
    write_flac(fleshed, np.zeros((2, 44_100), np.float32), 44_100)
    found(project, "flesh", take, {"model": "flesh-1@94"})
    run(project, workers=1)
    card = (project.album_dir / "models" / "flesh-1.md").read_text()
    assert "\n  emissions: " in card
    assert "1 songs of" in card
    assert "co2_eq" not in (project.album_dir / "models" / "samplernn-1.md").read_text()  # nothing in the ledger


def test_a_second_release_builds_nothing(project):
    run(project, workers=1)
    before = {p: os.stat(project.album_dir / p).st_mtime_ns for p in files(project.album_dir)}
    outcome = run(project, workers=1)
    assert (outcome.done, outcome.skipped) == (0, len(before))
    assert before == {p: os.stat(project.album_dir / p).st_mtime_ns for p in files(project.album_dir)}


def test_threads_make_the_same_album(project, tmp_path):
    run(project, workers=1)
    one = files(project.album_dir)
    run(project, force=True, workers=3)
    assert files(project.album_dir) == one


def test_only_the_song_that_changed_is_built_again(project):
    run(project, workers=1)
    before = files(project.album_dir)
    take = project.catalogue.songs()[1].take_id
    say(project, next(t for t in project.catalogue.takes() if t.id == take), "style", style="grind")
    run(project, workers=1)
    changed = {path for path, sha in files(project.album_dir).items() if before.get(path) != sha}
    assert {p for p in changed if p.startswith("audio/")} == {f"audio/bootleg-abasement.{k}" for k in Params().formats}
    assert not any("mock" in p or "deceptive" in p for p in changed)


def test_new_tags_do_not_encode_the_sound_again(project, monkeypatch):
    run(project, workers=1)
    refuse = lambda source, targets, change=None: pytest.fail("encoded again") if targets else None  # noqa: E731
    monkeypatch.setattr(songs, "encode", refuse)
    say(project, project.catalogue.takes()[0], "style", style="grind")
    assert run(project, workers=1).ok
    assert read_tags(project.album_dir / "audio" / "mock-melancholy.opus", "opus")[0]["GENRE"] == "grind"


def test_a_song_that_is_dropped_leaves_nothing_behind(project):
    run(project, workers=1)
    (project.album_dir / "CNAME").write_text("example.org")
    say(project, project.catalogue.takes()[0], "verdict", value="drop")
    run(project, workers=1)
    there = files(project.album_dir)
    assert not [p for p in there if "mock" in p]
    assert "CNAME" in there  # not ours, not touched
    assert verify(project.album_dir).unlisted == ("CNAME",)


def test_a_file_someone_changed_is_made_again_and_verify_had_named_it(project):
    run(project, workers=1)
    song = project.album_dir / "audio" / "mock-melancholy.opus"
    whole = song.read_bytes()
    song.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(song, ns=(1, 1))
    assert verify(project.album_dir).changed == ("audio/mock-melancholy.opus",)
    run(project, workers=1)
    assert song.read_bytes() == whole
    assert verify(project.album_dir).whole


def test_an_interrupted_release_finishes_on_the_next_run(project, monkeypatch):
    """Interrupted after each file in turn, then left to finish: the album is the one made in one go."""
    run(project, workers=1)
    expected = files(project.album_dir)
    for path in list(project.album_dir.rglob("*")):
        if path.is_file():
            path.unlink()
    note, allowed = IncrementalBuild.note, [0]

    def dying(self: IncrementalBuild, path: str, *rest: object, **more: object) -> None:
        if allowed[0] == 0:
            (self.album_dir / "audio").mkdir(exist_ok=True)
            (self.album_dir / "audio" / "mock.99999.part.mp3").write_bytes(b"half")
            raise KeyboardInterrupt
        allowed[0] -= 1
        note(self, path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(IncrementalBuild, "note", dying)
    for allowance in (0, 1, 4, 5, 6):
        allowed[0] = allowance
        with pytest.raises(KeyboardInterrupt):
            run(project, workers=1)
    monkeypatch.undo()
    assert run(project, workers=1).ok
    assert files(project.album_dir) == expected


def test_a_killed_release_finishes_on_the_next_run(project):
    """SIGKILL in the middle of writing: no clean-up of any kind runs."""
    code = (
        "import os, signal; from neuralbum.project import Project; from neuralbum.release import incremental, run\n"
        "note = incremental.IncrementalBuild.note; left = [4]\n"
        "def dying(self, *a, **k):\n"
        "    left[0] -= 1\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if left[0] < 0 else note(self, *a, **k)\n"
        "incremental.IncrementalBuild.note = dying\n"
        f"run(Project.open({str(project.root)!r}), workers=1)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    assert 0 < len(files(project.album_dir)) < 20
    assert run(project, workers=1).ok
    assert verify(project.album_dir).whole
    assert verify(project.album_dir).unlisted == ()
    assert not [p for p in files(project.album_dir) if ".part" in p]


def test_two_releases_at_once_are_refused(project):
    with (
        IncrementalBuild(project.album_dir, project.artefacts_dir / "release" / "journal.jsonl"),
        pytest.raises(CatalogueError, match="another release"),
    ):
        run(project, workers=1)


def test_a_song_whose_take_is_broken_is_left_out_and_named(project):
    take = project.catalogue.takes()[1]
    (project.root / take.path).write_bytes(b"broken")
    outcome = run(project, workers=1)
    assert [subject for subject, _ in outcome.errors] == [take.id]
    assert "bootleg" not in (project.album_dir / "index.json").read_text()
    assert not [path for path in files(project.album_dir) if "bootleg" in path]
    assert (project.album_dir / "audio" / "mock-melancholy.flac").exists()
    assert not outcome.ok


def test_missing_rights_are_listed_before_anything_is_made(tmp_path):
    project = Project.create(tmp_path / "p", artist="Silver Stones")
    with pytest.raises(CatalogueError, match=r"(?s)rights_holder.*contact.*permission"):
        run(project)
    assert cli(["release", "-p", str(project.root)]) == 1  # the command is right; it cannot go on yet
    assert not project.album_dir.exists()


def test_without_songs_the_next_step_is_named(empty_project):
    with pytest.raises(CatalogueError, match="neuralbum curate"):
        run(empty_project)
    take = add_take(empty_project, 1)
    say(empty_project, take, "verdict", value="keep")
    with pytest.raises(CatalogueError, match="neuralbum title"):
        run(empty_project)
    assert untitled(empty_project) == 1


def test_hostile_words_stay_words_all_the_way(empty_project):
    p = empty_project
    words = {
        "html": "</script><script>alert(1)</script>",
        "path": "../../../etc/passwd",
        "long": "é" * 255,
        "rtl": "مشاعر مزيفة",
        "emoji": "💔",
    }
    takes = {}
    for n, (name, word) in enumerate(words.items(), 1):
        take = add_take(p, n, seconds=0.3)
        takes[take.id] = word
        say(p, take, "verdict", value="keep")
        for kind in ("style", "tag"):
            say(p, take, kind, **{kind: word})
        say(p, take, "note", note_id=name, start_s=0.1, end_s=0.2, text=word)
    title(p, takes)
    assert run(p, workers=1).ok
    there = files(p.album_dir)
    assert all(Path(path).as_posix() == path and ".." not in path and path.isascii() for path in there)
    for page in p.album_dir.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert text.count("</script>") == text.count("<script")
    assert verify(p.album_dir).whole


def test_isrcs_come_from_a_table_and_a_wrong_one_is_named_with_its_line(project):
    (project.root / "isrc.csv").write_text("song,isrc\nMock Melancholy,QZ-ABC-26-00001\n", encoding="utf-8")
    run(project, Params(isrc_file="isrc.csv", formats=("mp3",)), workers=1)
    assert read_tags(project.album_dir / "audio" / "mock-melancholy.mp3", "mp3")[0]["ISRC"] == "QZABC2600001"
    (project.root / "isrc.csv").write_text("song,isrc\nMock Melancholy,12\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"isrc.csv:2"):
        run(project, Params(isrc_file="isrc.csv"), workers=1)


def test_tokens_point_to_the_address_the_album_will_have_and_ask_for_it(project):
    with pytest.raises(SettingsError, match=r"set token_url, e\.g\. to ipfs://"):
        run(project, Params(tokens=True), workers=1)
    params = Params(tokens=True, formats=("mp3",), token_url="ipfs://bafy", url="https://example.org/fake")
    run(project, params, workers=1)
    token = json.loads((project.album_dir / "tokens" / "1.json").read_text())
    assert token["name"] == "Mock Melancholy"
    for kind in ("image", "animation_url"):
        assert (project.album_dir / token[kind].removeprefix("ipfs://bafy/")).is_file()
    assert token["external_url"] == "https://example.org/fake/songs/mock-melancholy.html"
    traits = [(a["trait_type"], a["value"]) for a in token["attributes"]]
    for expected in (("Style", "doom"), ("BPM family", "70 / 140"), ("Distinction", "breakdown in 6/8")):
        assert expected in traits
    assert run(project, params, workers=1).done == 0


def test_a_project_where_only_takes_and_titles_exist_still_becomes_an_album(tmp_path):
    p = Project.create(tmp_path / "bare", **{**RIGHTS, "artist": ""})
    p.catalogue.add_model(MODEL)
    take = add_take(p, 1)
    say(p, take, "verdict", value="keep")
    title(p, {take.id: "Mock Melancholy"})
    assert run(p, workers=1).ok
    tags, _, cover = read_tags(p.album_dir / "audio" / "mock-melancholy.opus", "opus")
    assert "R128_TRACK_GAIN" in tags  # measured here, as the screen did not run
    assert cover is None


def test_the_fleshed_sound_is_released_where_there_is_one(project):
    import numpy as np

    from neuralbum.audio import probe, write_flac

    take = project.catalogue.takes()[0]
    project.fleshed_dir.mkdir()
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 44_100)).astype(np.float32)
    write_flac(project.fleshed_dir / f"{take.id}.flac", noise, 44_100)
    run(project, workers=1)
    about = probe(project.album_dir / "audio" / "mock-melancholy.flac")
    assert (about.sample_rate, about.channels) == (44_100, 2)


def test_a_new_poster_reaches_picture_and_cover(project):
    run(project, workers=1)
    before = files(project.album_dir)
    take = project.catalogue.takes()[0]
    poster = project.artefacts_dir / "visualise" / "other.webp"
    draw_poster(poster, (0, 90, 200))
    project.catalogue.forget(f"visualise-{take.id}")
    found(project, "visualise", take, {}, {"poster": project.relative(poster)})
    run(project, workers=1)
    after = files(project.album_dir)
    for path in ("pictures/mock-melancholy.webp", "cover.jpg", "audio/mock-melancholy.flac"):
        assert before[path] != after[path]
    assert before["audio/bootleg-abasement.flac"] == after["audio/bootleg-abasement.flac"]


def test_a_damaged_poster_costs_the_cover_not_the_song(project):
    finding = project.catalogue.latest("visualise")[project.catalogue.takes()[0].id]
    (project.root / finding.files["poster"]).write_bytes(b"no picture")
    assert run(project, workers=1).ok
    tags, _, cover = read_tags(project.album_dir / "audio" / "mock-melancholy.mp3", "mp3")
    assert (tags["TITLE"], cover) == ("Mock Melancholy", None)


def test_the_command_says_what_it_did_and_what_to_open(project, capsys):
    assert cli(["release", "--project", str(project.root), "--workers", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["failed"] == 0
    assert Path(said["album"]).exists()
    assert cli(["release", "verify", str(project.album_dir), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"] is True
    (project.album_dir / "LICENSE.txt").write_text("mine")
    assert cli(["release", "verify", str(project.album_dir)]) == 1
    out = capsys.readouterr().out
    assert "LICENSE.txt" in out
    assert "next: neuralbum release" in out


@pytest.mark.parametrize("line", ["nonsense", "0" * 64 + "  ../outside"])
def test_sums_that_were_tampered_with_are_refused(project, line):
    project.album_dir.mkdir()
    (project.album_dir / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(CatalogueError, match="SHA256SUMS:1"):
        verify(project.album_dir)


def test_all_songs_can_be_taken_at_once_with_cover_and_licence(project):
    assert run(project, workers=1).ok
    (path,) = (project.album_dir / "downloads").iterdir()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        song = archive.read(f"{path.stem}/0001-mock-melancholy.mp3")
    assert song == (project.album_dir / "audio" / "mock-melancholy.mp3").read_bytes()
    assert sum(name.endswith(".mp3") for name in names) == 3
    assert {f"{path.stem}/cover.jpg", f"{path.stem}/LICENSE.txt"} <= set(names)
    page = (project.album_dir / "index.html").read_text(encoding="utf-8")
    assert f'href="downloads/{path.name}" download' in page
    listed = json.loads((project.album_dir / "index.json").read_text(encoding="utf-8"))["downloads"]
    assert [(d["path"], d["format"], d["sha256"]) for d in listed] == [
        (f"downloads/{path.name}", "mp3", file_digest(path))
    ]


def test_a_lighter_set_takes_out_what_a_full_one_had_made(project):
    assert run(project, workers=1).ok
    assert run(project, Params(size="least"), workers=1).ok
    there = files(project.album_dir)
    assert {path.rpartition(".")[2] for path in there if path.startswith("audio/")} == {"opus"}
    assert not [path for path in there if path.startswith("video/") or path.endswith(".gif")]
    assert [path for path in there if path.startswith("downloads/")] == [
        "downloads/silver-stones-fake-feelings-opus.zip"
    ]


def test_a_large_album_is_announced_with_its_lighter_sets_before_anything_is_made(project, monkeypatch):
    said: list[tuple[str, bool]] = []

    class Listening(Silent):
        def line(self, text):
            said.append((text, (project.album_dir / "index.html").exists()))

    monkeypatch.setattr(sizes, "WARN_BYTES", 1000)
    assert run(project, workers=1, reporter=Listening()).ok
    first, light, least = said[:3]
    assert "the album will take about" in first[0]
    assert "flac" in first[0]
    assert "--set release.size=light" in light[0]
    assert "--set release.size=least" in least[0]
    assert not any(made for _, made in said[:3])


def test_the_announced_size_is_about_what_the_album_takes(empty_project):
    takes = {}
    for n in (1, 2):
        take = add_take(empty_project, n, seconds=20.0)
        say(empty_project, take, "verdict", value="keep")
        takes[take.id] = f"Song {n}"
    title(empty_project, takes)
    chosen = contents.chosen_songs(empty_project, None)
    found_songs, sources = contents.with_sound(
        empty_project, contents.songs_of(empty_project, Params(), chosen), chosen, []
    )
    expected = sizes.estimate(empty_project, Params(), found_songs, sources)
    assert run(empty_project, workers=1).ok
    for kind in ("flac", "opus", "mp3"):
        size = sum(path.stat().st_size for path in (empty_project.album_dir / "audio").glob(f"*.{kind}"))
        assert size == pytest.approx(expected[kind], rel=0.35)  # Opus spends less than it may on a plain sine


def test_a_disk_that_cannot_hold_the_album_is_refused_before_anything_is_made(project, monkeypatch):
    monkeypatch.setattr(sizes.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(ToolError, match=r"needs about .* more, 1\.0 kB are free.*release\.size=light"):
        run(project, workers=1)
    assert files(project.album_dir) == {}


def test_a_song_page_names_the_track_that_was_heard_first(empty_project):
    p = empty_project
    p.catalogue.add_tracks(
        [
            Track(
                "t0486",
                "/music/a.flac",
                "Old Basement",
                "Silver Stones",
                "f" * 64,
                200.0,
                44_100,
                2,
                "train",
                -20.0,
                -1.0,
            )
        ]
    )
    take = add_take(p, 1, prime={"track": "t0486", "start": 71 * 16_000, "n_samples": 32_000})
    say(p, take, "verdict", value="keep")
    title(p, {take.id: "Song 1"})
    assert run(p, workers=1).ok
    page = (p.album_dir / "songs" / "song-1.html").read_text(encoding="utf-8")
    assert "2 s of “Old Basement”, from 1:11 on" in page
    assert "t0486" not in page


def test_what_is_released_is_marked_unless_told_otherwise(project):
    from neuralbum import marking
    from neuralbum.audio import blocks, write_flac

    take = project.catalogue.takes([project.catalogue.songs()[0].take_id])[0]
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 15 * 44_100)).astype(np.float32)
    project.fleshed_dir.mkdir(exist_ok=True)
    write_flac(project.fleshed_dir / f"{take.id}.flac", noise, 44_100)
    run(project, workers=1)
    number = marking.albums.number_of(project)
    assert marking.albums.read(project.album_dir / "marking.json").album == number
    for kind in ("flac", "opus", "mp3"):
        (mark,) = marking.detect(blocks(project.album_dir / f"audio/mock-melancholy.{kind}"), speeds=(1.0,)).marks
        assert mark.payload == marking.Payload(number, project.catalogue.songs()[0].number)
    run(project, project.params("release", Params, watermark=False), workers=1)
    plain = marking.detect(blocks(project.album_dir / "audio/mock-melancholy.flac"), speeds=(1.0,))
    assert not plain.found
    assert not (project.album_dir / "marking.json").exists()
