"""What training a flesh will take, said before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from ..processor import available_gib, needs_in_words, refuse_if_too_big
from .params import FRAME_S, OUTPUT_RATE, FleshParams, NetShape, settle_preset

FLOP_RATE = {"cpu": 25e9, "cuda": 15e12}
"""Effective floating-point operations a second; measured on one core, guessed for a GPU."""
LOSS_S = {"cpu": 0.035, "cuda": 0.0005}
"""Seconds that one resolution of the spectral losses takes for one second of sound, both ways."""
CRITIC_S = {"cpu": 0.14, "cuda": 0.003}
"""The same for the critic, per scale and 8 filters; it works in the adversarial phase only."""
LOOK_S = {"cpu": 0.013, "cuda": 0.001}
"""The same for the critics of the losses' own pictures, per picture and 16 filters."""
ACTIVATIONS_PER_S = 40e6
"""Numbers held for the backward pass per second of sound and resolution, rounded up."""


@dataclass(frozen=True)
class Estimate:
    """Parameters, memory and time of a training."""

    preset: str
    parameters: int
    gflop_per_second: float  #: of audio made
    memory_gib: float
    available_gib: float
    seconds: float

    def sentence(self) -> str:
        return (
            f"{self.preset}: {self.parameters / 1e6:.2f} M parameters, {self.gflop_per_second:.1f} GFLOP per second of "
            f"sound; {needs_in_words(self.memory_gib, self.seconds)}"
        )

    def refuse_if_too_big(self) -> None:
        """Raise a TrainingError if the memory cannot be had."""
        refuse_if_too_big(self.preset, self.memory_gib, self.available_gib, halve="--set flesh.batch or flesh.crop_s")


def parameters_of(shape: NetShape) -> int:
    """Parameters of the generator, without making it."""
    hop_in, hop_out = shape.hops
    bins_in, bins_out = hop_in * shape.window_hops // 2 + 1, hop_out * shape.window_hops // 2 + 1
    width = shape.channels
    enter = (3 * bins_in + shape.noise) * width * 7 + width
    block = 7 * width + width + 2 * width + 3 * width * width * 2 + 3 * width + width + width
    level = 2 * 32 + 32 * width + width
    return enter + level + shape.blocks * block + 4 * width + (width + 1) * (bins_in + 6 * bins_out)


def estimate(params: FleshParams, *, input_rate: int = 16_000, device: str = "cpu") -> Estimate:
    """Guess from sizes alone; nothing is run."""
    plan = settle_preset(params)
    shape = NetShape(plan.channels, plan.blocks, input_rate)
    n = parameters_of(shape)
    flop = 2.0 * n * OUTPUT_RATE / shape.hops[1]  # each parameter is used once per frame
    sound_s = plan.batch * plan.crop_frames * FRAME_S
    generator_s = 3.0 * flop / FLOP_RATE[device] + LOSS_S[device] * len(plan.windows)
    critic = plan.discriminator
    critic_s = CRITIC_S[device] * len(critic.windows) * critic.filters / 8
    critic_s += LOOK_S[device] * len(plan.windows) * critic.looks / 16
    late = 0.0 if params.adversarial == "never" else 1.0 - params.adversarial_share
    seconds = params.time_s or plan.steps * sound_s * (generator_s + late * critic_s)
    activations = 4 * ACTIVATIONS_PER_S * sound_s * (len(plan.windows) + (critic.filters + critic.looks) / 8) / 10
    memory = 0.3 * 2**30 + 5 * 4 * n + activations
    return Estimate(params.preset, n, flop / 1e9, memory / 2**30, available_gib(device), seconds)
