"""labels.toml: songs named by title, file or id; everything else refused with the reason."""

import pytest

from neuralbum.errors import ParameterError
from neuralbum.records import Track
from neuralbum.skeleton.conditions import Labels
from neuralbum.skeleton.labels import read_labels, vocabulary


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
    assert vocabulary(labels) == ("fast", "live", "slow")


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
