"""What a skeleton is trained on: songs as steps, with all that each step hears looked up once.

A copy is a song as it is, or transposed. For every step of a copy the place in the bar,
the bar's form token and the steps "1, 2 and 4 bars ago" and "at this place of the last
bar with this token" are known beforehand; a window is then a few index operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..nets.form import FormCodec
from ..nets.grid import STEPS_PER_BAR
from ..nets.skeleton import ABSENT, LAGS, N_LAGS, N_PAST, Heard

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Copy:
    """One song, ready to be heard step by step."""

    song: int  #: index of the song
    codes: Ints  #: (n_steps, N_GROUPS)
    latents: Floats  #: (n_steps, n_latents)
    first: int  #: place in the bar of the first step
    regular: bool  #: whether it has bars
    bar: Ints  #: (n_steps,) index of the bar a step lies in
    tokens: Ints  #: (n_bars,) form tokens
    lags: Ints  #: (N_LAGS, n_steps) the step that is heard for each lag, or ABSENT

    def __len__(self) -> int:
        return len(self.codes)


def bars_of(n_steps: int, first: int) -> Ints:
    """(n_steps,) the bar each step lies in; a bar cut off at the beginning counts as the first."""
    return (first + np.arange(n_steps)) // STEPS_PER_BAR


def bar_means(latents: Floats, bar: Ints) -> Floats:
    """Mean latents of each bar."""
    sums = np.zeros((int(bar[-1]) + 1, latents.shape[1]))
    np.add.at(sums, bar, latents)
    return (sums / np.bincount(bar)[:, None]).astype(np.float32)


def make_copy(song: int, codes: Ints, latents: Floats, first: int, regular: bool, form: FormCodec) -> Copy:
    """Look up what each step of a song hears."""
    n = len(codes)
    bar = bars_of(n, first)
    tokens = form.tokens(bar_means(latents, bar))
    return Copy(song, codes, latents, first, regular, bar, tokens, lags_of(n, first, tokens))


def lags_of(n_steps: int, first: int, tokens: Ints) -> Ints:
    """(N_LAGS, n_steps) which step each lag means, or ABSENT."""
    step, bar = np.arange(n_steps), bars_of(n_steps, first)
    back = [np.full(n_steps, lag) for lag in LAGS]
    same = last_same(tokens)[bar]
    back.append(np.where(same >= 0, bar - same, n_steps))
    at = step - STEPS_PER_BAR * np.stack(back)
    return np.where(at >= 0, at, ABSENT)


def last_same(tokens: Ints) -> Ints:
    """For each bar, the last bar before the previous one with the same token, or ABSENT."""
    out = np.full(len(tokens), ABSENT, dtype=np.int64)
    for bar in range(2, len(tokens)):
        earlier = np.flatnonzero(tokens[: bar - 1] == tokens[bar])
        if len(earlier):
            out[bar] = earlier[-1]
    return out


def hear(copy: Copy, start: int, n_steps: int, form: FormCodec, *, since: int = 0) -> tuple[Heard, Tensor]:
    """What the steps from ``start`` on hear, (1, T, …), without noise; and the codes (1, T, N_GROUPS) to predict.

    Steps before ``since`` are taken for not played: lags that reach there are absent.
    """
    at = np.arange(start, start + n_steps)
    past_at = at[:, None] - 1 - np.arange(N_PAST)
    past = copy.latents[np.maximum(past_at, 0)] * (past_at >= 0)[..., None]
    lag_at = copy.lags[:, at].T  # (T, N_LAGS)
    known = lag_at >= max(since, 0)
    lagged = copy.latents[np.maximum(lag_at, 0)] * known[..., None]
    ahead = copy.latents[np.minimum(np.maximum(lag_at, 0) + 1, len(copy) - 1)] * known[..., None]
    remembered = np.where(known[..., None], copy.codes[np.maximum(lag_at, 0)], ABSENT)
    bar = copy.bar[at]
    following = np.minimum(bar + 1, len(copy.tokens) - 1)
    described = form.centres[copy.tokens[np.stack([bar, following], 1)]]
    heard = Heard(
        past=_row(past), lagged=_row(lagged), ahead=_row(ahead), known=_row(known),
        remembered=torch.from_numpy(remembered.reshape(n_steps, -1))[None],
        beat=_row(beat_features((copy.first + at) % STEPS_PER_BAR, copy.regular)),
        form=_row(np.concatenate([described.reshape(n_steps, -1), np.ones((n_steps, 1))], 1)),
        noise=torch.zeros(1, n_steps, 1),
    )  # fmt: skip
    return heard, torch.from_numpy(copy.codes[at])[None]


def beat_features(place: Ints, regular: bool | npt.NDArray[np.bool_]) -> Floats:
    """(n, STEPS_PER_BAR + 1): one of sixteen, and whether there are bars."""
    out = np.zeros((len(place), STEPS_PER_BAR + 1), dtype=np.float32)
    out[np.arange(len(place)), place] = 1.0
    out[:, -1] = 1.0
    return out * np.broadcast_to(np.asarray(regular, dtype=np.float32), (len(place),))[:, None]


def _row(values: npt.NDArray[np.generic]) -> Tensor:
    flat = values.reshape(len(values), -1)
    return torch.from_numpy(np.ascontiguousarray(flat, dtype=np.float32))[None]


def stack(rows: Sequence[Heard]) -> Heard:
    """Rows of one copy each, put together."""
    return Heard(**{name: torch.cat([getattr(row, name) for row in rows]) for name in Heard.__dataclass_fields__})


@dataclass(frozen=True)
class Disturbance:
    """What is done in training to what a net hears, so that it does not lean on it."""

    noise: float = 0.5  #: most noise on the latents heard, in deviations; each window draws its own
    drop_past: float = 0.3  #: most of the past steps left out; each window draws its share
    lag_noise: float = 0.3  #: of that noise on the bars remembered
    drop_lags: float = 0.12  #: share of windows in which a lag is left out
    drop_form: float = 0.12  #: share of windows that are not told the form
    form_noise: float = 0.15  #: on the form's descriptions, in deviations
    stuck: float = 0.1  #: share of windows whose past is one step over and over, so that the net learns to leave it
    foreign_past: float = 0.35  #: share of windows whose past is another song's, for a while
    foreign_lags: float = 0.15  #: share of windows whose remembered bars are another song's


def disturb(heard: Heard, how: Disturbance, *, rng: torch.Generator) -> Heard:
    """Noise on what is heard, and parts of it left out; the net is told how much noise.

    Without this a net that hears its own output leads itself away, or copies its last
    step for ever.
    """
    b, t, _ = heard.past.shape
    level = (torch.rand(b, 1, 1, generator=rng) ** 2 * how.noise).expand(-1, t, 1)

    def noisy(x: Tensor, share: float) -> Tensor:
        return x + level * share * torch.randn(x.shape, generator=rng)

    gone = torch.rand(b, t, N_PAST, generator=rng) < torch.rand(b, 1, 1, generator=rng) * how.drop_past
    past = noisy(heard.past, 1.0) * (~gone).repeat_interleave(heard.past.shape[-1] // N_PAST, -1)
    kept = (torch.rand(b, 1, N_LAGS, generator=rng) >= how.drop_lags).float() * heard.known
    spread = kept.repeat_interleave(heard.lagged.shape[-1] // N_LAGS, -1)
    told = (torch.rand(b, 1, 1, generator=rng) >= how.drop_form).float()
    form = heard.form + how.form_noise * torch.randn(heard.form.shape, generator=rng)
    form = torch.cat([form[..., :-1], heard.form[..., -1:]], -1) * told
    here = kept.bool().repeat_interleave(heard.remembered.shape[-1] // N_LAGS, -1)
    return Heard(
        past=past, lagged=noisy(heard.lagged, how.lag_noise) * spread, ahead=noisy(heard.ahead, how.lag_noise) * spread,
        remembered=torch.where(here, heard.remembered, ABSENT), known=kept, beat=heard.beat, form=form, noise=level,
    )  # fmt: skip
