"""Texture: residuals around codes, drawn with the statistics of the band's own."""

import numpy as np
import pytest

from neuralbum.nets.codebook import Codebook, groups_of
from neuralbum.nets.frames import FrameSpec
from neuralbum.nets.grid import FRAMES_PER_STEP
from neuralbum.nets.texture import LAGS, LARGEST_RADIUS, N_BROAD, ORDER, SHARE, Texture, _steady, taken_up

SPEC = FrameSpec(16_000)
N = SPEC.size
TRANSITION = (0.6, -0.3)
"""Every number of a frame is an autoregression with these coefficients."""


@pytest.fixture(scope="module")
def band():
    """Two levels that alternate, 60 dB apart, around each a coloured noise: of 1 dB and of 3 dB."""
    rng = np.random.default_rng(0)
    n_steps = 3000
    loud = rng.integers(0, 2, n_steps)
    noise = np.zeros((n_steps * FRAMES_PER_STEP, N))
    new = rng.normal(size=noise.shape)
    for t in range(2, len(noise)):
        noise[t] = TRANSITION[0] * noise[t - 1] + TRANSITION[1] * noise[t - 2] + new[t]
    steps = noise.reshape(n_steps, -1) / noise.std() * np.where(loud, 3.0, 1.0)[:, None] + 60.0 * loud[:, None] - 70.0
    steps = steps.astype(np.float32)
    book = Codebook.fit([steps], SPEC, 2, 4, rng=np.random.default_rng(1))
    return steps, book, Texture.fit([steps], book)


def test_deviations_are_those_around_each_code(band):
    _, book, texture = band
    for group, chosen in enumerate(groups_of(SPEC)):
        loud = int(book.centres[group].mean(1).argmax())
        assert texture.deviations[loud, chosen].mean() == pytest.approx(3.0, rel=0.05)
        assert texture.deviations[1 - loud, chosen].mean() == pytest.approx(1.0, rel=0.05)


def test_the_autoregression_is_the_one_the_noise_was_made_with(band):
    _, _, texture = band
    one, two = texture.transition[:N], texture.transition[N:]
    assert np.diag(one).mean() == pytest.approx(TRANSITION[0], abs=0.03)
    assert np.diag(two).mean() == pytest.approx(TRANSITION[1], abs=0.03)
    assert abs(one - np.diag(np.diag(one))).mean() < 0.01


def test_what_is_drawn_has_the_residuals_deviation_and_movement(band):
    steps, book, texture = band
    codes = book.encode(steps)
    drawn = texture.draw(codes, book, np.ones(len(codes), np.float32), np.random.default_rng(2))
    own = steps - book.decode(codes)
    kept = SHARE * np.sqrt(1.0 - N_BROAD / SPEC.n_bands)
    assert drawn.std() == pytest.approx(kept * own.std(), rel=0.05)
    made, known = (np.diff(x.reshape(-1, N), axis=0) for x in (drawn, own))
    assert made.std() == pytest.approx(kept * known.std(), rel=0.05)


def test_variance_goes_with_the_temperature(band):
    steps, book, texture = band
    codes = book.encode(steps[:500])
    cold, warm = (
        texture.draw(codes, book, np.full(len(codes), t, np.float32), np.random.default_rng(3)) for t in (0.5, 1.0)
    )
    assert np.allclose(cold, warm * np.sqrt(0.5), atol=1e-5)


def test_an_autoregression_that_would_explode_is_damped():
    wild = np.concatenate([1.3 * np.eye(3), np.zeros((3, 3))])
    tame = _steady(wild)
    assert ORDER == 2
    assert np.abs(np.linalg.eigvals(tame[:3])).max() == pytest.approx(LARGEST_RADIUS)


def test_where_a_code_comes_again_its_residual_is_taken_up():
    codes = np.array([[0], [1], [0], [2], *[[3]] * 12, [0], [1], [5]]).repeat(7, 1)
    source, kind = taken_up(codes)
    assert source[:4, 0].tolist() == [-1, -1, 0, -1]
    assert (source[16, 0], kind[16, 0]) == (0, len(LAGS) - 1)  # a bar ago, though step 2 is nearer
    assert (source[17, 0], source[18, 0], kind[2, 0]) == (1, -1, len(LAGS))


def test_residuals_repeat_as_much_as_the_bands_do():
    """Every bar has the codes of the one before, and a residual that is mostly the last bar's."""
    rng, kept = np.random.default_rng(0), 0.8
    bar = rng.integers(0, 2, 16)
    new = rng.normal(size=(60, 16, FRAMES_PER_STEP * N))
    residual = [new[0]]
    for fresh in new[1:]:
        residual.append(kept * residual[-1] + np.sqrt(1 - kept**2) * fresh)
    steps = (np.concatenate(residual) + 40.0 * np.tile(bar, 60)[:, None] - 60.0).astype(np.float32)
    book = Codebook.fit([steps], SPEC, 2, 4, rng=np.random.default_rng(1))
    texture = Texture.fit([steps], book)
    codes = book.encode(steps)
    drawn = texture.draw(codes, book, np.ones(len(codes), np.float32), np.random.default_rng(2))
    four_bars = [np.corrcoef(x[64:].ravel(), x[:-64].ravel())[0, 1] for x in (steps - book.decode(codes), drawn)]
    assert four_bars[1] == pytest.approx(four_bars[0], abs=0.05)
