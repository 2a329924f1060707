"""Files in a real S3 server (moto's, on this machine): written through, fetched by name, whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil

import numpy as np
import pytest
import soundfile

from neuralbum.errors import SettingsError
from neuralbum.importing import run as bring_in
from neuralbum.project import Project, atomic, registry
from neuralbum.project.store import Store
from neuralbum.project.workers import run

pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'neuralbum[store]'")
RATE = 16_000


@pytest.fixture(scope="module")
def server():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        yield made
    made.stop()


@pytest.fixture
def bucket(server, tmp_path):
    """A URL, and a function that lists what lies there."""
    import fsspec

    fs = fsspec.filesystem("s3", use_listings_cache=False)
    name = f"tests-{abs(hash(tmp_path))}"
    fs.mkdir(name)
    return f"s3://{name}/album", lambda: {p.removeprefix(f"{name}/album/") for p in fs.find(name)}


@pytest.fixture
def machines(bucket, tmp_path):
    """Two machines with a folder each, one store and one catalogue."""
    settings = {"artist": "The Tests", "store": bucket[0], "database": f"sqlite:///{tmp_path}/team.db"}
    made = [Project.create(tmp_path / name / "album", **settings) for name in ("one", "two")]
    yield made
    for project in made:
        project.catalogue.close()


def sound(seed):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (1, 3 * RATE)).astype(np.float32)


def imported(project, tmp_path, n=3):
    """Takes of sound that somebody else made."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for seed in range(n):
        soundfile.write(folder / f"{seed}.wav", sound(seed).T, RATE)
    bring_in(project, [folder], by="the tests")
    return project.catalogue.takes()


def test_what_one_machine_makes_another_measures_and_a_third_sees(machines, bucket, tmp_path):
    one, two = machines
    takes = imported(one, tmp_path)
    assert {take.path for take in takes} <= bucket[1]()
    assert not two.takes_dir.exists()
    outcome = run(two, "screen", workers=2)
    assert (outcome.done, outcome.failed) == (3, 0)
    for finding in one.catalogue.latest("screen").values():
        for name in finding.files.values():
            assert not (one.root / name).exists()
            assert one.local(one.root / name).read_bytes() == (two.root / name).read_bytes()
    assert not [name for name in bucket[1]() if ".part" in name]
    assert registry.stage("screen")(one).skipped == 3


def test_the_cache_may_be_deleted(machines, tmp_path):
    one, _ = machines
    take = imported(one, tmp_path, 1)[0]
    before = one.audio_of(take).read_bytes()
    shutil.rmtree(one.takes_dir)
    assert one.has(take.path)
    assert one.audio_of(take).read_bytes() == before


def test_a_model_that_is_trained_on_elsewhere_is_brought_anew_and_others_are_not(machines):
    one, two = machines
    path = two.root / "models" / "net" / "model.json"
    for text in ("step 1", "step 2"):  # of one length
        with atomic(one.models_dir / "net" / "model.json") as part:
            part.write_text(text)
        if path.exists():
            os.utime(path, (1, 1))  # as if the older one were of another second
        Store(two.settings.store, two.root).pull("models")
        assert path.read_text() == text
    inode = path.stat().st_ino
    Store(two.settings.store, two.root).pull("models")
    assert path.stat().st_ino == inode


def test_an_album_is_brought_as_a_whole_and_only_what_differs(machines, bucket, monkeypatch):
    one, _ = machines
    album = one.album_dir

    def build(**files):
        shutil.rmtree(album, ignore_errors=True)
        album.mkdir()
        for name, text in files.items():
            (album / name).write_text(text)
        (album / "SHA256SUMS").write_text("".join(f"{text}  {name}\n" for name, text in files.items()))

    build(a="1", b="2")
    one.store.bring_album(album)
    put, names = one.store.put, []
    monkeypatch.setattr(one.store, "put", lambda part, name: names.append(name) or put(part, name))
    one.store.bring_album(album)
    assert names == []
    build(b="3", c="4")
    one.store.bring_album(album)
    assert names == ["album/b", "album/c", "album/SHA256SUMS"]
    assert bucket[1]() == {"album/b", "album/c", "album/SHA256SUMS"}


def test_a_store_that_is_gone_ends_the_run_and_fails_no_item(machines, tmp_path, monkeypatch):
    one, _ = machines
    imported(one, tmp_path, 2)
    monkeypatch.setattr(one.store, "_base", "no-such-bucket")
    with pytest.raises(OSError, match="the store refuses"):
        registry.stage("screen")(one)
    assert one.catalogue.findings("screen") == []
    assert one.catalogue.living(now=0.0) == set()


@pytest.mark.parametrize("url", ["carrier-pigeon://x", "s3"])
def test_an_odd_store_is_refused(tmp_path, url):
    with pytest.raises(SettingsError, match="write s3://"):
        Project.create(tmp_path / "album", store=url)
