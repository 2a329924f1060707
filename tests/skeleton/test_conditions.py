"""Conditions: what they say, that all engines hear them alike, and that they steer."""

import numpy as np
import pytest
import torch

from neuralbum.dsp import front_end
from neuralbum.errors import ParameterError
from neuralbum.labels import Labels
from neuralbum.skeleton import evaluate, presets, songs
from neuralbum.skeleton.conditions import Conditions, hats, loudness_db, tell
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.engine_gpu import GraphEngine
from neuralbum.skeleton.songs import Feed, Song
from neuralbum.skeleton.stepping import PlainEngine
from neuralbum.skeleton.training import Habits, Trainer

from .makers import RATE, net, song

EXACT = 1e-9
SINGLE = 5e-3
"""Log-probabilities in float32 with polynomial exp and log, of levels above e^-12."""
BITS = 1e-4
"""Means over some hundred samples of float32, window by window against step by step."""

ALL = Conditions(("position", "loudness", "tempo", "tag"), ("fast", "slow"))


def conditioned(conditions=ALL, *, shaken=0.05, seed=0):
    """A debug net that knows conditions, all weights moved so that each condition matters."""
    chosen = presets.preset("debug")
    config = {**chosen.config, "conditions": conditions.names, "tags": conditions.tags}
    made = presets.build(chosen.kind, config, seed=seed)
    plain = net(shaken=shaken, seed=seed)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            made.get_parameter(name).copy_(parameter)
        made.told.copy_(torch.randn(made.told.shape, generator=torch.Generator().manual_seed(1)) / 8)
    return made


def wishes(n_streams, n_hops, seed=0):
    """Something else for each stream and hop."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            ALL.write({"position": rng.random(n_hops), "loudness": -60 * rng.random(n_hops), "tag": ["slow"]}, n_hops)
            for _ in range(n_streams)
        ]
    )


def test_a_number_lies_on_the_two_knots_around_it():
    assert hats("loudness", np.array([-60.0, -57.0, -9.0])).nonzero()[1].tolist() == [0, 0, 1, 8, 9]
    assert hats("position", np.linspace(0, 1, 33)).sum(1) == pytest.approx(1.0)
    assert hats("tempo", np.array([80.0, 80 * 2**0.25]))[:, 2] == pytest.approx([1.0, 0.5])


def test_what_nobody_says_is_all_zeros():
    assert not ALL.write({}, 3).any()
    said = ALL.write({"tag": ["slow"], "loudness": -30.0}, 2)
    places = ALL.places()
    assert said[:, places["tag"]].tolist() == [[0, 1], [0, 1]]
    assert not said[:, places["position"]].any()
    assert not said[:, places["tempo"]].any()


def test_an_unknown_condition_names_the_nearest():
    with pytest.raises(ParameterError, match="'loudness'"):
        Conditions(("loudnes",))


def test_loudness_is_the_level_of_the_second_around():
    t = np.arange(4 * RATE) / RATE
    sound = np.where(t < 2, 0.5, 0.05) * np.sin(2 * np.pi * 440 * t)
    curve = loudness_db(front_end.levels_of(sound), 256, RATE)
    loud, quiet = 0.5**2 / 2, 0.05**2 / 2
    expected = 10 * np.log10([loud, quiet, (loud + quiet) / 2])
    assert curve[[RATE // 256, 3 * RATE // 256, 2 * RATE // 256]] == pytest.approx(expected, abs=0.3)


def test_step_by_step_equals_the_parallel_forward_with_conditions():
    made, tune, n = conditioned().double().eval(), song(0.1), 256
    told = wishes(1, n // 64)
    state, expected = made.begin(1), []
    with torch.no_grad():
        for i, window in enumerate(
            songs.windows_of(tune, window=n // 2, context=64, n_levels=256, anchor=evaluate.anchor_of(made), stop=n)
        ):
            features = torch.from_numpy(window.features).double()
            said = torch.from_numpy(told[:, i * n // 128 : (i + 1) * n // 128]).double()
            raw, state = made(torch.from_numpy(window.levels), features, state, said)
            expected.append(made.scores(raw, features[:, made.context :]))
        expected = torch.cat(expected, dim=1)
    engine = PlainEngine(made)
    got = engine.log_probabilities(engine.begin(1), tune.levels[None, :n], told)
    assert float((got - expected).abs().max()) < EXACT
    silent = engine.log_probabilities(engine.begin(1), tune.levels[None, :n])
    assert float((got - silent).abs().max()) > 0.1  # it is heard at all


def test_the_fused_engine_hears_conditions_as_its_plain_twin_does():
    made, n = conditioned(), 320
    levels = np.stack([song(0.1, seed).levels[:n] for seed in (0, 1)])
    told = wishes(2, n // 64)
    fused, plain = FusedEngine(made, threads=1), PlainEngine(made)
    got = fused.log_probabilities(fused.begin(2), levels, told)
    expected = plain.log_probabilities(plain.begin(2), levels, told).numpy()
    assert np.abs(got - expected)[expected > -12].max() < SINGLE


def test_bits_of_a_net_that_is_told_are_those_of_the_distributions_the_engine_predicts():
    made, n = conditioned().eval(), 512
    tune, told = Song("", song(0.1).levels[:n]), wishes(1, n // 64)
    engine = PlainEngine(made)
    scores = engine.log_probabilities(engine.begin(1), tune.levels[None], told)[0].numpy()
    expected = -scores[np.arange(n), tune.levels].mean() / np.log(2)
    got = evaluate.song_bits(made, tune, window=128, told=told[0])
    assert got == pytest.approx(expected, abs=BITS)
    assert abs(got - evaluate.song_bits(made, tune, window=128)) > 10 * BITS  # it is heard at all


def test_mean_bits_tells_each_song_what_is_known_of_it():
    made, tunes = conditioned().eval(), [song(1.0, 0), song(0.5, 1)]
    told = tell(ALL, [t.levels for t in tunes], [Labels(("slow",), 80.0), Labels()], hop=64, n_levels=256,
                sample_rate=RATE, dropout=0.2)  # fmt: skip
    got = evaluate.mean_bits(made, tunes, seconds=0.25, sample_rate=RATE, told=told)
    parts = []
    for i, tune in enumerate(tunes):
        start, stop = evaluate.excerpt(tune, 0.25, RATE)
        parts.append(evaluate.song_bits(made, tune, start=start, stop=stop, told=told.at(i, start, stop - start)))
    assert got == pytest.approx(np.mean(parts))
    assert parts[0] != parts[1]


@pytest.mark.parametrize(
    ("names", "labels", "silent"),
    [
        (("tag", "tempo"), Labels(), True),
        (("tag",), Labels(("never heard",), 90.0), True),
        (("tag",), Labels(("slow",)), False),
        (("tempo",), Labels((), 90.0), False),
        (("position",), Labels(), False),
    ],
)
def test_songs_of_which_nothing_is_known_can_be_told_nothing(names, labels, silent):
    conditions = Conditions(names, ("fast", "slow") if "tag" in names else ())
    told = tell(conditions, [song(0.5).levels], [labels], hop=64, n_levels=256, sample_rate=RATE, dropout=0.2)
    assert told.silent is silent
    assert told.at(0, 0, 1024).any() != silent


def test_the_graph_engine_uncaptured_hears_conditions_as_the_plain_engine_does():
    made, rng = conditioned(), np.random.default_rng(0)
    uniforms, temperatures, told, heard = rng.random((3, 512)), np.full((3, 512), 1.01), wishes(3, 2), wishes(1, 2, 4)
    drawn = []
    for engine, hops in ((GraphEngine(made), 1), (PlainEngine(made), 4)):  # the one's are four of the other's
        memory = engine.begin(3)
        engine.hear(memory, 1, song(0.1).levels[:512], heard[0].repeat(hops, 0))
        drawn.append(engine.sample(memory, uniforms, temperatures, None, told.repeat(hops, 1)).levels)
    first = [np.argmax(np.append(a != b, True)) for a, b in zip(*drawn, strict=True)]
    assert min(first) > 32


def test_a_conditioned_take_is_the_same_by_bit_alone_in_any_batch_and_in_pieces():
    made, rng = conditioned(), np.random.default_rng(0)
    uniforms, temperatures, told = rng.random((17, 512)), rng.uniform(0.9, 1.1, size=(17, 512)), wishes(17, 8)
    together = FusedEngine(made, threads=2)
    memory = together.begin(17)
    parts = [
        together.sample(memory, uniforms[:, cut], temperatures[:, cut], None, told[:, cut[0] // 64 : cut[-1] // 64 + 1])
        for cut in np.split(np.arange(512), 2)
    ]
    everything = np.concatenate([part.levels for part in parts], axis=1)
    alone = FusedEngine(made, threads=1)
    for b in (0, 7, 16):
        one = slice(b, b + 1)
        got = alone.sample(alone.begin(1), uniforms[one], temperatures[one], None, told[one]).levels[0]
        assert np.array_equal(got, everything[b])


def test_a_net_that_is_told_nothing_draws_what_the_same_net_without_conditions_draws_by_bit():
    made, plain, rng = conditioned(), net(shaken=0.05), np.random.default_rng(0)
    uniforms, temperatures = rng.random((2, 256)), np.ones((2, 256))
    drawn = [
        engine.sample(engine.begin(2), uniforms, temperatures, None, told).levels
        for engine, told in (
            (FusedEngine(made), None), (FusedEngine(made), np.zeros((2, 4, ALL.n_inputs), np.float32)),
            (FusedEngine(plain), None),
        )
    ]  # fmt: skip
    assert np.array_equal(drawn[0], drawn[2])
    assert np.array_equal(drawn[1], drawn[2])


def test_a_net_without_conditions_starts_with_the_weights_it_always_had():
    chosen = presets.preset("debug")
    with_some = presets.build(chosen.kind, {**chosen.config, "conditions": ("position",)}, seed=3)
    without = presets.build(chosen.kind, chosen.config, seed=3)
    assert "conditions" not in presets.plain(without.config)
    assert "tags" not in presets.plain(without.config)
    assert all(torch.equal(p, with_some.get_parameter(name)) for name, p in without.named_parameters())


def test_a_net_without_conditions_cannot_be_told_anything():
    with pytest.raises(ParameterError, match="without conditions"):
        net().hear_told(torch.zeros(1, 1, 3))


def feed(dropout, n_batch=4):
    tunes = [song(1.0, 0), song(0.5, 1)]
    told = tell(ALL, [t.levels for t in tunes], [Labels(("slow",), 80.0), Labels()], hop=64, n_levels=256,
                sample_rate=RATE, dropout=dropout)  # fmt: skip
    return Feed(
        tunes, n_batch=n_batch, window=256, context=64, stretch=1024, n_levels=256, anchor=None, seed=0, told=told
    )


def test_streams_are_told_where_they_are_and_what_was_said_of_the_song():
    window = feed(0.0).next()
    assert window.told.shape == (4, 4, ALL.n_inputs)
    places = ALL.places()
    assert window.told[:, :, places["position"]].sum(-1) == pytest.approx(1.0)
    assert window.told[:, :, places["loudness"]].sum(-1) == pytest.approx(1.0)
    labelled = window.told[:, 0, places["tag"]].any(-1)
    assert 0 < labelled.sum() <= 4
    assert np.array_equal(labelled, window.told[:, 0, places["tempo"]].any(-1))  # the other song has no labels


def test_conditions_are_dropped_for_whole_stretches_at_the_asked_share():
    music, heard = feed(0.3, n_batch=16), []
    for _ in range(80):
        window = music.next()
        heard.append(window.told[:, :, ALL.places()["position"]].any(-1))
    heard = np.concatenate(heard)
    assert np.all(heard.all(1) | ~heard.any(1))
    assert heard.mean() == pytest.approx(0.7 * 0.7, abs=0.08)


def test_a_feed_that_tells_goes_on_by_bit_after_an_interruption():
    first, second = feed(0.5), feed(0.5)
    for _ in range(6):
        first.next()
    second.restore(first.state())
    one, two = first.next(), second.next()
    assert np.array_equal(one.told, two.told)
    assert np.array_equal(one.heard, two.heard)


def test_a_tag_chooses_the_level_where_nothing_else_tells_it():
    """Two songs that begin from silence and differ in nothing but their level: the tag is the only way to know."""
    conditions = Conditions(("tag",), ("loud", "quiet"))
    made = conditioned(conditions, shaken=0.0)
    with torch.no_grad():
        made.told.zero_()
        made.anchor.zero_()  # dropped anew to these songs
    sign = np.where(np.arange(256) // 16 % 2, -1, 1)
    tunes = [Song(str(k), (128 + k * sign).astype(np.int16)) for k in (70, 30)]
    told = tell(conditions, [t.levels for t in tunes], [Labels(("loud",)), Labels(("quiet",))], hop=64, n_levels=256,
                sample_rate=RATE, dropout=0.4)  # fmt: skip
    habits = Habits(batch=4, window=256, learning_rate=1e-2, average=0.9, tone_share=0.0, frame_share=1.0)
    trainer = Trainer(made, tunes, habits, told)
    for step in range(120):
        trainer.advance(step / 120)
    engine = FusedEngine(made, threads=1)
    wishes = ["loud"] * 4 + ["quiet"] * 4 + [None] * 8
    said = np.stack([conditions.write({} if wish is None else {"tag": [wish]}, 4) for wish in wishes])
    uniforms = np.random.default_rng(0).random((16, 256))
    uniforms[8:, 0] = (np.arange(8) + 0.5) / 8  # the first sample settles the level
    levels = engine.sample(engine.begin(16), uniforms, np.full((16, 256), 0.7), None, said).levels
    heights = np.abs(levels - 128.0).mean(1)
    assert heights[:8] == pytest.approx([70] * 4 + [30] * 4, abs=2.0)
    assert {bool(height > 50) for height in heights[8:]} == {False, True}  # told nothing, it sings both
