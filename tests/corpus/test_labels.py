"""labels.toml: songs named by title, file or id; everything else refused with the reason."""

import re

import pytest

from neuralbum.corpus.labels import Change, Labels, read_labels, say, write_labels
from neuralbum.errors import ParameterError
from neuralbum.records import Track


def track(name, title, path):
    return Track(name, path, title, "A", name, 1.0, 16_000, 1, "train", -12.0, -3.0)


TRACKS = [track("1f", "Stairs", "/m/03 stairs.flac"), track("2f", "Sixty Four", "/m/64.ogg")]


def write(tmp_path, text):
    path = tmp_path / "labels.toml"
    path.write_text(text)
    return path


def test_songs_are_named_by_title_file_or_id(tmp_path):
    path = write(tmp_path, '[tags]\nstairs = "slow"\n"64.ogg" = ["live", "fast"]\n[tempo]\n"2f" = 92\n')
    labels = read_labels(path, TRACKS)
    assert labels == {"1f": Labels(("slow",)), "2f": Labels(("fast", "live"), 92.0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tags]\nStars = "slow"\n', "'Stairs'"),
        ('[tag]\nStairs = "slow"\n', "'tags'"),
        ("[tempo]\nStairs = 9\n", "40 to 320"),
        ("[tempo]\nStairs = true\n", "40 to 320"),
        ('[tags]\nStairs = [""]\n', "words"),
        ("tags = 3\n", "must be a table"),
        ("[tags\n", "TOML"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(tmp_path, text, said):
    with pytest.raises(ParameterError, match=said):
        read_labels(write(tmp_path, text), TRACKS)


def test_a_missing_file_says_how_to_write_one(tmp_path):
    with pytest.raises(ParameterError, match=r"\[tags\] \"Song title\""):
        read_labels(tmp_path / "labels.toml", TRACKS)


def test_a_title_of_two_songs_is_refused(tmp_path):
    twice = [*TRACKS, track("3f", "Stairs", "/m/other.flac")]
    with pytest.raises(ParameterError, match="names 2 songs"):
        read_labels(write(tmp_path, '[tags]\nStairs = "slow"\n'), twice)


HAND_WRITTEN = """# What we call our songs

[tags]   # ask Ann before changing
"64.ogg" = [
  "live",  # the one from Graz
  "fast",
]
stairs = "slow"   # very

[tempo]
stairs = 92  # tapped by Ann
"""


def test_a_label_changes_its_line_and_no_comment_or_order_of_the_rest(tmp_path):
    path = write(tmp_path, HAND_WRITTEN)
    say(path, TRACKS, ["Sixty Four"], tags=["loud"], tempo=180)
    expected = HAND_WRITTEN.replace('  "fast",\n', '  "fast",\n  "loud",\n') + '"64.ogg" = 180\n'
    assert path.read_text() == expected
    say(path, TRACKS, ["03 stairs.flac"], untag=["slow"], tempo=93.5)
    expected = expected.replace('stairs = "slow"   #', "stairs = []   #").replace("stairs = 92", "stairs = 93.5")
    assert path.read_text() == expected
    assert read_labels(path, TRACKS)["1f"] == Labels((), 93.5, none_fit=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[tempo]",
        "# only a comment",
        'tags.Stairs = "slow"\n',
        'tags = {Stairs = ["slow"]}\n',
        '[tempo]\r\nStairs = 90\r\n[tags]\r\n"64.ogg" = "live"  # mine\r\n',
        "[tags]\nStairs = ['slow', \"live\"]\n[tempo]\n'64' = 9_0.5 # ninety and a half\n",
    ],
)
def test_however_it_is_written_only_what_was_asked_for_is_said_anew(tmp_path, text):
    path = tmp_path / "labels.toml"
    path.write_bytes(text.encode())
    before = read_labels(path, TRACKS)
    say(path, TRACKS, ["Stairs"], tags=["loud"], tempo=111)
    after = read_labels(path, TRACKS)
    assert after["1f"] == Labels(tuple(sorted({*before.get("1f", Labels()).tags, "loud"})), 111.0)
    assert after.get("2f") == before.get("2f")
    written = path.read_bytes().decode()
    assert all(comment in written for comment in re.findall("#.*", text))
    assert written.count("\r\n") in (0, written.count("\n"))


def test_labels_come_and_go_and_what_says_nothing_leaves_no_line(tmp_path):
    path = tmp_path / "labels.toml"
    say(path, TRACKS, ["Stairs", "64.ogg", "stairs"], tags=["live", " slow "])
    assert {name: label.tags for name, label in read_labels(path, TRACKS).items()} == {
        "1f": ("live", "slow"),
        "2f": ("live", "slow"),
    }
    say(path, TRACKS, ["Stairs"], tempo=120)
    say(path, TRACKS, ["Stairs"], tempo=0)
    assert "Stairs" not in path.read_text().partition("[tempo]")[2]
    once = path.read_bytes()
    say(path, TRACKS, ["Stairs"], tags=["live"], tempo=0)
    assert path.read_bytes() == once


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"tags": ["x" * 61]}, "words of at most 60"),
        ({"tempo": 9.0}, "40 to 320"),
        ({"tempo": float("nan")}, "40 to 320"),
        ({"untag": ["slwo"]}, "'Stairs' has no tag 'slwo'; did you mean 'slow'"),
        ({"tags": [f"t{i}" for i in range(201)]}, "more than 200"),
    ],
)
def test_what_is_out_of_bounds_is_refused_and_nothing_written(tmp_path, how, said):
    path = write(tmp_path, HAND_WRITTEN)
    with pytest.raises(ParameterError, match=said):
        say(path, TRACKS, ["Stairs"], **how)
    assert path.read_text() == HAND_WRITTEN


def test_a_song_named_twice_in_a_table_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="names one song twice, as 'Stairs' and as '1f'"):
        read_labels(write(tmp_path, '[tags]\nStairs = "slow"\n1f = "live"\n'), TRACKS)


def test_songs_of_one_title_are_written_by_their_files(tmp_path):
    path, twice = tmp_path / "labels.toml", [*TRACKS, track("3f", "Stairs", "/m/other.flac")]
    with pytest.raises(ParameterError, match=r"names 2 songs.*03 stairs.flac \(1f\), other.flac \(3f\)"):
        say(path, twice, ["Stairs"], tags=["slow"])
    say(path, twice, ["other"], tags=["slow"])
    assert '"other.flac" = ["slow"]' in path.read_text()


def test_suggestions_are_marked_fill_gaps_only_and_lose_the_mark_when_a_person_changes_them(tmp_path):
    path = write(tmp_path, '[tags]\nStairs = []\n[tempo]\n"2f" = 90 # felt\n')
    suggested = Change(("slow",), 91.3, {"tags": "of 2 takes", "tempo": "measured"})
    write_labels(path, TRACKS, {"1f": suggested, "2f": suggested}, only_new=True)
    assert path.read_text() == (
        '[tags]\nStairs = []\n2f = ["slow"] # suggested: of 2 takes\n'
        '[tempo]\n"2f" = 90 # felt\nStairs = 91.3 # suggested: measured\n'
    )
    say(path, TRACKS, ["Stairs", "64"], tags=["live"], tempo=90)
    assert path.read_text() == (
        '[tags]\nStairs = ["live"]\n2f = ["slow", "live"]\n[tempo]\n"2f" = 90 # felt\nStairs = 90\n'
    )
