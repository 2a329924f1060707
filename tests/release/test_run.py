"""The album as a whole: what is in it, what is built again, what is taken away."""

from __future__ import annotations

from neuralbum.release.run import run


def test_an_album_is_built_from_kept_and_titled_songs(project):
    outcome = run(project)
    assert outcome.ok
    there = {p.relative_to(project.album_dir).as_posix() for p in project.album_dir.rglob("*") if p.is_file()}
    for name in ("mock-melancholy", "bootleg-abasement", "deceptive-sadness"):
        assert {f"audio/{name}.flac", f"audio/{name}.opus", f"audio/{name}.mp3", f"songs/{name}.html"} <= there
    assert {"index.html", "index.json", "SHA256SUMS", "LICENSE.txt", "feed.xml", "album.m3u8"} <= there
    assert not [name for name in there if ".part" in name]
