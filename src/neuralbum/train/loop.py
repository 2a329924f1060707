"""The training loop of every net: AdamW under a cosine, clipped gradients, a running average of the weights.

A ``Task`` says what is trained and on what; the ``Trainer`` knows no files and no
project. All that is random in a step comes from streams keyed by (seed, step), so that
``state()`` holds only tensors: restored on the same machine, the training goes on
exactly as if it had not been interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import TrainingError

BATCH_SALT, LOSS_SALT, DROPOUT_SALT = 1, 2, 3
"""Streams of a step: which batch, what is disturbed in it, which activations are dropped."""


class Task(Protocol):
    """What is trained, and on what."""

    net: nn.Module  #: all that the optimiser changes
    rank: str  #: the measure by which checkpoints are chosen; smaller is better
    slack: float  #: a checkpoint whose measure is worse than the best by this share is as good as the best
    curve: str  #: what the training's curve is called

    def make_batch(self, rng: np.random.Generator) -> Any:
        """The next batch; ``rng`` belongs to the step."""

    def loss(self, batch: Any, rng: torch.Generator, progress: float) -> Tensor:
        """One number to go down, after a share ``progress`` of the training."""

    def evaluate(self) -> Mapping[str, float]:
        """Measures of the net as it is."""

    def shown(self, loss: float) -> float:
        """A loss in the units of the curve."""

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds."""

    def carried(self) -> dict[str, Tensor]:
        """What is carried from batch to batch; empty where batches do not depend on each other."""

    def carry_on(self, carried: Mapping[str, Tensor]) -> None:
        """The inverse of ``carried``."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a net is trained."""

    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 20  #: steps
    final_rate: float = 0.02  #: of the learning rate, at the end of the cosine
    clip: float = 1.0  #: largest norm of the gradient
    average: float = 0.985  #: decay of the weights' running average, per step
    seed: int = 0


class Trainer:
    """A task and its optimiser."""

    def __init__(self, task: Task, config: TrainingConfig) -> None:
        self.task, self.config, self.step = task, config, 0
        self.named = {name: p for name, p in task.net.named_parameters() if p.requires_grad}
        matrices = [p for p in self.named.values() if p.ndim > 1]
        others = [p for p in self.named.values() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
        self.average = {name: p.detach().clone() for name, p in self.named.items()}

    def rate(self, progress: float) -> float:
        """Learning rate after a share ``progress`` of the training: warm-up, then a cosine."""
        h = self.config
        cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))
        warm = min(1.0, (self.step + 1) / h.warmup)
        return h.learning_rate * warm * (h.final_rate + (1.0 - h.final_rate) * cosine)

    def advance(self, progress: float) -> float:
        """One step at a share ``progress`` of the training; returns its loss.

        Raises
        ------
        TrainingError
            The loss or its gradient is not a number. The weights are those before the step.
        """
        h, device = self.config, next(iter(self.named.values())).device
        batch = self.task.make_batch(self._stream(BATCH_SALT))
        rng = torch.Generator().manual_seed(self._seed(LOSS_SALT))
        self.task.net.train()
        # Dropout draws from torch's global generator: key it by the step, and give it back as it was.
        with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
            torch.manual_seed(self._seed(DROPOUT_SALT))
            loss = self.task.loss(batch, rng, progress)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        norm = nn.utils.clip_grad_norm_(list(self.named.values()), h.clip)
        if not math.isfinite(float(loss.detach())) or not math.isfinite(float(norm)):
            raise TrainingError(
                f"step {self.step}: the loss or its gradient is not a number; "
                f"train again with a lower learning rate than {h.learning_rate:g}"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(progress)
        self.optimiser.step()
        self.step += 1
        self._take_average(min(h.average, self.step / (self.step + 10.0)))
        return float(loss.detach())

    @torch.no_grad()
    def _take_average(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.values()), list(self.named.values()), 1.0 - decay)

    def _seed(self, salt: int) -> int:
        return int(np.random.SeedSequence([self.config.seed, salt, self.step]).generate_state(1, np.uint64)[0] >> 1)

    def _stream(self, salt: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, salt, self.step])

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the net has the running average of its weights: what is evaluated, stored and generated from."""
        own = {name: p.detach().clone() for name, p in self.named.items()}
        try:
            self.set_weights(self.average)
            self.task.net.eval()
            yield
        finally:
            self.set_weights(own)
            self.task.net.train()

    @torch.no_grad()
    def set_weights(self, values: Mapping[str, Tensor]) -> None:
        """Put these values (names -> tensors, others are passed over) into the net."""
        for name, p in self.named.items():
            p.copy_(values[name])

    # ---- state -----------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """All tensors needed to go on."""
        out: dict[str, Tensor] = {"step": torch.tensor(self.step, dtype=torch.int64)}
        for name, p in self.named.items():
            out |= {f"weight.{name}": p.detach(), f"average.{name}": self.average[name]}
            out |= {f"moment.{key}.{name}": value for key, value in self.optimiser.state.get(p, {}).items()}
        return out | {f"carried.{name}": value for name, value in self.task.carried().items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from ``state()``.

        Raises
        ------
        KeyError, RuntimeError
            It is another net's.
        """
        self.step = int(tensors["step"])
        self.set_weights({name: tensors[f"weight.{name}"] for name in self.named})
        for name, p in self.named.items():
            self.average[name].copy_(tensors[f"average.{name}"])
            moments = {key: tensors.get(f"moment.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            held = {key: value.to(p.device) for key, value in moments.items() if value is not None}
            if held:
                self.optimiser.state[p] = held
        self.task.carry_on(
            {key.removeprefix("carried."): value for key, value in tensors.items() if key.startswith("carried.")}
        )
