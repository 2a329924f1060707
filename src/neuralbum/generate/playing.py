"""Play takes: the skeleton hears itself, step by step, several takes side by side.

Every take brings its own plan (form, temperature) and its own random stream, and a fixed
number of streams is stepped together, idle ones with silence: so a take's codes are the
same alone or in any batch.

Pure: no files, no catalogue, no global random state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..nets.band_model import BandModel
from ..nets.codebook import N_GROUPS
from ..nets.grid import STEPS_PER_BAR
from ..nets.skeleton import ABSENT, LAGS, N_PAST, Heard
from ..train.material import beat_features, lags_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

BLOCK = 64  #: steps whose random numbers are drawn at once
N_STREAMS = 16  #: takes stepped together
N_CANDIDATES = 8
"""Each bar is played so often, and one is kept: left alone, a skeleton follows its own past more than the form and its
strokes more loosely than the band's, and a take has no parts."""
REPETITION = 3.0
"""What keeping to the pattern of a bar 1, 2 or 4 bars ago (a correlation) weighs against keeping to the form (a
distance, in means of the candidates'). With it takes keep to their patterns as much as the songs of three bands did."""


@dataclass
class Plan:
    """What one take is to be, and its random stream."""

    n_steps: int
    tokens: Ints  #: form tokens, at least one for each bar and one more
    temperature: Floats  #: (n_steps,)
    prime: Ints  #: (n, N_GROUPS) codes heard first, the last of them just before a bar begins; not part of the take
    regular: bool  #: whether it has bars
    rng: np.random.Generator
    given: Ints = field(default_factory=lambda: np.zeros((0, N_GROUPS), dtype=np.int64))
    """(n, N_GROUPS) codes of the take's beginning that are heard instead of drawn."""


class Player:
    """Steps up to ``n_streams`` takes together, each in ``n_candidates`` rows."""

    def __init__(
        self,
        model: BandModel,
        plans: Sequence[Plan],
        n_streams: int = N_STREAMS,
        n_candidates: int = N_CANDIDATES,
    ) -> None:
        assert 0 < len(plans) <= n_streams
        net, codebook, form = model.net.eval(), model.codebook, model.form
        self.net, self.codebook, self.form, self.tilt, self.plans = net, codebook, form, model.tilt, plans
        self.n_candidates, self.n_rows = n_candidates, n_streams * n_candidates
        self.first = max(len(plan.prime) for plan in plans)  #: every take begins at this step
        self.n_steps = max(plan.n_steps for plan in plans)
        total = self.first + self.n_steps
        self.codes = np.zeros((self.n_rows, total, N_GROUPS), dtype=np.int64)
        self.latents = np.zeros((self.n_rows, total, codebook.vectors.shape[-1]), dtype=np.float32)
        self.lags = np.full((self.n_rows, len(lags_of(1, 0, np.zeros(1, dtype=np.int64))), self.n_steps), -1)
        self.described = np.zeros((self.n_rows, self.n_steps, 2 * form.centres.shape[1]), dtype=np.float32)
        self.regular = np.zeros(self.n_rows, dtype=bool)
        for i, plan in enumerate(plans):
            n, rows = len(plan.prime), self.rows_of(i)
            self.codes[rows, self.first - n : self.first] = plan.prime
            self.latents[rows, self.first - n : self.first] = codebook.latents(plan.prime)
            self.lags[rows, :, : plan.n_steps] = lags_of(plan.n_steps, 0, plan.tokens)
            bar = np.arange(plan.n_steps) // STEPS_PER_BAR
            described = form.centres[plan.tokens[np.stack([bar, bar + 1], 1)]]
            self.described[rows, : plan.n_steps] = described.reshape(len(bar), -1)
            self.regular[rows] = plan.regular
        self.state = net.start(self.n_rows)
        for step in range(1 - self.first, 0):
            _, self.state = net.trunk(self._heard(step), self.state)

    def rows_of(self, plan: int) -> slice:
        """The candidates of a take."""
        return slice(plan * self.n_candidates, (plan + 1) * self.n_candidates)

    def _heard(self, step: int) -> Heard:
        """What the step hears; steps before 0 are the prime's."""
        n, at, d = self.n_rows, self.first + step, self.latents.shape[-1]
        past = np.zeros((n, N_PAST, d), dtype=np.float32)
        for i in range(min(N_PAST, at)):
            past[:, i] = self.latents[:, at - 1 - i]
        inside = max(0, step)
        lag = self.lags[:, :, inside] if step >= 0 else np.full(self.lags.shape[:2], -1)
        known = lag >= 0
        rows = np.arange(n)[:, None]
        there = self.first + np.maximum(lag, 0)
        lagged = self.latents[rows, there] * known[..., None]
        ahead = self.latents[rows, np.minimum(there + 1, max(at - 1, 0))] * known[..., None]
        remembered = np.where(known[..., None], self.codes[rows, there], ABSENT)
        form = np.concatenate([self.described[:, inside], np.ones((n, 1), dtype=np.float32)], 1)
        beat = beat_features(np.full(n, step % STEPS_PER_BAR), self.regular)

        def tensor(values: npt.NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values.reshape(n, 1, -1), dtype=np.float32))

        return Heard(
            past=tensor(past), lagged=tensor(lagged), ahead=tensor(ahead), known=tensor(known), beat=tensor(beat),
            remembered=torch.from_numpy(remembered.reshape(n, 1, -1)), form=tensor(form), noise=torch.zeros(n, 1, 1),
        )  # fmt: skip

    @torch.no_grad()
    def step(self, step: int) -> None:
        """Draw the next codes of every stream."""
        if step % BLOCK == 0:
            self._draw_numbers()
        heard = self._heard(step)
        features, self.state = self.net.trunk(heard, self.state)
        temperature = torch.ones(self.n_rows, 1)
        for i, plan in enumerate(self.plans):
            temperature[self.rows_of(i)] = float(plan.temperature[min(step, plan.n_steps - 1)])
        played = self._played_before(step)
        drawn = torch.zeros(self.n_rows, 1, 0, dtype=torch.long)
        for group in range(N_GROUPS):
            logits = self.net.logits(group, features, heard, drawn)[:, 0] + self.tilt(group, drawn[:, 0], *played)
            logits = logits / temperature
            drawn = torch.cat([drawn, choose(logits, self.uniform[:, step % BLOCK, group])[:, None, None]], -1)
        codes = drawn[:, 0].numpy()
        for i, plan in enumerate(self.plans):
            if step < len(plan.given):
                codes[self.rows_of(i)] = plan.given[step]
        self.codes[:, self.first + step] = codes
        self.latents[:, self.first + step] = self.codebook.latents(codes)
        if (step + 1) % STEPS_PER_BAR == 0:
            self._select(step // STEPS_PER_BAR)

    def _played_before(self, step: int) -> tuple[Tensor, tuple[Tensor, Tensor] | None, Tensor, Tensor]:
        """What the tilt looks at: the last codes, those a bar before both, those of the lags, and the bars' tokens."""

        def codes(back: int) -> Tensor:
            return torch.from_numpy(self.codes[:, max(0, self.first + step - back)])

        ago = (codes(STEPS_PER_BAR), codes(STEPS_PER_BAR + 1)) if step > STEPS_PER_BAR else None
        lags = self.tilt.followed_first(torch.from_numpy(self.codes[:, : self.first + step]), self.first)
        then = torch.from_numpy(self.codes)[torch.arange(self.n_rows)[:, None], (self.first + step - lags).clamp_min(0)]
        then = torch.where((lags <= step)[..., None], then, ABSENT)
        tokens = torch.zeros(self.n_rows, dtype=torch.long)
        for i, plan in enumerate(self.plans):
            tokens[self.rows_of(i)] = int(plan.tokens[min(step // STEPS_PER_BAR, len(plan.tokens) - 1)])
        return codes(1), ago, then, tokens

    def _select(self, bar: int) -> None:
        """Of each take's candidates go on with the one whose ``bar`` keeps best to its form and to the bars before."""
        played = self._steps_of(bar)
        described = self.form.describe(self.latents[:, played].mean(1))
        again = self._repetition(bar)
        kept = np.arange(self.n_rows)
        for i, plan in enumerate(self.plans):
            rows, token = self.rows_of(i), plan.tokens[min(bar, len(plan.tokens) - 1)]
            apart = np.sqrt(self.form.distances(described[rows])[:, token])
            cost = apart / (apart.mean() + 1e-9) - REPETITION * again[rows]
            kept[rows] = rows.start + int(cost.argmin())
        self.codes[:, played], self.latents[:, played] = self.codes[kept, played], self.latents[kept, played]
        self.state = [part[torch.from_numpy(kept)] for part in self.state]

    def _steps_of(self, bar: int) -> slice:
        return slice(self.first + bar * STEPS_PER_BAR, self.first + (bar + 1) * STEPS_PER_BAR)

    def _repetition(self, bar: int) -> Floats:
        """(n_rows,): the highest correlation of the pattern of ``bar`` with that of the bars 1, 2 and 4 before."""
        now, found = self._pattern(bar), np.full(self.n_rows, -1.0, dtype=np.float32)
        for then in (self._pattern(bar - back) for back in LAGS if bar >= back):
            both = np.sqrt(np.square(now).sum((1, 2)) * np.square(then).sum((1, 2))) + 1e-9
            found = np.maximum(found, (now * then).sum((1, 2)) / both)
        return found

    def _pattern(self, bar: int) -> Floats:
        """(n_rows, STEPS_PER_BAR, n_latents) dB around the bar's mean."""
        steps = self.latents[:, self._steps_of(bar)] * self.codebook.deviations
        return np.asarray(steps - steps.mean(1, keepdims=True))

    def _draw_numbers(self) -> None:
        """The next block of random numbers, each take's from its own stream."""
        uniform = np.full((self.n_rows, BLOCK, N_GROUPS), 0.5)
        for i, plan in enumerate(self.plans):
            uniform[self.rows_of(i)] = plan.rng.random((self.n_candidates, BLOCK, N_GROUPS))
        self.uniform = torch.from_numpy(uniform).float()

    def play(self, after_block: Callable[[float], None] | None = None) -> list[Ints]:
        """Play all takes to their ends: codes (n_steps, N_GROUPS) each, without the prime.

        ``after_block`` is called now and then with the share that was played since.
        """
        for step in range(self.n_steps):
            self.step(step)
            if after_block is not None and ((step + 1) % BLOCK == 0 or step + 1 == self.n_steps):
                after_block((step % BLOCK + 1) / self.n_steps)
        return [
            self.codes[self.rows_of(i).start, self.first : self.first + plan.n_steps].copy()
            for i, plan in enumerate(self.plans)
        ]


def choose(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw one index for each row by inverting the distribution: logits (B, N), uniform (B,) in [0, 1)."""
    cdf = logits.softmax(-1).cumsum(-1)
    index = torch.searchsorted(cdf, uniform[:, None].contiguous(), right=True)
    return index.clamp_(max=logits.shape[-1] - 1)[:, 0]
