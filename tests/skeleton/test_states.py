"""Good states: kept where the net sings like the corpus, refused by any other model, engine or file."""

from dataclasses import replace

import numpy as np
import pytest

from neuralbum.errors import CheckpointError
from neuralbum.skeleton import audition
from neuralbum.skeleton.checkpoint import About, Rung
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.engine_gpu import GraphEngine
from neuralbum.skeleton.states import choose, read_states, states_path, write_states

from .makers import RATE, net, song

ABOUT = About("debug-1", "skeleton", {}, "debug", RATE, 256, "corpus", "0", step=5, ladder=(Rung(5),))


@pytest.fixture(scope="module")
def sung():
    """An engine and what it sang, every look taken for healthy."""
    engine = FusedEngine(net(shaken=0.05), threads=1)
    return engine, audition.sing(
        engine, [song(2.0)], n_clips=2, seconds=2.0, sample_rate=RATE, seed=0, healthy=lambda second: True
    )


@pytest.fixture
def stored(sung, tmp_path):
    write_states(tmp_path, ABOUT, 5, "w1", sung[0].name, sung[1].states)
    return tmp_path


def test_states_are_kept_once_the_net_has_sung_alone_for_a_second(sung):
    assert len(sung[1].states) == 2 * 3  # two clips, looked at after 1, 1.5 and 2 s
    rows, levels, _ = sung[1].states[-1]
    assert np.array_equal(sung[0].amplitudes[levels].astype(np.float32), sung[1].clips[1, -len(levels) :])
    assert rows.any()


def test_looking_for_states_changes_nothing_of_what_is_sung(sung):
    again = audition.sing(sung[0], [song(2.0)], n_clips=2, seconds=2.0, sample_rate=RATE, seed=0)
    assert again.states == ()
    assert np.array_equal(again.clips, sung[1].clips)
    assert again.heard == sung[1].heard


def test_only_healthy_moments_are_kept(sung):
    heard = []

    def healthy(second):
        heard.append(len(second))
        return len(heard) % 2 == 0

    kept = audition.sing(sung[0], [song(2.0)], n_clips=2, seconds=2.0, sample_rate=RATE, seed=0, healthy=healthy)
    assert heard == [RATE] * 6
    assert len(kept.states) == 3


def test_states_come_back_as_they_were_and_go_on(stored, sung):
    engine, kept = sung[0], sung[1].states
    back = read_states(stored, ABOUT, engine, "w1")
    assert [state.number for state in back] == list(range(len(kept)))
    assert len({state.digest for state in back}) == len(kept)
    dice, heat = np.random.default_rng(1).random((1, 128)), np.ones((1, 128))
    played = []
    for snapshot in (kept[2], back[2].snapshot):
        memory = engine.begin(1)
        engine.restore(memory, 0, snapshot)
        played.append(engine.sample(memory, dice, heat).levels)
    assert np.array_equal(*played)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"id": "debug-2"}, "model"), ({"step": 6}, "no stored states"), ({"n_levels": 1024}, "n_levels"),
     ({"sample_rate": 8000}, "sample_rate")],
)  # fmt: skip
def test_states_of_another_model_step_quantiser_or_rate_are_refused(stored, sung, change, said):
    with pytest.raises(CheckpointError, match=said):
        read_states(stored, replace(ABOUT, **change), sung[0], "w1")


def test_states_of_other_weights_or_another_engine_are_refused(stored, sung):
    with pytest.raises(CheckpointError, match="weights"):
        read_states(stored, ABOUT, sung[0], "w2")
    with pytest.raises(CheckpointError, match="--device cpu"):
        read_states(stored, ABOUT, GraphEngine(net()), "w1")


def test_truncated_and_damaged_files_are_refused(stored, sung):
    path = states_path(stored, 5)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="truncated"):
        read_states(stored, ABOUT, sung[0], "w1")
    path.write_bytes(whole)
    broken = [(np.full_like(rows, np.nan), levels, memory) for rows, levels, memory in sung[1].states]
    write_states(stored, ABOUT, 5, "w1", sung[0].name, broken)
    with pytest.raises(CheckpointError, match="damaged"):
        read_states(stored, ABOUT, sung[0], "w1")
    write_states(stored, ABOUT, 5, "w1", sung[0].name, [(rows[:8], *rest) for rows, *rest in sung[1].states])
    with pytest.raises(CheckpointError, match="shapes"):
        read_states(stored, ABOUT, sung[0], "w1")


def test_without_states_the_file_goes_and_the_error_says_what_else_there_is(stored, sung):
    write_states(stored, ABOUT, 5, "w1", sung[0].name, [])
    with pytest.raises(CheckpointError, match="--prime 2"):
        read_states(stored, ABOUT, sung[0], "w1")


def test_at_most_as_many_as_asked_for_are_chosen_evenly():
    assert choose([(i,) for i in range(9)], 3) == [(0,), (4,), (8,)]
    assert choose([(1,)], 3) == [(1,)]
    assert choose([(1,)], 0) == []
