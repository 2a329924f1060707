"""``[train]``, ``[skeleton]`` and ``[flesh]``: which nets, and how long they are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..settings import setting

if TYPE_CHECKING:
    from ..corpus.prepared import PreparedCorpus
    from ..progress import Reporter


@dataclass(frozen=True)
class TrainParams:
    """Settings of ``neuralbum train`` for both nets together."""

    time_s: float = setting(
        0.0, "train for this long in all; 0: as [skeleton] and [flesh] say", unit="s", minimum=0, maximum=1e8
    )
    skeleton_share: float = setting(
        0.6, "of that time, the skeleton's part; the flesh has the rest", minimum=0, maximum=1
    )


@dataclass(frozen=True)
class SkeletonParams:
    """Settings of ``neuralbum train skeleton``; what is 0 comes from the preset."""

    preset: str = setting(
        "tiny",
        "the net's size: debug, tiny, small, or samplernn (the reference)",
        choices=("debug", "tiny", "small", "samplernn"),
    )
    steps: int = setting(0, "training steps; 0: the preset's", minimum=0, maximum=10**8)
    time_s: float = setting(
        0.0, "train for this long instead of a number of steps; 0: by steps", unit="s", minimum=0, maximum=1e8
    )
    batch: int = setting(0, "streams through the songs, trained side by side; 0: the preset's", minimum=0, maximum=4096)
    window: int = setting(
        0, "steps of the music (samplernn: samples) a training step sees; 0: the preset's", minimum=0, maximum=65536
    )
    learning_rate: float = setting(0.0, "peak learning rate; 0: the preset's", minimum=0, maximum=1)
    width: int = setting(0, "width of the net; 0: the preset's", minimum=0, maximum=4096)
    blocks: int = setting(0, "recurrent blocks of the net; 0: the preset's", minimum=0, maximum=32)
    codes: int = setting(0, "sounds that each group of bands is told by; 0: the preset's", minimum=0, maximum=4096)
    noise: float = setting(
        1.0, "noise on what a net hears in training, in multiples of the usual", minimum=0, maximum=4
    )
    dropout: float = setting(
        -1.0, "share of activations dropped in training; -1: the preset's", minimum=-1, maximum=0.9
    )
    transposed: int = setting(
        4,
        "songs are also heard transposed, by up to so many semitones up and down",
        unit="semitones",
        minimum=0,
        maximum=6,
    )
    own_steps: float = setting(
        0.6, "at most this share of the steps a net hears in training are its own draws", minimum=0, maximum=1
    )
    patience: float = setting(
        0.25, "stop when the chosen checkpoint lies this share of the training back", minimum=0.05, maximum=1
    )
    keep: int = setting(8, "checkpoints kept besides the newest, best first", minimum=1, maximum=10**6)
    start_from: str = setting(
        "", "begin with the weights, the codebook and the forms of this skeleton (ID or ID@step); empty: anew"
    )
    check_share: float = setting(
        0.05,
        "at most this share of the training goes into comparing clips with the band, for copies and likeness; 0: none",
        minimum=0,
        maximum=0.5,
    )
    stop_when_copying: bool = setting(
        False, "end the training where copying rises above what the band quotes of itself"
    )


@dataclass(frozen=True)
class FleshParams:
    """Settings of ``neuralbum train flesh``; what is 0 comes from the preset."""

    preset: str = setting("small", "the net's size: debug or small", choices=("debug", "small"))
    steps: int = setting(0, "training steps; 0: the preset's", minimum=0, maximum=10**8)
    time_s: float = setting(
        0.0, "train for this long instead of a number of steps; 0: by steps", unit="s", minimum=0, maximum=1e8
    )
    batch: int = setting(0, "excerpts a training step sees; 0: the preset's", minimum=0, maximum=4096)
    learning_rate: float = setting(0.0, "peak learning rate; 0: the preset's", minimum=0, maximum=1)
    critic_weight: float = setting(
        0.0, "what the critics' opinion weighs in the end; 0: no critics", minimum=0, maximum=10
    )
    critic_after: float = setting(0.5, "share of the training after which the critics join", minimum=0, maximum=1)
    patience: float = setting(
        0.5, "stop when the best checkpoint lies this share of the training back", minimum=0.05, maximum=1
    )
    keep: int = setting(2, "checkpoints kept besides the newest, best first", minimum=1, maximum=10**6)
    start_from: str = setting(
        "", "begin with the weights and the plain renderer of this flesh (ID or ID@step); empty: anew"
    )


LIKENESS, COPIED, LIKELIHOOD = OBJECTIVES = ("likeness", "copied", "likelihood")
"""What a sweep can look for: clips like the band, little copied, unheard songs foreseen better than by regression."""


@dataclass(frozen=True)
class SweepParams:
    """Settings of ``neuralbum sweep``: what is tried is given as the ends of a range or as a list of choices; an empty
    list leaves that setting as it is."""

    trials: int = setting(100, "trainings in all", minimum=1, maximum=100_000)
    time_s: float = setting(0.0, "begin no training after this long; 0: no limit", unit="s", minimum=0, maximum=1e8)
    objectives: tuple[str, ...] = setting(
        (LIKENESS, COPIED), "what is looked for: one or several of likeness, copied, likelihood"
    )
    steps: int = setting(0, "steps of a training of length 1; 0: the preset's", minimum=0, maximum=10**8)
    clips: int = setting(12, "clips of each training that are measured at its end", minimum=4, maximum=256)
    prune_after: float = setting(
        0.3, "after this share of its steps a training far behind the others is ended; 1: never", minimum=0, maximum=1
    )
    width: tuple[int, ...] = setting((128, 192, 256, 384), "choices of [skeleton] width")
    blocks: tuple[int, ...] = setting((2, 3, 4), "choices of [skeleton] blocks")
    codes: tuple[int, ...] = setting((128, 256), "choices of [skeleton] codes: how finely frames are told")
    transposed: tuple[int, ...] = setting((2, 4), "choices of [skeleton] transposed, the augmentation")
    dropout: tuple[float, ...] = setting((0.1, 0.5), "range of [skeleton] dropout", minimum=0, maximum=0.9)
    noise: tuple[float, ...] = setting((0.4, 1.6), "range of [skeleton] noise", minimum=0, maximum=4)
    own_steps: tuple[float, ...] = setting((0.3, 0.8), "range of [skeleton] own_steps", minimum=0, maximum=1)
    learning_rate: tuple[float, ...] = setting(
        (7e-4, 4e-3), "range of [skeleton] learning_rate, logarithmic", minimum=1e-6, maximum=1
    )
    length: tuple[float, ...] = setting(
        (0.5, 2.0), "range of a training's length, in multiples of its steps, logarithmic", minimum=0.01, maximum=100
    )
    temperature: tuple[float, ...] = setting((0.94, 1.04), "range of [generate] temperature", minimum=0.05, maximum=5)


@dataclass(frozen=True)
class Preset:
    """Sizes of a net and of its training."""

    kind: str
    net: Mapping[str, Any]
    steps: int
    batch: int
    window: int
    learning_rate: float
    weight_decay: float = 0.05
    music: Mapping[str, int] | None = None  #: sizes of the codebook and the forms
    rounds: int = 8  #: in which a skeleton's tilt is fitted at the end; 0: none


TINY = {"n_codes": 128, "n_latents": 64, "n_form": 24, "n_tokens": 64}
PRESETS = {
    "debug": Preset(
        "skeleton", {"width": 16, "n_blocks": 1, "hidden": 16, "dropout": 0.1}, steps=8, batch=2, window=24,
        learning_rate=2e-3, music={"n_codes": 16, "n_latents": 8, "n_form": 4, "n_tokens": 6}, rounds=0,
    ),
    "tiny": Preset(
        "skeleton", {"width": 256, "n_blocks": 3, "hidden": 256, "dropout": 0.3}, steps=300, batch=16, window=96,
        learning_rate=2e-3, music=TINY,
    ),
    "small": Preset(
        "skeleton", {"width": 384, "n_blocks": 4, "hidden": 384, "dropout": 0.3}, steps=1500, batch=16, window=128,
        learning_rate=1.5e-3, music=TINY,
    ),
    "samplernn": Preset(
        "samplernn", {"width": 1024, "n_layers": 5, "frame": 16, "n_embedded": 256}, steps=20_000, batch=32,
        window=1024, learning_rate=1e-3, weight_decay=0.0,
    ),
}  # fmt: skip
FLESHES = {
    "debug": Preset("flesh", {"channels": 8, "n_blocks": 1}, steps=4, batch=1, window=0, learning_rate=1e-3),
    "small": Preset("flesh", {"channels": 192, "n_blocks": 4}, steps=600, batch=6, window=0, learning_rate=2e-3),
}


def settle(params: SkeletonParams | FleshParams) -> Preset:
    """The preset with the settings that override it."""
    table = PRESETS if isinstance(params, SkeletonParams) else FLESHES
    chosen = table.get(params.preset)
    if chosen is None:
        raise ParameterError(f"preset {params.preset!r}: choose one of {', '.join(table)}")
    if isinstance(params, SkeletonParams):
        chosen = replace(chosen, window=params.window or chosen.window)
        if chosen.kind == "skeleton":
            sizes = {"width": params.width, "hidden": params.width, "n_blocks": params.blocks}
            net = {**chosen.net, **{name: value for name, value in sizes.items() if value}}
            net |= {"dropout": params.dropout} if params.dropout >= 0 else {}
            music = {**(chosen.music or {}), **({"n_codes": params.codes} if params.codes else {})}
            chosen = replace(chosen, net=net, music=music)
    return replace(
        chosen,
        steps=params.steps or chosen.steps,
        batch=params.batch or chosen.batch,
        learning_rate=params.learning_rate or chosen.learning_rate,
    )


@dataclass(frozen=True)
class Setup:
    """What a net is trained with."""

    params: SkeletonParams | FleshParams
    chosen: Preset
    corpus: PreparedCorpus
    folder: Path  #: of the model
    seed: int
    device: str
    precise: bool  #: matrix products in float32, not in bfloat16
    reporter: Reporter
    start: tuple[Path, int] | None = None  #: folder and step of the model whose weights it begins with
    reuse: bool = False  #: take what another model of this project found in the same music
