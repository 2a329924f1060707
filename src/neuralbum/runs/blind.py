"""A blind comparison of two checkpoints: what was chosen, and how likely chance alone is to choose so.

The number of trials is fixed before the first one and nothing is told before the last: looking
at the result on the way and stopping when it pleases would make chance look like taste.
Pure.
"""

from __future__ import annotations

import io
from math import comb

import numpy as np
import numpy.typing as npt

from ..audio import loudness
from ..records import BlindTest

SIGNIFICANT = 0.05

Sound = npt.NDArray[np.float32]


def binomial_p(chosen: int, n: int) -> float:
    """Probability that fair coins differ at least so much from half: the exact two-sided binomial test at 1/2.

    >>> binomial_p(13, 16)
    0.021270751953125
    """
    most = max(chosen, n - chosen)
    return float(min(1.0, 2 * sum(comb(n, k) for k in range(most, n + 1)) / 2**n))


def result(test: BlindTest) -> dict[str, object]:
    """What a finished test says."""
    assert test.done
    chose_a = test.chosen.count("a")
    p = binomial_p(chose_a, test.n)
    if p <= SIGNIFICANT:
        said = f"{test.a if chose_a > test.n - chose_a else test.b} is preferred (p = {p:.2g})"
    else:
        said = f"no difference that chance does not explain (p = {p:.2g})"
    return {
        "test_id": test.test_id, "a": test.a, "b": test.b, "n": test.n, "chose_a": chose_a,
        "chose_b": test.n - chose_a, "p": p, "sentence": said,
    }  # fmt: skip


def alike(one: Sound, other: Sound, sample_rate: int) -> tuple[bytes, bytes]:
    """Two sounds (channels, n_samples) as 16-bit WAV that differ in nothing but the music.

    Both get the length of the shorter and the loudness of the quieter one, so the files are equally
    large and neither wins by being louder.
    """
    n = min(one.shape[1], other.shape[1])
    pair = [one[:, :n], other[:, :n]]
    levels = [loudness.measure(sound, sample_rate).integrated_lufs for sound in pair]
    if None not in levels:
        low = min(level for level in levels if level is not None)
        pair = [s * np.float32(10 ** ((low - v) / 20)) for s, v in zip(pair, levels, strict=True) if v is not None]
    first, second = (_wav(sound, sample_rate) for sound in pair)
    return first, second


def _wav(sound: Sound, sample_rate: int) -> bytes:
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, sound.T, sample_rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
