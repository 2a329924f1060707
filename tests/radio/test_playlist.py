"""The playlist: continued, bounded, never half a file."""

from __future__ import annotations

import errno
import re

import pytest

from neuralbum.radio import playlist
from neuralbum.radio.playlist import BEHIND, FILE, LISTED, Playlist, id3, parse

DURATION_S = 86 * 1024 / 44_100


def fill(made, n, start=1_700_000_000.0):
    return [made.add(b"frames", DURATION_S, start + i * DURATION_S) for i in range(n)]


def test_segments_are_listed_in_order_pruned_and_whole(tmp_path):
    made = Playlist(tmp_path, 2.0)
    fill(made, 40)
    listed, gone = parse((tmp_path / FILE).read_text())
    assert [one.number for one in listed] == list(range(40 - LISTED, 40))
    assert gone == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {FILE} | {f"{n}.aac" for n in range(40 - LISTED - BEHIND, 40)}
    assert all((tmp_path / one.name).read_bytes() == id3(one.began_at) + b"frames" for one in made.segments)


def test_what_is_written_is_what_rfc_8216_asks_for(tmp_path):
    made = Playlist(tmp_path, 2.0)
    fill(made, 3)
    text = (tmp_path / FILE).read_text()
    assert text.startswith("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n")
    assert "#EXT-X-ENDLIST" not in text
    assert all(round(float(d)) <= 2 for d in re.findall(r"#EXTINF:([\d.]+),", text))
    read = parse(text)[0]
    assert [one.number for one in read] == [0, 1, 2]
    assert [one.end_at for one in read] == pytest.approx([one.end_at for one in made.segments], abs=1e-3)


def test_a_restart_goes_on_with_the_numbers_behind_a_discontinuity(tmp_path):
    fill(Playlist(tmp_path, 2.0), 5)
    again = Playlist(tmp_path, 2.0)
    fill(again, 2)
    listed, _ = parse((tmp_path / FILE).read_text())
    assert [one.number for one in listed] == list(range(7))
    assert [one.discontinuity for one in listed] == [False] * 5 + [True, False]
    fill(again, LISTED)
    assert parse((tmp_path / FILE).read_text())[1] == 1, "the one that left the list is counted"


def test_a_killed_writer_leaves_nothing_behind_and_no_number_is_used_twice(tmp_path):
    fill(Playlist(tmp_path, 2.0), 5)
    (tmp_path / "5.aac").write_bytes(b"written, and not listed")
    (tmp_path / "6.aac.part").write_bytes(b"half")
    (tmp_path / f"{FILE}.part").write_bytes(b"#EXTM3U")
    again = Playlist(tmp_path, 2.0)
    assert not list(tmp_path.glob("*.part"))
    assert again.next_number == 6


@pytest.mark.parametrize("text", ["", "no playlist", "#EXTM3U\n#EXTINF:x,\n3.aac\n"])
def test_a_damaged_playlist_is_begun_anew_after_the_files_there_are(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    (tmp_path / "41.aac").write_bytes(b"")
    assert Playlist(tmp_path, 2.0).next_number == 42


def test_a_full_disk_leaves_the_list_as_it_was(tmp_path, monkeypatch):
    made = Playlist(tmp_path, 2.0)
    fill(made, 4)
    before = (tmp_path / FILE).read_text()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(playlist.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        fill(made, 1)
    assert (tmp_path / FILE).read_text() == before
    monkeypatch.undo()
    assert fill(made, 1)[0].number == 4


def test_on_a_full_disk_what_is_off_the_list_makes_room(tmp_path, monkeypatch):
    made = Playlist(tmp_path, 2.0)
    fill(made, 40)
    write, room = playlist.Path.write_bytes, LISTED

    def full(path, data):
        if path.name.endswith(".aac.part") and len(list(tmp_path.glob("*.aac"))) >= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(playlist.Path, "write_bytes", full)
    assert [one.number for one in fill(made, 3)] == [40, 41, 42]
    assert len(list(tmp_path.glob("*.aac"))) == LISTED


def test_the_tag_holds_the_time_in_ticks_of_90_khz():
    tag = id3(2.5)
    assert tag[:5] == b"ID3\x04\x00"
    assert int.from_bytes(tag[-8:], "big") == 225_000
    assert len(tag) == 10 + tag[9]
