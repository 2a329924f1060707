"""The flesh's settings, ``[flesh]`` in neuralbum.toml, and its presets.

A preset is a net with a way to train it; a setting of 0 means "the preset's".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

from ..errors import ParameterError
from ..settings import setting

OUTPUT_RATE = 44_100
FRAME_S = 0.010  #: hops of about 10 ms on both sides
MIN_CROP_FRAMES = 12


@dataclass(frozen=True)
class FleshParams:
    """``[flesh]``: how the upsampler is trained, and how takes are fleshed."""

    # fleshing takes
    model: str = setting("", "which flesh to use: its id, or id@step for a snapshot; empty: the newest")
    width: float = setting(1.0, "stereo width: 0 is exact mono, 1 as learned, 2 twice the side", minimum=0, maximum=2)
    denoise: float = setting(
        -1.0,
        "how noisy the net is told its input is: 0 trusts it, 1: 5 dB under the music; negative: as the model suggests",
        minimum=-1,
        maximum=1,
    )
    block_s: float = setting(10.0, "takes are fleshed in blocks of this length", unit="s", minimum=0.1, maximum=600)
    # training
    preset: str = setting("small", "net and training plan", choices=("debug", "small", "full"))
    steps: int = setting(0, "training steps; 0: the preset's", minimum=0)
    time_s: float = setting(0.0, "train for this long instead of a number of steps; 0: by steps", unit="s", minimum=0)
    n_levels: int = setting(256, "levels of the skeleton's mu-law quantiser", minimum=4, maximum=65536)
    batch: int = setting(0, "crops per step; 0: the preset's", minimum=0)
    crop_s: float = setting(0.0, "length of a crop; 0: the preset's", unit="s", minimum=0, maximum=30)
    learning_rate: float = setting(0.0, "of the generator; 0: the preset's", minimum=0, maximum=1)
    check_every: int = setting(0, "steps between snapshots, each scored on held-out songs; 0: the preset's", minimum=0)
    keep_snapshots: int = setting(8, "at most so many snapshots are kept, the best and the latest", minimum=2)
    valid_s: float = setting(20.0, "seconds of held-out songs each snapshot is scored on", unit="s", minimum=1)
    adversarial: str = setting(
        "auto",
        "when the adversarial phase starts: auto (see adversarial_share and patience; not in short runs) or never; "
        "`train flesh --phase` overrides it",
        choices=("auto", "never"),
    )
    adversarial_share: float = setting(
        0.6, "auto: start at the latest after this share of the plan", minimum=0, maximum=1
    )
    patience: int = setting(6, "auto: start when the score has not improved for so many snapshots", minimum=1)
    ramp_steps: int = setting(50, "the adversarial weight rises over so many steps", unit="steps", minimum=1)
    mel_weight: float = setting(15.0, "of the multi-scale log-mel loss", minimum=0)
    stft_weight: float = setting(5.0, "of the multi-resolution log-STFT loss", minimum=0)
    low_weight: float = setting(2.0, "of the loss that ties the low band to the clean input", minimum=0)
    adversarial_weight: float = setting(2.0, "of the discriminator's opinion", minimum=0)
    feature_weight: float = setting(2.0, "of matching the discriminator's features", minimum=0)
    noise_share: float = setting(0.6, "share of crops with noise added before quantising", minimum=0, maximum=1)
    cutoff_share: float = setting(0.4, "share of crops with a lower cut-off than the corpus", minimum=0, maximum=1)
    forced_share: float = setting(
        0.3, "share of crops from the skeleton's teacher-forced samples, where there are any", minimum=0, maximum=1
    )
    free_share: float = setting(
        0.1, "share of adversarial steps on free-running skeleton audio, where there is any", minimum=0, maximum=1
    )


@dataclass(frozen=True)
class NetShape:
    """What the generator's weights depend on."""

    channels: int
    blocks: int
    input_rate: int = 16_000  #: Hz, of the skeleton
    window_hops: int = 4  #: windows span so many hops
    noise: int = 4  #: channels of random input, for what cannot be predicted
    output_rate: int = OUTPUT_RATE

    @property
    def hops(self) -> tuple[int, int]:
        """(hop_in, hop_out) in samples, hop_in : hop_out = input_rate : output_rate."""
        return aligned_hops(self.input_rate, self.output_rate)

    @property
    def context(self) -> int:
        """Frames on each side that one output frame depends on."""
        return 3 + 3 * self.blocks


def aligned_hops(input_rate: int, output_rate: int = OUTPUT_RATE) -> tuple[int, int]:
    """Hops of about 10 ms that stand in the exact ratio of the two rates.

    With windows of equally many hops, bin k then means the same frequency on
    both sides, and no resampler is needed.

    >>> aligned_hops(16000), aligned_hops(22050)
    ((160, 441), (220, 440))
    """
    if not 4000 <= input_rate < output_rate:
        raise ParameterError(f"a flesh from {input_rate} Hz to {output_rate} Hz: it goes up, from at least 4000 Hz")
    common = gcd(input_rate, output_rate)
    smallest_in, smallest_out = input_rate // common, output_rate // common
    times = max(1, int(FRAME_S * output_rate / smallest_out))
    hop_in, hop_out = smallest_in * times, smallest_out * times
    if hop_out > 3 * FRAME_S * output_rate:
        raise ParameterError(
            f"{input_rate} Hz and {output_rate} Hz share no hop below 30 ms; use 8000, 11025, 16000 or 22050 Hz"
        )
    return hop_in, hop_out


@dataclass(frozen=True)
class DiscriminatorShape:
    """The critics: of complex STFTs, of the waveform folded at periods, of the losses' log-mel pictures."""

    filters: int  #: of the first two
    windows: tuple[int, ...]
    periods: tuple[int, ...] = ()
    looks: int = 0  #: filters of the critics of log-mel pictures, one per window of the losses; 0: none


@dataclass(frozen=True)
class Preset:
    """A net and a plan to train it."""

    channels: int
    blocks: int
    batch: int
    crop_frames: int  #: 10 ms each
    learning_rate: float
    warm_up: int  #: steps
    ema: float  #: decay of the averaged weights that are kept
    check_every: int  #: steps
    steps: int  #: the plan, unless --for or --steps says otherwise
    content_steps: int  #: the adversarial phase does not start by itself before
    windows: tuple[int, ...]  #: of the spectral losses, samples at 44.1 kHz
    discriminator: DiscriminatorShape


def settle_preset(params: FleshParams) -> Preset:
    """The preset with the settings that override it."""
    chosen = PRESETS[params.preset]
    frames = round(params.crop_s / FRAME_S)
    if params.crop_s and frames < MIN_CROP_FRAMES:
        raise ParameterError(f"crop_s={params.crop_s:g} must be at least {MIN_CROP_FRAMES * FRAME_S:g} s")
    return replace(
        chosen,
        batch=params.batch or chosen.batch,
        crop_frames=frames or chosen.crop_frames,
        learning_rate=params.learning_rate or chosen.learning_rate,
        check_every=params.check_every or chosen.check_every,
        steps=params.steps or chosen.steps,
    )


PRESETS = {
    "debug": Preset(24, 1, 2, 40, 3e-3, 5, 0.9, 20, 60, 0, (1024, 256), DiscriminatorShape(4, (512,), looks=4)),
    "small": Preset(256, 6, 4, 64, 1e-3, 20, 0.99, 50, 1500, 400, (2048, 512), DiscriminatorShape(8, (), looks=16)),
    "full": Preset(
        512,
        8,
        16,
        100,
        2e-4,
        1000,
        0.999,
        2000,
        200_000,
        20_000,
        (2048, 1024, 512, 256),
        DiscriminatorShape(32, (2048, 1024, 512), (2, 3, 5, 7, 11)),
    ),
}
