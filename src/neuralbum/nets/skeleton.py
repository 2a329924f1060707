"""The skeleton: the exact likelihood of the next step's codes, given what was played before.

A step is a sixteenth of a bar (``grid``), seven codes (``codebook``). The net hears

    the last steps;
    what was played at this place of the bar 1, 2 and 4 bars ago, and the last time the
        form was here (the last bar with the same form token), with what came next;
    the place in the bar; and the form's tokens for this bar and the next one.

The last two may be absent, then a mask says so. Gated recurrences carry the rest. The
codes are drawn group by group, each group told the ones before: a categorical
distribution draws a crisp chord or stroke where a predicted mean would be a blur of
several. The logits have a part that knows how near codes are to each other: it starts as
the least-squares prediction of the step, a Gaussian around it read at the codes; and a
gate says how far to trust it. Another part says for each bar remembered how much likelier
its very code is: what comes again comes again exactly (a pointer as in Vinyals, Fortunato
and Jaitly, 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .codebook import N_EMBEDDED, N_GROUPS
from .grid import STEPS_PER_BAR
from .recurrence import RecurrentBlock

N_PAST = 4  #: steps heard directly
LAGS = (1, 2, 4)  #: bars ago; and one more: the last bar with the same form token
N_LAGS = len(LAGS) + 1
ABSENT = -1


@dataclass(frozen=True)
class SkeletonConfig:
    """Sizes of the net."""

    n_latents: int = 64  #: numbers by which a step is heard
    n_codes: int = 256
    n_form: int = 12  #: numbers that describe a bar
    width: int = 256
    n_blocks: int = 3
    hidden: int = 256
    dropout: float = 0.2


@dataclass
class Heard:
    """What a step hears; every tensor (B, T, …)."""

    past: Tensor  #: (…, N_PAST * D), newest first
    lagged: Tensor  #: (…, N_LAGS * D), zeros where absent
    ahead: Tensor  #: (…, N_LAGS * D): what came one patch after each of those
    remembered: Tensor  #: int64 (…, N_LAGS * N_GROUPS): the codes of those steps, ABSENT where absent
    known: Tensor  #: (…, N_LAGS), 1 where present
    beat: Tensor  #: (…, STEPS_PER_BAR + 1): place in the bar, one of sixteen; the last says that there are bars
    form: Tensor  #: (…, 2 * n_form + 1): this bar's and the next one's description; the last says they are known
    noise: Tensor  #: (…, 1): how much noise lies on what is heard


class Skeleton(nn.Module):
    """See the module's head."""

    embedded: Tensor  #: (N_GROUPS, n_codes, N_EMBEDDED)

    def __init__(self, config: SkeletonConfig) -> None:
        super().__init__()
        c = self.config = config
        n_form = 2 * c.n_form + 1
        n_direct = (N_PAST + N_LAGS) * c.n_latents + n_form
        n_heard = n_direct + N_LAGS * c.n_latents + N_LAGS + STEPS_PER_BAR + 1 + 1
        self.enter = nn.Linear(n_heard, c.width)
        self.blocks = nn.ModuleList(RecurrentBlock(c.width, c.dropout) for _ in range(c.n_blocks))
        self.norm = nn.RMSNorm(c.width, eps=1e-5)
        self.register_buffer("embedded", torch.zeros(N_GROUPS, c.n_codes, N_EMBEDDED))
        self.hidden, self.free = nn.ModuleList(), nn.ModuleList()
        self.near, self.gate, self.again = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.precision = nn.Parameter(torch.zeros(N_GROUPS, N_EMBEDDED))
        for group in range(N_GROUPS):
            n_linear = n_direct + group * N_EMBEDDED
            self.hidden.append(nn.Linear(c.width + n_linear, c.hidden))
            free, near = nn.Linear(c.hidden, c.n_codes), nn.Linear(n_linear, N_EMBEDDED)
            with torch.no_grad():
                free.weight.mul_(0.1)
                near.weight.zero_()
                near.bias.zero_()
            self.free.append(free)
            self.near.append(near)
            self.gate.append(nn.Linear(c.hidden, 1))
            self.again.append(nn.Linear(c.hidden, N_LAGS))
            nn.init.zeros_(self.again[group].weight)  # type: ignore[arg-type]
            nn.init.zeros_(self.again[group].bias)  # type: ignore[arg-type]

    def set_linear(self, solutions: Sequence[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Start as least squares: for each group the (weight, bias) that predict its embedding, and what is left.

        A Gaussian with that mean and those deviations, read at the codes.
        """
        with torch.no_grad():
            for group, (weight, bias, left) in enumerate(solutions):
                precision, near = 1.0 / left.clamp_min(0.05) ** 2, self.near[group]
                assert isinstance(near, nn.Linear)
                near.weight.copy_(precision[:, None] * weight)
                near.bias.copy_(precision * bias)
                self.precision[group] = precision

    def start(self, n: int) -> list[Tensor]:
        """The state before anything was heard."""
        return [torch.zeros(n, self.config.width, device=self.embedded.device) for _ in self.blocks]

    def trunk(self, heard: Heard, state: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """(B, T, width) features of all steps, and the state after the last one."""
        x = self.enter(
            torch.cat([heard.past, heard.lagged, heard.ahead, heard.known, heard.beat, heard.form, heard.noise], -1)
        ).float()  # what is added up stays exact, whatever the products are made in
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, end = block(x, before)
            after.append(end)
        return self.norm(x), after

    def logits(self, group: int, features: Tensor, heard: Heard, drawn: Tensor) -> Tensor:
        """(B, T, n_codes) of a group; ``drawn`` (B, T, group) are the codes of the groups before."""
        told = [self.embedded[g][drawn[..., g]] for g in range(group)]
        linear = torch.cat([heard.past, heard.lagged, heard.form, *told], -1)
        inside = F.silu(self.hidden[group](torch.cat([features, linear.to(features.dtype)], -1)))
        embedded = self.embedded[group]
        near = self.near[group](linear).float() @ embedded.T - 0.5 * (embedded.square() @ self.precision[group])
        trust = 2.0 * torch.sigmoid(self.gate[group](inside).float())  # what was heard may be wrong
        free: Tensor = self.free[group](inside)
        before = heard.remembered.unflatten(-1, (N_LAGS, N_GROUPS))[..., group]
        bonus = self.again[group](inside).float() * (before != ABSENT)
        return (free.float() + trust * near).scatter_add(-1, before.clamp_min(0), bonus)

    def negative_log_likelihood(self, features: Tensor, heard: Heard, codes: Tensor) -> Tensor:
        """(B, T, N_GROUPS) nats of the codes (B, T, N_GROUPS)."""
        parts = []
        for group in range(N_GROUPS):
            logits = self.logits(group, features, heard, codes[..., :group])
            target = codes[..., group]
            parts.append(F.cross_entropy(logits.flatten(0, -2), target.flatten(), reduction="none").view(target.shape))
        return torch.stack(parts, -1)
