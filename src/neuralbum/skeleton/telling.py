"""What a project's songs can be told to a net with conditions: their own moments, and what a person says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..labels import Labels, read_labels
from ..prepared import PreparedCorpus
from ..project import Project
from .conditions import Told, tell
from .params import SkeletonParams

if TYPE_CHECKING:
    from .songs import Song


def labels_of(project: Project, params: SkeletonParams, corpus: PreparedCorpus) -> dict[str, Labels]:
    """What a person says of all songs, by track id; nothing where the conditions do not need it."""
    if not {"tag", "tempo"} & set(params.conditions):
        return {}
    return read_labels(project.root / params.labels, [song.track for song in corpus.songs])


def labels_to_learn(
    project: Project, params: SkeletonParams, corpus: PreparedCorpus, labels: Mapping[str, Labels]
) -> dict[str, Labels]:
    """What is said of the songs that train; only that makes a net another one."""
    trained = {song.track.id for song in corpus.split("train")}
    heard = {name: label for name, label in labels.items() if name in trained}
    for name, found in (("tag", any(x.tags for x in heard.values())), ("tempo", any(x.tempo for x in heard.values()))):
        if name in params.conditions and not found:
            raise ParameterError(
                f"{project.root / params.labels}: no song of the train split has a {name}; "
                f"`neuralbum label` shows the songs, `neuralbum label --suggest` looks for labels"
            )
    return heard


def tell_splits(
    net: Any,
    corpus: PreparedCorpus,
    songs: tuple[Sequence[Song], Sequence[Song], Sequence[Song]],
    labels: Mapping[str, Labels],
    params: SkeletonParams,
) -> tuple[Told | None, Told | None, Told | None]:
    """What the moments of the train, valid and held-out songs are like.

    None for a net without conditions; of the songs it is tested on also where nothing is known of them.
    """
    if net.conditions is None:
        return None, None, None

    def of(split: str, songs: Sequence[Song]) -> Told:
        return tell(
            net.conditions, [song.levels for song in songs],
            [labels.get(song.track.id, Labels()) for song in corpus.split(split)], hop=net.hop,
            n_levels=params.n_levels, sample_rate=corpus.sample_rate, dropout=params.condition_dropout,
        )  # fmt: skip

    # Without held-out songs it is tested on the valid ones.
    tested = of("valid", songs[1]), of("heldout" if corpus.split("heldout") else "valid", songs[2])
    valid, heldout = (told if told.lengths and not told.silent else None for told in tested)
    return of("train", songs[0]), valid, heldout


def account(told: Told | None, corpus: PreparedCorpus) -> dict[str, Any]:
    """model.json's account of the conditions: ranges that were heard, and the tracks of each tag."""
    if told is None:
        return {}
    tracks = [song.track.id for song in corpus.split("train")]
    tags = {
        tag: [name for name, label in zip(tracks, told.labels, strict=True) if tag in label.tags]
        for tag in told.conditions.tags
    }
    return told.ranges() | ({"tag": tags} if tags else {})
