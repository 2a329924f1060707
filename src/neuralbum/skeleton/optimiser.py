"""AdamW and the weights' running average over two long vectors instead of dozens of small tensors.

A small net's step is mostly the cost of visiting its tensors one by one: to clip, to step, to
average. Here its learned weights are views into two vectors, one of matrices (which decay) and one of everything else,
so each of these is one or two operations. The numbers are those of AdamW, tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

BETAS, EPSILON = (0.9, 0.98), 1e-8


@dataclass(frozen=True)
class _Slot:
    """Where a weight lies."""

    name: str
    parameter: nn.Parameter
    vector: int
    start: int

    def of(self, vector: Tensor) -> Tensor:
        """This weight's part of a vector of its kind."""
        return vector[self.start : self.start + self.parameter.numel()].view_as(self.parameter)


class FlatAdam:
    """Steps a net's learned weights; the net must already lie where it stays."""

    def __init__(self, net: nn.Module, *, learning_rate: float, weight_decay: float) -> None:
        learned = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
        kinds = [
            [(name, p) for name, p in learned if p.ndim >= 2],
            [(name, p) for name, p in learned if p.ndim < 2],
        ]
        self.slots: list[_Slot] = []
        vectors: list[Tensor] = []
        for kind in kinds:
            at = 0
            for name, p in kind:
                self.slots.append(_Slot(name, p, len(vectors), at))
                at += p.numel()
            vectors.append(torch.cat([p.detach().reshape(-1) for _, p in kind]))
        self.vectors = [nn.Parameter(vector) for vector in vectors]
        self.sizes = [sum(1 for slot in self.slots if slot.vector == i) for i in range(len(vectors))]
        with torch.no_grad():
            for slot in self.slots:
                slot.parameter.data = slot.of(self.vectors[slot.vector].data)
        self.average = [vector.detach().clone() for vector in self.vectors]
        self.adam = torch.optim.AdamW(
            [
                {"params": [vector], "weight_decay": decay}
                for vector, decay in zip(self.vectors, (weight_decay, 0.0), strict=True)
            ],
            lr=learning_rate, betas=BETAS, eps=EPSILON, fused=True,
        )  # fmt: skip

    def gradients(self, loss: Tensor) -> Tensor:
        """Work out the loss' gradients; returns the norm of all of them together."""
        parts = torch.autograd.grad(
            loss, [slot.parameter for slot in self.slots], allow_unused=True, materialize_grads=True
        )
        first = 0
        for vector, n in zip(self.vectors, self.sizes, strict=True):
            vector.grad = torch.cat([part.reshape(-1) for part in parts[first : first + n]])
            first += n
        return torch.stack([torch.linalg.vector_norm(vector.grad) for vector in self.vectors]).norm()

    def step(self, *, learning_rate: float, norm: Tensor, clip: float, decay: float) -> None:
        """Step by the gradients, no longer than ``clip``; the average keeps ``decay`` of itself."""
        share = torch.clamp(clip / (norm + 1e-6), max=1.0)
        for group, vector in zip(self.adam.param_groups, self.vectors, strict=True):
            group["lr"] = learning_rate
            assert vector.grad is not None
            vector.grad.mul_(share)
        self.adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [vector.detach() for vector in self.vectors], 1.0 - decay)

    def averaged(self) -> dict[str, Tensor]:
        """The running average of each learned weight, by name."""
        return {slot.name: slot.of(self.average[slot.vector]).clone() for slot in self.slots}

    # ---- for checkpoints: tensor by tensor, so that the files do not know of the vectors -------

    def state(self) -> dict[str, Tensor]:
        """The averages and Adam's moments of each weight."""
        tensors = {f"average.{name}": value for name, value in self.averaged().items()}
        for slot in self.slots:
            for key, value in self.adam.state.get(self.vectors[slot.vector], {}).items():
                tensors[f"adam.{key}.{slot.name}"] = value.clone() if key == "step" else slot.of(value).clone()
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from ``state()``; the weights themselves are the caller's."""
        with torch.no_grad():
            for slot in self.slots:
                slot.of(self.average[slot.vector]).copy_(tensors[f"average.{slot.name}"])
                if f"adam.step.{slot.name}" not in tensors:
                    continue
                vector = self.vectors[slot.vector]
                kept = self.adam.state[vector]
                kept["step"] = tensors[f"adam.step.{slot.name}"].to(vector.device, copy=True)  # where Adam wants it
                for key in ("exp_avg", "exp_avg_sq"):
                    whole = kept.setdefault(key, torch.zeros_like(vector))
                    slot.of(whole).copy_(tensors[f"adam.{key}.{slot.name}"])
