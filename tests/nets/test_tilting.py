"""A tilt brings what is played freely to the band's statistics."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from neuralbum.nets.codebook import N_GROUPS, groups_of
from neuralbum.nets.frames import FrameSpec
from neuralbum.nets.grid import STEPS_PER_BAR
from neuralbum.nets.tilting import FOLLOWED_FOR, LAGS, N_AGO, STRONG, WEAK, Tilt

N_CODES, N_TOKENS = 5, 3
SPEC = FrameSpec(16_000)


def some_codes(n_steps, seed=0):
    return np.random.default_rng(seed).integers(0, N_CODES, (n_steps, N_GROUPS))


@pytest.fixture
def codebook():
    """Codes of one level each, 10 dB apart."""
    sizes = [len(chosen) for chosen in groups_of(SPEC)]
    centres = [np.repeat(10.0 * np.arange(N_CODES)[:, None], size, 1).astype(np.float32) for size in sizes]
    return SimpleNamespace(spec=SPEC, n_codes=N_CODES, centres=centres)


def measured(codebook, songs):
    tilt = Tilt(N_CODES, N_TOKENS)
    return tilt, tilt.measure_band(codebook, songs, songs)


def test_a_new_tilt_adds_nothing_and_its_bins_are_those_of_the_band(codebook):
    codes, tokens = some_codes(400), np.arange(400) // STEPS_PER_BAR % N_TOKENS
    tilt, _ = measured(codebook, [(codes, tokens)])
    rows = torch.from_numpy(codes[:7])
    added = tilt(3, rows[:, :3], rows, (rows, rows), rows[:, None].repeat(1, 3, 1), torch.zeros(7, dtype=torch.long))
    assert torch.equal(added, torch.zeros(7, N_CODES))
    for group in range(N_GROUPS):
        rises, far = tilt.rises[group].numpy(), tilt.distances[group].numpy()
        assert (np.diag(rises) == 0).all()
        assert (np.diag(far) == 0).all()
        assert (np.diff(rises[0]) >= 0).all()
        assert rises[0, 4] > rises[3, 4]
        assert (rises[4, :4] == rises[4, 0]).all()  # a fall is no rise, however deep
        assert (far == far.T).all()
        assert far[0, 4] > far[0, 1]


def test_what_is_added_is_the_sum_of_the_features_weights(codebook):
    codes, tokens = some_codes(300), np.zeros(300, dtype=np.int64)
    tilt, _ = measured(codebook, [(codes, tokens)])
    rng = np.random.default_rng(1)
    for name in ("code", "rise", "again", "form"):
        weights = getattr(tilt, name)
        weights.copy_(torch.from_numpy(rng.normal(size=tuple(weights.shape))))
    last, drawn, ago, before = some_codes(9, 2), some_codes(9, 3), some_codes(9, 4), some_codes(9, 5)
    then = np.stack([some_codes(9, 6), some_codes(9, 7), np.full((9, N_GROUPS), -1)], 1)
    token = rng.integers(0, N_TOKENS, 9)
    t = torch.from_numpy
    for group in (0, 2, 6):
        added = tilt(group, t(drawn[:, :group]), t(last), (t(ago), t(before)), t(then), t(token))
        for row in range(9):
            rising = [int(tilt.rises[g][last[row, g], drawn[row, g]]) >= STRONG for g in range(group)]
            together = 0 if not any(rising) else 1 if sum(rising) < group / 2 else 2
            bin_ago = int(tilt.rises[group][before[row, group], ago[row, group]])
            kind = together * N_AGO + (bin_ago >= WEAK) + (bin_ago >= STRONG)
            for code in range(N_CODES):
                expected = (
                    tilt.code[group, code] + tilt.rise[group, kind, tilt.rises[group][last[row, group], code].long()]
                )
                for lag in (0, 1):  # the third is not there
                    expected = (
                        expected + tilt.again[group, lag, tilt.distances[group][then[row, lag, group], code].long()]
                    )
                expected = expected + tilt.form[group] * tilt.information[group, token[row], code]
                assert float(added[row, code]) == pytest.approx(float(expected), abs=1e-5)


def test_the_lag_that_is_followed_comes_first(codebook):
    bars = np.random.default_rng(3).integers(0, N_CODES, (2, STEPS_PER_BAR, N_GROUPS))
    codes = np.concatenate([bars[i % 2] for i in range(8)])  # every second bar is the same
    tilt, _ = measured(codebook, [(some_codes(300), np.zeros(300, dtype=np.int64))])
    assert tilt.followed_first(torch.from_numpy(codes)[None])[0, :2].sort().values.tolist() == [LAGS[1], LAGS[2]]
    assert tilt.followed_first(torch.from_numpy(codes[:40])[None])[0].tolist() == [LAGS[1], LAGS[0], LAGS[2]]


def test_which_lag_is_followed_is_the_same_for_a_whole_song_and_step_by_step(codebook):
    codes = np.concatenate([some_codes(50, 8), some_codes(50, 8), some_codes(60, 9)])
    tilt, _ = measured(codebook, [(codes, np.zeros(len(codes), dtype=np.int64))])
    whole = tilt._followed(codes)
    prime = np.concatenate([some_codes(4, 10), codes])
    for step in range(FOLLOWED_FOR + 1, len(codes)):
        steps = tilt.followed_first(torch.from_numpy(prime[: 4 + step])[None], 4)[0]
        known = int((np.asarray(LAGS) < step).sum())  # those that have something behind them
        assert steps[:known].tolist() == whole[step, :known].tolist()


def test_what_is_played_from_a_fitted_tilt_has_the_bands_moments(codebook):
    """A band that prefers a code, holds its sounds and repeats its bars; a net that knows nothing."""
    rng, n_bars = np.random.default_rng(4), 120

    def play(step_of, n):
        codes = np.zeros((n, STEPS_PER_BAR * 12, N_GROUPS), dtype=np.int64)
        for step in range(codes.shape[1]):
            codes[:, step] = step_of(codes, step)
        return codes

    def band_step(codes, step):
        new = rng.choice(N_CODES, p=[0.6, 0.1, 0.1, 0.1, 0.1], size=codes[:, 0].shape)
        held = np.where(rng.random(new.shape) < 0.5, codes[:, max(0, step - 1)], new)
        return np.where(rng.random(new.shape) < 0.4, codes[:, max(0, step - LAGS[0])], held)

    songs = [(c, np.arange(len(c)) // STEPS_PER_BAR % N_TOKENS) for c in play(band_step, n_bars // 12)]
    tilt, band = measured(codebook, songs)

    def net_step(codes, step):
        t = torch.from_numpy
        ago = (t(codes[:, step - 16]), t(codes[:, step - 17])) if step > STEPS_PER_BAR else None
        lags = tilt.followed_first(t(codes[:, :step]))
        then = codes[np.arange(len(codes))[:, None], np.maximum(step - lags.numpy(), 0)]
        then = np.where((lags.numpy() <= step)[..., None], then, -1)
        drawn = np.zeros((len(codes), 0), dtype=np.int64)
        tokens = torch.full((len(codes),), step // STEPS_PER_BAR % N_TOKENS)
        for group in range(N_GROUPS):
            logits = tilt(group, t(drawn), t(codes[:, max(0, step - 1)]), ago, t(then), tokens)
            noise = rng.gumbel(size=logits.shape)
            drawn = np.concatenate([drawn, (logits.numpy() + noise).argmax(1)[:, None]], 1)
        return drawn

    def far(moments):
        ratio = [np.abs(getattr(moments, name) - getattr(band, name)).mean() for name in ("code", "again")]
        return band.apart(moments), ratio[0], ratio[1]

    for done, rate in enumerate(np.linspace(0.6, 0.2, 9)):
        played = tilt.moments([(c, songs[0][1]) for c in play(net_step, 20)])
        if done == 0:
            before = far(played)
        tilt.move(band, played, rate)
    after = far(played)
    assert before[0] > 0.3
    assert after[0] < 0.02
    assert after[1] < 0.2 * before[1]
    assert after[2] < 0.35 * before[2]
    assert int(tilt.rounds) == 9
