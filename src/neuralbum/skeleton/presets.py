"""Nets by name: what each preset is made of and how it is trained.

``debug`` is for tests, ``tiny`` for the ten-minute album on a CPU, ``small``
for a night on a CPU or minutes on a GPU, ``full`` for a GPU. ``samplernn``
and its small sizes are the reference every claim is measured against.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from ..errors import CheckpointError, ParameterError
from ..settings import nearest

if TYPE_CHECKING:
    from .samplernn import SampleRnn
    from .tiers import Tiers

    Net = Union[Tiers, SampleRnn]  # noqa: UP007  # evaluated by type checkers only


@dataclass(frozen=True)
class Preset:
    """A net's sizes and its training habits."""

    kind: str
    config: Mapping[str, Any]
    batch: int  #: songs trained side by side
    window: int  #: samples a step sees of each, no more than the shortest song has; state is carried on
    learning_rate: float
    steps: int  #: unless --steps or --for says otherwise
    checkpoint_every: int


PRESETS: dict[str, Preset] = {
    "debug": Preset(
        "skeleton",
        {"frames": (64, 16), "widths": (16, 16), "bottom_width": 16, "bottom_hidden": 16, "order": 96},
        batch=4, window=512, learning_rate=4e-3, steps=60, checkpoint_every=60,
    ),
    "tiny": Preset(
        "skeleton",
        {"frames": (64, 16), "widths": (96, 96), "bottom_width": 48, "bottom_hidden": 64, "order": 512},
        batch=1, window=131_072, learning_rate=2e-3, steps=400, checkpoint_every=80,
    ),
    "small": Preset(
        "skeleton",
        {"frames": (256, 16), "widths": (256, 192), "layers": (2, 1), "bottom_width": 96, "bottom_hidden": 128,
         "bottom_layers": 2, "order": 512},
        batch=1, window=131_072, learning_rate=1.5e-3, steps=20_000, checkpoint_every=1000,
    ),
    "full": Preset(
        "skeleton",
        {"frames": (256, 16), "widths": (768, 512), "layers": (4, 2), "bottom_width": 256, "bottom_hidden": 320,
         "bottom_layers": 2, "order": 512, "dropout": 0.1},
        batch=8, window=131_072, learning_rate=1e-3, steps=50_000, checkpoint_every=1000,
    ),
    "samplernn-debug": Preset(
        "samplernn", {"width": 16, "layers": 1, "embedding": 8},
        batch=4, window=512, learning_rate=4e-3, steps=60, checkpoint_every=60,
    ),
    "samplernn-tiny": Preset(
        "samplernn", {"width": 128, "layers": 2, "embedding": 64},
        batch=8, window=1024, learning_rate=2e-3, steps=1500, checkpoint_every=250,
    ),
    "samplernn": Preset(
        "samplernn", {"width": 1024, "layers": 5, "embedding": 256},
        batch=128, window=1024, learning_rate=1e-3, steps=100_000, checkpoint_every=2000,
    ),
}  # fmt: skip


def preset(name: str) -> Preset:
    """The preset of that name, or a ParameterError that names the nearest."""
    if name not in PRESETS:
        raise ParameterError(f"preset {name!r} is unknown{nearest(name, PRESETS)}")
    return PRESETS[name]


def plain(config: Any) -> dict[str, Any]:
    """A net's config as model.json stores it; what is empty is left out, so that it says nothing of older nets."""
    values = dataclasses.asdict(config)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items() if v != ()}


def build(kind: str, config: Mapping[str, Any], *, seed: int = 0) -> Net:
    """Make a net with fresh weights; the same seed gives the same weights.

    Raises
    ------
    CheckpointError
        The kind or one of the config's keys is not known to this version.
    """
    import torch

    from .samplernn import SampleRnn, SampleRnnConfig, sensible_start
    from .tiers import Tiers, TiersConfig

    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # fork_rng gives the global generator back as it was
        try:
            if kind == Tiers.KIND:
                return Tiers(TiersConfig(**values))
            if kind == SampleRnn.KIND:
                net = SampleRnn(SampleRnnConfig(**values))
                sensible_start(net)
                return net
        except TypeError as cause:
            raise CheckpointError(
                f"a {kind} net has no such setting ({cause}); was it made by a newer version?"
            ) from cause
    raise CheckpointError(f"{kind!r} is not a net this version knows; it knows skeleton and samplernn")


def describe(name: str) -> dict[str, float]:
    """Parameters, megaflops a sample and weight memory of a preset, without training it."""
    chosen = preset(name)
    net = build(chosen.kind, chosen.config)
    n = sum(p.numel() for p in net.parameters())
    return {"parameters": n, "mflop_per_sample": net.flops_per_sample() / 1e6, "weights_mib": n * 4 / 2**20}
