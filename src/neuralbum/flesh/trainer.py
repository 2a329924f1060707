"""Train the generator step by step: first alone, then against a critic.

The trainer knows no files and no project. Every step's dice are keyed by
(seed, step), and all that is needed to go on is in ``state()``: restored on a
CPU it continues exactly as if it had not been interrupted.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainingError
from .checkpoint import ADVERSARIAL, CONTENT
from .discriminators import new_discriminator
from .losses import Lens, Pictures, critic_loss, feature_loss, fooling_loss, low_band_loss, spectral_loss
from .net import left_right, new_generator
from .pairs import Audio, Crops, Material, draw, draw_free
from .params import FleshParams, NetShape, Preset

CLIP = 1.0  #: largest norm of the generator's gradient
CRITIC_CLIP = 10.0
BETAS = (0.8, 0.99)
FALL_FROM, LAST_RATE = 0.7, 0.1  #: from this share of the training on the learning rate falls to this share of itself
CRITIC_RATE = 2.0  #: the critic's learning rate, relative to the generator's
FINE_SHARE = 0.2
"""The bin-by-bin loss falls to this share when the critic enters: it wants the median, which has no texture."""
ADVERSARIAL_RATE = 0.5  #: the generator's learning rate falls to this share when the critic enters


class Seen(NamedTuple):
    """What critics are shown of a batch."""

    stereo: Tensor  #: left and right, (B, 2, n)
    pictures: Pictures  #: made for the spectral losses anyway

    def detached(self) -> Seen:
        bins, mels = ([picture.detach() for picture in kind] for kind in self.pictures)
        return Seen(self.stereo.detach(), Pictures(bins, mels))


class Trainer:
    """A generator, its running average, and (in the adversarial phase) a critic."""

    def __init__(
        self, shape: NetShape, plan: Preset, params: FleshParams, material: Material, *, seed: int, device: str = "cpu"
    ) -> None:
        self.shape, self.plan, self.params, self.material, self.seed = shape, plan, params, material, seed
        self.device = torch.device(device)
        self.net = new_generator(shape, seed).to(self.device)
        self.average = copy.deepcopy(self.net).requires_grad_(False).eval()
        self.critic = new_discriminator(plan.discriminator, len(plan.windows), seed + 1).to(self.device)
        self.lens = Lens(plan.windows).to(self.device)
        rate = plan.learning_rate
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=rate, betas=BETAS, weight_decay=0.01, fused=True)
        self.critic_optimiser = torch.optim.AdamW(
            self.critic.parameters(), lr=rate * CRITIC_RATE, betas=BETAS, weight_decay=0.01, fused=True
        )
        self.free_level = 0.3  #: the noise level told about free-running audio
        self.step = 0
        self.phase, self.phase_start = CONTENT, 0

    def switch(self, phase: str) -> None:
        """Enter ``phase`` from this step on; the generator starts it from its running average."""
        self.net.load_state_dict(self.average.state_dict())
        self.phase, self.phase_start = phase, self.step

    def advance(self, progress: float) -> dict[str, float]:
        """One step at a share ``progress`` of the training; returns the losses.

        Raises
        ------
        TrainingError
            A loss or gradient is not a number. The weights are those before the step.
        """
        rng = np.random.default_rng([self.seed, self.step])
        free = self._is_free(rng)
        crops = self._draw(rng, free)
        self.net.open.fill_(1.0)
        self._set_rates(progress)
        heard = torch.from_numpy(crops.heard).to(self.device)
        level, noise = torch.from_numpy(crops.level).to(self.device), torch.from_numpy(crops.noise).to(self.device)
        spectra = self.net(self.net.analysis(heard), level, noise)
        made = self.net.sound(spectra)
        with torch.no_grad():
            clean = self.net.analysis(torch.from_numpy(crops.clean).to(self.device))
        losses = {"low": low_band_loss(spectra.mid, clean)}
        total = self.params.low_weight * losses["low"]
        real = torch.from_numpy(self._real(crops)).to(self.device)
        ours = Seen(left_right(made), self.lens(made))
        with torch.no_grad():
            theirs = Seen(left_right(real), self.lens(real))
        if not free:
            losses["mel"], losses["stft"] = spectral_loss(ours.pictures, theirs.pictures)
            fine = self.params.stft_weight * (FINE_SHARE if self.phase == ADVERSARIAL else 1.0)
            total = total + self.params.mel_weight * losses["mel"] + fine * losses["stft"]
        if self.phase == ADVERSARIAL:
            ramp = min(1.0, (self.step - self.phase_start + 1) / self.params.ramp_steps)
            total = total + ramp * self._oppose(losses, theirs, ours, int(rng.integers(4)), free)
        self._descend(total)
        self.step += 1
        self._follow()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _oppose(self, losses: dict[str, Tensor], real: Seen, made: Seen, channel: int, free: bool) -> Tensor:
        """Teach the critic, then ask it: the generator's loss by it. Parts are put into ``losses``."""
        losses["critic"], real_features = self._teach_critic(real, made.detached(), channel)
        for parameter in self.critic.parameters():
            parameter.requires_grad_(False)
        scores, features = self.critic(made.stereo, made.pictures.mels, channel)
        for parameter in self.critic.parameters():
            parameter.requires_grad_(True)
        losses["fooling"] = fooling_loss(scores)
        total = self.params.adversarial_weight * losses["fooling"]
        if not free:
            losses["features"] = feature_loss(real_features, features)
            total = total + self.params.feature_weight * losses["features"]
        return total

    def _is_free(self, rng: np.random.Generator) -> bool:
        wanted = self.phase == ADVERSARIAL and bool(self.material.free)
        return wanted and bool(rng.random() < self.params.free_share)

    def _draw(self, rng: np.random.Generator, free: bool) -> Crops:
        size: dict[str, Any] = {"batch": self.plan.batch, "frames": self.plan.crop_frames, "rng": rng}
        if free:
            return draw_free(self.material.free, self.shape, level=self.free_level, **size)
        return draw(self.material.train, self.shape, self.params, **size)

    def _real(self, crops: Crops) -> Audio:
        """The original's mid and side; for free-running crops, some other music's."""
        wanted = crops.wanted
        if wanted is None:
            wanted = self._draw(np.random.default_rng([self.seed, self.step, 1]), free=False).wanted
        return np.asarray(wanted)

    def _set_rates(self, progress: float) -> None:
        """Warm up, stay, and fall in the last part of the training."""
        fall = min(1.0, max(0.0, (progress - FALL_FROM) / (1.0 - FALL_FROM)))
        rate = self.plan.learning_rate * min(1.0, (self.step + 1) / self.plan.warm_up)
        rate *= 1.0 - (1.0 - LAST_RATE) * fall
        for group in self.optimiser.param_groups:
            group["lr"] = rate * (ADVERSARIAL_RATE if self.phase == ADVERSARIAL else 1.0)
        for group in self.critic_optimiser.param_groups:
            group["lr"] = rate * CRITIC_RATE

    def _teach_critic(self, real: Seen, made: Seen, channel: int) -> tuple[Tensor, list[Tensor]]:
        """One step of the critic; its loss, and what it saw in the real sound just before."""
        real_scores, real_features = self.critic(real.stereo, real.pictures.mels, channel)
        loss = critic_loss(real_scores, self.critic(made.stereo, made.pictures.mels, channel)[0])
        self._check(loss, "critic")
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.critic.parameters(), CRITIC_CLIP)
        self.critic_optimiser.step()
        return loss.detach(), [feature.detach() for feature in real_features]

    def _descend(self, total: Tensor) -> None:
        self._check(total, "loss")
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self._check(norm, "gradient")
        self.optimiser.step()

    def _check(self, value: Tensor, name: str) -> None:
        if not math.isfinite(float(value.detach())):
            raise TrainingError(
                f"step {self.step}: the {name} is not a number; go back to a snapshot with --back-to, "
                f"and lower the learning rate ({self.plan.learning_rate:g}) with --set flesh.learning_rate"
            )

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the running average follow; early on it follows faster."""
        decay = min(self.plan.ema, (1.0 + self.step) / (10.0 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.net.parameters()), 1.0 - decay)
        self.average.open.copy_(self.net.open)

    # ---- state -----------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """All tensors needed to go on."""
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        tensors |= _moments("adam", self.net, self.optimiser)
        if self.phase == ADVERSARIAL:
            tensors |= {f"critic.{k}": v for k, v in self.critic.state_dict().items()}
            tensors |= _moments("critic_adam", self.critic, self.critic_optimiser)
        adversarial = int(self.phase == ADVERSARIAL)
        tensors["counts"] = torch.tensor([self.step, self.phase_start, adversarial], dtype=torch.int64)
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from ``state()``."""
        self.net.load_state_dict(_part(tensors, "net"))
        self.average.load_state_dict(_part(tensors, "average"))
        _put_moments(_part(tensors, "adam"), self.net, self.optimiser)
        self.step, self.phase_start, adversarial = (int(n) for n in tensors["counts"])
        self.phase = ADVERSARIAL if adversarial else CONTENT
        if adversarial:
            self.critic.load_state_dict(_part(tensors, "critic"))
            _put_moments(_part(tensors, "critic_adam"), self.critic, self.critic_optimiser)

    def start_from(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Go on from a snapshot's averaged weights: same generator, fresh moments, fresh critic."""
        self.net.load_state_dict(dict(weights))
        self.average.load_state_dict(dict(weights))
        self.step = step


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}


def _moments(name: str, net: torch.nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    for parameter_name, parameter in net.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{name}.{key}.{parameter_name}"] = value
    return tensors


def _put_moments(tensors: Mapping[str, Tensor], net: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
    for parameter_name, parameter in net.named_parameters():
        moments = {
            key: tensors[f"{key}.{parameter_name}"].clone()
            for key in ("step", "exp_avg", "exp_avg_sq")
            if f"{key}.{parameter_name}" in tensors
        }
        if moments:
            optimiser.state[parameter] = {
                key: value if key == "step" else value.to(parameter.device) for key, value in moments.items()
            }
