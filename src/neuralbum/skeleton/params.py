"""``[skeleton]``: which net, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class SkeletonParams:
    """Settings of ``neuralbum train skeleton``; what is 0 comes from the preset."""

    preset: str = setting("small", "the net's size: debug, tiny, small, full, or samplernn (the reference)")
    steps: int = setting(0, "training steps; 0: the preset's", minimum=0)
    time_s: float = setting(0.0, "train for this long instead of a number of steps; 0: by steps", unit="s", minimum=0)
    batch: int = setting(0, "streams through the songs, trained side by side; 0: the preset's", minimum=0)
    window: int = setting(0, "samples each step sees of a stream; 0: the preset's", unit="samples", minimum=0)
    stretch_s: float = setting(8.0, "a stream plays this long before it jumps elsewhere", unit="s", minimum=0.1)
    learning_rate: float = setting(0.0, "peak learning rate; 0: the preset's", minimum=0, maximum=1)
    clip: float = setting(1.0, "largest norm of the gradient", minimum=0.001)
    average: float = setting(0.999, "decay of the weights' running average", minimum=0, maximum=0.999999)
    dropout: float = setting(
        -1.0, "share of activations dropped in training; -1: the preset's", minimum=-1, maximum=0.9
    )
    dither: float = setting(0.0, "share of heard levels moved by one, against over-confidence", minimum=0, maximum=0.5)
    tone_share: float = setting(
        0.3,
        "share of stretches heard with tones that are not to be predicted, so that the net lets its own die away",
        minimum=0,
        maximum=1,
    )
    frame_share: float = setting(
        0.125,
        "share of the 16-sample frames whose samples are predicted in a training step; all are heard",
        minimum=0.01,
        maximum=1,
    )
    n_levels: int = setting(256, "mu-law levels: 256 is 8 bit, 1024 is 10 bit", minimum=16, maximum=4096)
    conditions: tuple[str, ...] = setting(
        (), "what the net can be told besides the sound: position, loudness, tempo, tag; empty: nothing"
    )
    condition_dropout: float = setting(
        0.2, "share of stretches that are told nothing, and of the others for each condition", minimum=0, maximum=1
    )
    labels: str = setting("labels.toml", "the file in the project folder that gives songs their tags and tempo")
    states: int = setting(
        16, "healthy moments of the auditions kept at each checkpoint, to begin takes with", minimum=0, maximum=1024
    )
    precision: str = setting(
        "auto",
        "of matrix products in training; auto: bfloat16 on a GPU, float32 on a CPU",
        choices=("auto", "float32", "bfloat16"),
    )
    compile_scan: str = setting(
        "auto", "compile the recurrence's scan with torch; auto: on a GPU", choices=("auto", "on", "off")
    )
    checkpoint_every: int = setting(0, "steps between checkpoints; 0: the preset's", unit="steps", minimum=0)
    keep: int = setting(8, "checkpoints kept on the ladder, best first", minimum=1)
    valid_s: float = setting(
        10.0, "seconds of each valid and held-out song heard at a checkpoint", unit="s", minimum=0.2
    )
    audition_s: float = setting(
        8.0, "seconds sampled at each checkpoint to listen to and to measure", unit="s", minimum=0
    )
    auditions: int = setting(2, "clips sampled at each checkpoint", minimum=1, maximum=64)
