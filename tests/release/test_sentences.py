"""What the album says of itself is true of this album: each sentence follows from its songs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuralbum.records import AUTO
from neuralbum.release import sentences, sizes
from neuralbum.release.params import Params
from neuralbum.release.song_metadata import AlbumSong

SONG = AlbumSong(1, "take1", "mock-melancholy", "Mock Melancholy", 160.0, 16_000, 1, {"temperature": [[0.0, 1.0]]}, 1.0)


def found(original, longest_s=1.0):
    return replace(SONG, originality={"original": original, "longest_s": longest_s})


def test_an_album_nobody_listened_to_does_not_say_that_what_was_worth_keeping_was_kept():
    by_machine = sentences.selection([replace(SONG, chosen_by=AUTO)] * 3)
    assert by_machine == "A program ranked the takes and kept the first; no person chose its songs."
    assert sentences.selection([replace(SONG, chosen_by="ann")] * 3).startswith("People chose its songs")
    mixed = sentences.selection([replace(SONG, chosen_by=name) for name in ("ann", AUTO, AUTO)])
    assert "People chose 1 of its 3 songs" in mixed
    assert "kept 2" in mixed
    for said in (by_machine, mixed):
        assert "worth" not in said


ALL = "All 2 songs were searched against every training track. No copy was found. "
LONGEST = "The longest likeness that chance explains lasts 1.4 s, in “Mock Melancholy”."
ONE = "2 of 3 songs were searched against every training track; one was not. "
ONE_CLOSE = "One of them follows a training track closely in parts."
TWO = "2 of 4 songs were searched against every training track; the other 2 were not. "
TWO_CLOSE = "2 of them follow a training track closely in parts."


@pytest.mark.parametrize(
    ("songs", "said"),
    [
        ([SONG, SONG], "No song of this album was searched for copies of the training music."),
        ([found(True, 1.2), found(True, 1.4)], ALL + LONGEST),
        ([found(True, 0.0), found(False, 9.0), SONG], ONE + ONE_CLOSE),
        ([found(True, 0.0)], "Its one song was searched against every training track. No copy was found."),
        ([found(False), found(False), SONG, SONG], TWO + TWO_CLOSE),
    ],
)
def test_the_album_says_what_the_search_for_copies_found_and_what_was_not_searched(songs, said):
    assert sentences.copies(songs) == said


def test_primed_with_names_the_song_and_the_second():
    prime = {"track": "t0486", "start": 72 * 16_000 + 400, "n_samples": 32_000}
    said = sentences.primed(prime, {"t0486": "Old Basement"}, 16_000)
    assert said.startswith("2 s of “Old Basement”, from 1:12 on")
    assert "t0486" not in said
    assert "no longer in the corpus" in sentences.primed(prime, {}, 16_000)
    assert sentences.primed({}, {}, 16_000) == ""
    assert "no music" in sentences.primed({"state": 3, "digest": "abc"}, {}, 16_000)


@pytest.mark.parametrize(
    ("bpm", "said"),
    [
        (140.2, "The song lasts 2 minutes and 40 seconds and has a pulse of 140 beats a minute."),
        (0.0, "The song lasts 2 minutes and 40 seconds and has no pulse."),
        (None, "The song lasts 2 minutes and 40 seconds."),
    ],
)
def test_a_picture_is_described_in_sentences_and_not_by_flags(bpm, said):
    song = replace(SONG, bpm=bpm, caption="loud; two equal channels")
    assert sentences.picture(song) == f"“Mock Melancholy” drawn from its own sound. {said}"


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 second"), (60, "1 minute"), (61, "1 minute and 1 second"), (0.2, "1 second")]
)
def test_lengths_are_spoken(seconds, said):
    assert sentences.spoken(seconds) == said


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "0 bytes"), (693, "693 bytes"), (14_200_000, "14 MB"), (34_940_000_000, "35 GB"), (4e6, "4.0 MB")],
)
def test_sizes_are_decimal(n, said):
    assert sentences.size(n) == said


# ---- lighter sets ---------------------------------------------------------------------


def test_lighter_sets_have_fewer_formats_and_no_videos():
    full = Params()
    light, least = (sizes.narrowed(replace(full, size=name)) for name in ("light", "least"))
    assert sizes.narrowed(full) == full
    assert (light.formats, light.videos, light.gifs) == (("opus", "mp3"), False, False)
    assert (least.formats, least.videos, least.gifs) == (("opus",), False, False)
    assert sizes.narrowed(Params(formats=("flac",), size="light")).formats == ("opus",)


def test_the_zip_is_of_a_format_that_is_made():
    assert sizes.zipped(Params()) == "mp3"
    assert sizes.zipped(Params(formats=("opus", "flac"))) == "opus"
    assert sizes.zipped(Params(download_all="")) == ""


def test_zips_are_cut_where_they_would_grow_too_large_and_lose_no_song():
    songs = [(replace(SONG, number=i), 40) for i in range(1, 6)] + [(replace(SONG, number=6), 500)]
    parts = sizes.split(songs, 100)
    assert [[song.number for song in part] for part in parts] == [[1, 2], [3, 4], [5], [6]]
