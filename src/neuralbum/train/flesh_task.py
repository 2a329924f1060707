"""The flesh's training: excerpts of the band's recordings, made from degraded frames by the plain renderer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..corpus.prepared import STEREO_RATE
from ..errors import ParameterError, TrainingError
from ..nets.flesh import Flesh, new_flesh
from ..nets.flesh_training import Batch, Examples, FleshLosses
from ..nets.frames import FrameSpec
from ..nets.griffin_lim import PlainRenderer
from . import checkpoint, model_folder
from .checkpoint import About
from .params import FleshParams, Setup
from .prepare import check_music, pairs_of, too_little

VALID_BATCHES = 4
"""Batches of the unheard songs that a checkpoint is scored on, always the same."""
MUSIC_S, VALID_S = 600.0, 120.0
"""Music kept in memory, at most, of the songs it is trained on and of the others."""


class FleshTask:
    """See the module's head; a ``loop.Task``."""

    rank, slack, curve = "loss", 0.0, "train_loss"

    def __init__(
        self, flesh: Flesh, train: Examples, valid: Examples | None, *, critic_weight: float, critic_after: float,
        seed: int, device: str = "cpu",
    ) -> None:  # fmt: skip
        self.flesh, self.examples, self.device = flesh, train, torch.device(device)
        self.net = FleshLosses(flesh, seed).to(self.device)
        self.critic_weight, self.critic_after = critic_weight, critic_after
        rng = np.random.default_rng([seed, VALID_BATCHES])
        self.valid = [valid.make_batch(rng) for _ in range(VALID_BATCHES)] if valid else []

    def make_batch(self, rng: np.random.Generator) -> Batch:
        return self.examples.make_batch(rng)

    def loss(self, batch: Batch, rng: torch.Generator, progress: float) -> Tensor:
        """What flesh and critics are blamed for, log10 units of magnitude (0.1 is 2 dB)."""
        late = progress >= self.critic_after
        rising = min(1.0, 10.0 * (progress - self.critic_after)) if late else 0.0
        parts = self.net.loss(self._moved(batch), self.critic_weight * rising)
        self.spectral = float(parts["mel"] + parts["bins"] + parts["level"])
        return parts["total"]

    def shown(self, loss: float) -> float:
        """The spectral part alone: critics come late and would make a step in the curve."""
        return self.spectral

    def _moved(self, batch: Batch) -> Batch:
        return Batch(*(part.to(self.device) for part in batch))

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """How far the spectra of unheard songs are from the recordings', log10 units; at step 0 the plain ones'."""
        if not self.valid:
            return {}
        losses = [self.net.loss(self._moved(batch))["total"] for batch in self.valid]
        return {"loss": float(torch.stack(losses).mean())}

    def tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in self.flesh.state_dict().items() if not name.startswith("plain.")}

    def carried(self) -> dict[str, Tensor]:
        return {}

    def carry_on(self, carried: Mapping[str, Tensor]) -> None:
        """Batches do not depend on each other."""


def open_task(setup: Setup, about: About, *, fresh: bool) -> tuple[FleshTask, About]:
    """The task of a model that is begun, with what model.json then says; or of one that is gone on with."""
    params, chosen, spec, corpus = setup.params, setup.chosen, FrameSpec(STEREO_RATE), setup.corpus
    assert isinstance(params, FleshParams)
    check_music(corpus)
    setup.reporter.begin("read the music", None, "")
    pairs = pairs_of(corpus, "train", spec, MUSIC_S)
    unheard = next(
        (pairs_of(corpus, split, spec, VALID_S) for split in ("valid", "heldout") if corpus.split(split)), []
    )
    setup.reporter.end()
    if fresh:
        start = checkpoint.open_flesh(*setup.start)[0] if setup.start else None
        plain = start.plain if start is not None else PlainRenderer.fit(pairs, spec, seed=setup.seed)
        about = checkpoint.write_music(setup.folder, None, replace(about, facts={"net": dict(chosen.net)}), plain)
        flesh = new_flesh(plain, setup.seed, **chosen.net)
        if start is not None:
            model_folder.fill(flesh.state_dict(), start.state_dict(), setup.folder)
    else:
        flesh, _ = checkpoint.open_flesh(setup.folder)
    try:
        train = Examples(pairs, flesh.plain, batch=chosen.batch)
    except ParameterError as cause:
        raise TrainingError(too_little(str(cause))) from cause
    try:
        valid = Examples(unheard, flesh.plain, batch=chosen.batch)
    except ParameterError:
        valid = None
    task = FleshTask(
        flesh, train, valid, critic_weight=params.critic_weight, critic_after=params.critic_after, seed=setup.seed,
        device=setup.device,
    )  # fmt: skip
    return task, about
