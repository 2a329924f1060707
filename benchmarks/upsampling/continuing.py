"""Training for CPU seconds or steps, and going on from one state in several ways."""

from __future__ import annotations

import copy
import sys
import time
from dataclasses import dataclass

from torch import Tensor

from neuralbum.flesh.net import Generator
from neuralbum.flesh.trainer import Trainer


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Going:
    """Where a continuation of the training came to."""

    net: Generator
    steps: int
    cpu_s: float


def train_for(trainer: Trainer, cpu_s: float, *, settle: bool) -> float:
    """Train for CPU seconds; ``settle`` lets the learning rate fall at the end. Returns those spent."""
    start = time.process_time()
    while (spent := time.process_time() - start) < cpu_s:
        trainer.advance(spent / cpu_s if settle else 0.0)
    return spent


def continued(trainer: Trainer, state: dict[str, Tensor], phase: str, *, cpu_s: float = 0.0, steps: int = 0) -> Going:
    """Train on from a state of the content phase, for CPU seconds or steps."""
    trainer.restore(state)
    trainer.phase = "content"
    first, start = trainer.step, time.process_time()
    if phase == "adversarial":
        trainer.switch(phase)
    if steps:
        for number in range(steps):
            trainer.advance(number / steps)
    else:
        train_for(trainer, cpu_s, settle=True)
    gone = Going(copy.deepcopy(trainer.average), trainer.step - first, time.process_time() - start)
    say(f"{gone.steps} more steps in the {phase} phase, {gone.cpu_s:.0f} CPU-s")
    return gone
