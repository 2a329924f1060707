from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.corpus.split import SplitSong, assign, group_songs, title_key, torn_apart

SHARES = {"train": 0.8, "valid": 0.1, "heldout": 0.1}

songs_strategy = st.lists(
    st.tuples(st.text("abcdefghij ", min_size=1, max_size=12), st.floats(10, 600)), min_size=1, max_size=30
).map(lambda rows: [SplitSong(f"id{i}", title, length) for i, (title, length) in enumerate(rows)])


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Ashes", "ashes"),
        ("03 - Áshes – 2011 Remaster", "ashes"),
        ("ashes [demo]", "ashes"),
        ("Ashes (Live in Ghent, 2009)", "ashes"),
        ("Ashes live at the Vooruit", "ashes"),
        ("Salt & Ashes", "salt and ashes"),
        ("(Untitled) ", ""),
        ("Track 07", ""),
        ("Live", "live"),
        ("99 Problems", "problems"),
        ("[intro]", "intro"),
        ("朝", "朝"),
        ("", ""),
    ],
)
def test_a_title_key_forgets_what_only_names_a_version(title, key):
    assert title_key(title) == key


def test_versions_of_a_song_stay_together_and_numbered_songs_apart():
    names = ["Ashes", "Ashes (live)", "Chapter 2", "Chapter 3", "Ashess"]
    groups = group_songs([SplitSong(name, name, 60.0) for name in names])
    assert sorted(sorted(song.title for song in group) for group in groups) == [
        ["Ashes", "Ashes (live)", "Ashess"],
        ["Chapter 2"],
        ["Chapter 3"],
    ]


def test_a_copy_by_sound_goes_where_its_original_goes():
    songs = [SplitSong("a", "One", 60.0), SplitSong("b", "Other", 60.0, same_as="a"), SplitSong("c", "Third", 60.0)]
    sides = assign(songs, SHARES)
    assert sides["a"] == sides["b"]


def test_songs_without_a_name_are_songs_of_their_own():
    assert len(group_songs([SplitSong(str(i), "Untitled", 60.0) for i in range(5)])) == 5


@given(songs_strategy)
@settings(deadline=None, max_examples=60)
def test_every_side_has_a_song_where_there_are_three(songs):
    groups = group_songs(songs)
    sides = assign(songs, SHARES)
    assert set(sides) == {song.id for song in songs}
    assert len(set(sides.values())) == min(3, len(groups))
    assert all(len({sides[song.id] for song in group}) == 1 for group in groups)


@given(songs_strategy, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_split_does_not_depend_on_the_order_of_files(songs, random):
    mixed = list(songs)
    random.shuffle(mixed)
    renamed = {song.id: song.title for song in songs}
    if len(set(map(title_key, renamed.values()))) < len(songs):
        return  # titles that differ are what the hash orders by
    assert assign(songs, SHARES) == assign(mixed, SHARES)


@given(songs_strategy, st.integers(1, 20))
@settings(deadline=None, max_examples=40)
def test_what_has_a_side_keeps_it_when_songs_are_added(songs, n_before):
    before = assign(songs[:n_before], SHARES)
    known = [SplitSong(s.id, s.title, s.duration_s, before.get(s.id)) for s in songs]
    after = assign(known, SHARES)
    assert all(after[name] == side for name, side in before.items())


def test_sides_get_their_share_of_the_time():
    songs = [SplitSong(f"id{i}", f"{chr(97 + i % 26) * 3}{chr(97 + i // 26)}x{i * 7}", 180.0) for i in range(100)]
    sides = assign(songs, SHARES)
    counts = {side: list(sides.values()).count(side) for side in SHARES}
    assert counts == {"train": 80, "valid": 10, "heldout": 10}


def test_versions_added_apart_are_reported():
    songs = [SplitSong("a", "Ashes", 60.0, "train"), SplitSong("b", "Ashes live", 60.0, "heldout")]
    assert len(torn_apart(songs, assign(songs, SHARES))) == 1
