"""The flesh: what it gains over plain resampling, what the critic adds, what it costs beside its peers.

Trains `small` on four songs of one band (the first 90 s of each) and measures on a song it has never heard
("stairs", 30 s from its middle, 15 s when quick), with the final averaged weights: nothing is chosen by looking at
that song. Input: the song's 16 kHz mono after 8-bit mu-law. The critic is judged side by side: from the same state,
training goes on with it, and without it for as many steps and for the same CPU time. Peers are built here at random
initialisation, to their papers' sizes. Fixed seeds; CPU seconds of one thread. `--quick` trains a seventh as long.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

import music
import report
from neuralbum import audio
from neuralbum.dsp import lpc, mulaw
from neuralbum.flesh import scores
from neuralbum.flesh.net import Generator, new_generator
from neuralbum.flesh.pairs import Material, Song, level_of_snr, quantised, snr_db, to_float
from neuralbum.flesh.params import PRESETS, FleshParams, NetShape
from neuralbum.flesh.stream import stream_blocks
from neuralbum.flesh.trainer import Trainer
from neuralbum.prepared import to_int16

SEED = 4
HELD_OUT = "stairs"
TRAIN = ("brokenlight", "desert3", "ninesix", "sixtyfour_")
SONG_S = 90.0
EXCERPT_S = {True: 15.0, False: 30.0}  #: quick -> seconds of the held-out song
INPUT_RATE, OUTPUT_RATE, N_LEVELS = 16_000, 44_100, 256
BUDGETS_S = {True: (30.0, 30.0), False: (240.0, 180.0)}  #: quick -> CPU-s of content, of each continuation
MEMORY_MINUTES = {True: 1, False: 10}


# ---- material ----------------------------------------------------------------------


def song(path: Path, start_s: float, length_s: float) -> Song:
    rate = soundfile.info(path).samplerate
    sound = soundfile.read(
        path, start=round(start_s * rate), frames=round(length_s * rate), dtype="float32", always_2d=True
    )[0].T
    stereo = audio.resample(
        np.ascontiguousarray(np.repeat(sound, 2, axis=0)[:2] if len(sound) == 1 else sound), rate, OUTPUT_RATE
    )
    stereo = stereo * np.float32(0.7)
    mono = audio.resample(stereo.mean(axis=0, keepdims=True), OUTPUT_RATE, INPUT_RATE)[0]
    return Song(path.stem, to_int16(mono), to_int16(stereo))


def forced_by_prediction(heard: Song) -> np.ndarray:
    """Samples of order-32 linear prediction that was shown the real past: a skeleton's stand-in.

    At equal bits per sample (a skeleton of this size and linear prediction differ by a few hundredths
    of a bit) its sampling noise is about as strong as a skeleton's.
    """
    from scipy.signal import lfilter

    real = quantised(to_float(heard.mono), N_LEVELS).astype(np.float64)
    predicted = lpc.predict(real)
    follow, _ = lfilter(
        [1 - lpc.SCALE_MEMORY], [1, -lpc.SCALE_MEMORY], np.abs(real - predicted), zi=np.array([lpc.SCALE_MEMORY * 0.05])
    )
    scale = np.concatenate([[0.05], follow[:-1]]) + 1e-5
    drawn = predicted + np.random.default_rng(SEED).laplace(size=len(real)) * scale
    return mulaw.decode(mulaw.encode(np.clip(drawn, -1, 1), N_LEVELS), N_LEVELS)


def fleshed(net: Generator, mono: np.ndarray, n_samples: int, level: float = 0.0) -> np.ndarray:
    return scores.fitted(np.concatenate(list(stream_blocks(net, [mono], level=level)), axis=1), n_samples)


def resampled(mono: np.ndarray, n_samples: int) -> np.ndarray:
    return scores.fitted(np.repeat(audio.resample(mono[None], INPUT_RATE, OUTPUT_RATE), 2, axis=0), n_samples)


# ---- peers, at random initialisation -------------------------------------------------


class Snake(nn.Module):
    """Periodic activation between a 2x up- and a 2x down-sampling filter of 12 taps, as BigVGAN has it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))
        self.up = nn.ConvTranspose1d(channels, channels, 12, 2, padding=5, groups=channels)
        self.down = nn.Conv1d(channels, channels, 12, 2, padding=5, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(x)
        return self.down(x + torch.sin(self.alpha * x) ** 2 / self.alpha)


class Peer(nn.Module):
    """Transposed convolutions and multi-receptive-field residual blocks from mel frames to a mono waveform."""

    def __init__(self, ups: tuple[int, ...], activation: Callable[[int], nn.Module], channels: int = 512) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(128, channels, 7, padding=3)]
        for up in ups:
            layers += [activation(channels), nn.ConvTranspose1d(channels, channels // 2, 2 * up, up, padding=up // 2)]
            channels //= 2
            layers.append(Fields(channels, activation))
        layers += [activation(channels), nn.Conv1d(channels, 1, 7, padding=3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        return self.layers(mel)


class Fields(nn.Module):
    """Kernels of 3, 7 and 11, each thrice dilated by 1, 3, 5 and once not, residual, averaged."""

    def __init__(self, channels: int, activation: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(
                    activation(channels),
                    nn.Conv1d(channels, channels, k, dilation=d, padding=d * (k - 1) // 2),
                    activation(channels),
                    nn.Conv1d(channels, channels, k, padding=(k - 1) // 2),
                )
                for d in (1, 3, 5)
            )
            for k in (3, 7, 11)
        )

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for branch in self.branches:
            h = x
            for layer in branch:
                h = h + layer(h)
            outputs.append(h)
        return torch.stack(outputs).mean(0)


def hifi_gan_like() -> Peer:
    return Peer((8, 8, 4, 2), lambda _channels: nn.LeakyReLU(0.1))


def bigvgan_like() -> Peer:
    return Peer((8, 4, 2, 2, 2, 2), Snake)


# ---- costs ---------------------------------------------------------------------------


def flesh_cost(preset: str, seconds: float) -> tuple[float, float]:
    """(CPU-s per second of stereo, M parameters) of streaming with a preset's net."""
    plan = PRESETS[preset]
    net = new_generator(NetShape(plan.channels, plan.blocks), SEED).eval()
    net.open.fill_(1.0)
    noise = np.random.default_rng(SEED).standard_normal(round(seconds * INPUT_RATE)).astype(np.float32) * 0.1
    spent = report.cpu_seconds(lambda: list(stream_blocks(net, [noise], level=0.3)), repeats=3)
    return spent / seconds, sum(p.numel() for p in net.parameters()) / 1e6


@torch.inference_mode()
def peer_cost(peer: Peer, seconds: float) -> tuple[float, float]:
    """(CPU-s per second of mono, M parameters)."""
    peer.eval()
    mel = torch.randn(1, 128, round(seconds * OUTPUT_RATE / 512), generator=torch.Generator().manual_seed(SEED))
    n = peer(mel[..., :4]).shape[-1]  # warm-up, and a check of the hop
    if n != 4 * 512:
        raise SystemExit(f"a peer gave {n} samples for 4 frames")
    start = time.process_time()
    made = peer(mel)
    return (time.process_time() - start) / (made.shape[-1] / OUTPUT_RATE), sum(
        p.numel() for p in peer.parameters()
    ) / 1e6


MEMORY = """
import numpy as np, torch
torch.set_num_threads(1)
from neuralbum.flesh.net import new_generator
from neuralbum.flesh.params import NetShape
from neuralbum.flesh.stream import stream_blocks
net, rng = new_generator(NetShape(256, 6), 0).eval(), np.random.default_rng(0)
net.open.fill_(1.0)
blocks = (rng.standard_normal(160_000).astype(np.float32) * 0.1 for _ in range(int(sys.argv[1]) * 6))
for _ in stream_blocks(net, blocks, level=0.3):
    pass
"""


# ---- quality ---------------------------------------------------------------------------


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def train_for(trainer: Trainer, cpu_s: float, *, settle: bool) -> float:
    """Train for CPU seconds; ``settle`` lets the learning rate fall at the end. Returns those spent."""
    start = time.process_time()
    while (spent := time.process_time() - start) < cpu_s:
        trainer.advance(spent / cpu_s if settle else 0.0)
    return spent


def visqol(original: np.ndarray, renderings: dict[str, np.ndarray], seconds: float) -> tuple[dict[str, float], str]:
    """MOS-LQO of each rendering, and why there is none."""
    try:
        from visqol import VisqolApi
    except ImportError:
        return {}, "needs visqol-python (pip install visqol-python)"
    judge = VisqolApi()
    try:
        judge.create(mode="audio")
    except ImportError as cause:
        return {}, str(cause)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, sound in {"original": original, **renderings}.items():
            at48 = audio.resample(sound[:, : round(seconds * OUTPUT_RATE)], OUTPUT_RATE, 48_000)
            paths[name] = Path(folder) / f"{name}.wav"
            soundfile.write(paths[name], np.clip(at48.mean(axis=0), -1, 1), 48_000, subtype="PCM_16")
        for name in renderings:
            found[name] = float(judge.measure(str(paths["original"]), str(paths[name])).moslqo)
    return found, ""


def quality(quick: bool) -> list[report.Row]:
    by_name = {path.stem.removeprefix("blkrbt-"): path for path in music.tracks("blkrbt")}
    length = soundfile.info(by_name[HELD_OUT]).duration
    seconds = EXCERPT_S[quick]
    heldout = song(by_name[HELD_OUT], (length - seconds) / 2, seconds)
    material = Material([song(by_name[name], 0.0, SONG_S) for name in TRAIN], [heldout])
    original, n = to_float(heldout.stereo), heldout.stereo.shape[1]
    mono = quantised(to_float(heldout.mono), N_LEVELS)
    plan, params = PRESETS["small"], FleshParams(adversarial="never", ramp_steps=20)
    content_s, more_s = BUDGETS_S[quick]

    trainer = Trainer(NetShape(plan.channels, plan.blocks), plan, params, material, seed=SEED)
    spent = train_for(trainer, content_s, settle=False)
    say(f"{trainer.step} steps of content in {spent:.0f} CPU-s")
    state = {name: tensor.clone() for name, tensor in trainer.state().items()}
    steps = trainer.step
    spent += train_for(trainer, more_s, settle=True)
    say(f"{trainer.step - steps} more without the critic")
    alone, steps_alone = copy.deepcopy(trainer.average), trainer.step
    trainer.restore(state)
    trainer.phase = "content"
    trainer.switch("adversarial")
    with_critic_s = train_for(trainer, more_s, settle=True)
    critic, critic_steps = copy.deepcopy(trainer.average), trainer.step - steps
    say(f"{critic_steps} more with the critic")
    trainer.restore(state)
    trainer.phase = "content"
    for number in range(critic_steps):
        trainer.advance(number / critic_steps)
    as_long = trainer.average

    born = new_generator(NetShape(plan.channels, plan.blocks), SEED).eval()
    made = {
        "plain": resampled(mono, n),
        "born": fleshed(born, mono, n),
        "alone": fleshed(alone, mono, n),
        "critic": fleshed(critic, mono, n),
        "as long": fleshed(as_long, mono, n),
    }
    found = {name: scores.measures([original], [sound], INPUT_RATE) for name, sound in made.items()}
    to16 = {name: to_float(to_int16(sound)) for name, sound in made.items()}
    found16 = {name: scores.measures([original], [to16[name]], INPUT_RATE) for name in ("plain", "alone")}
    halves = [
        scores.fidelity.stereo_timbre(part, OUTPUT_RATE) for part in (original[:, : n // 2], original[:, n // 2 :])
    ]
    say(f"measures: {found}")
    plain, ours, theirs, alike = (found[name] for name in ("plain", "alone", "critic", "as long"))
    rows = [
        report.row("training of small, generator alone", spent, "CPU-s", "<= 600"),
        report.row("  steps", float(steps_alone), "steps"),
        report.row("LSD 8-20 kHz, plain resampling", plain["lsd_high"]),
        report.row("LSD 8-20 kHz, fleshed", ours["lsd_high"]),
        report.row("  ratio", ours["lsd_high"] / plain["lsd_high"], "x", "<= 0.45 x"),
        report.row(
            "  ratio, both stored with 16 bits", found16["alone"]["lsd_high"] / found16["plain"]["lsd_high"], "x"
        ),
        report.row("LSD 0-8 kHz, input resampled (soxr ends at 7.3 kHz)", plain["lsd_low"]),
        report.row("LSD 0-8 kHz, input, bins copied (the net at step 0)", found["born"]["lsd_low"]),
        report.row("LSD 0-8 kHz, fleshed", ours["lsd_low"], "", f"< {found['born']['lsd_low']:.4f}"),
        report.row("LSD of the side, plain / fleshed", plain["lsd_side"] / ours["lsd_side"], "x"),
        report.row("Fréchet distance 44.1 kHz, plain resampling", plain["frechet"]),
        report.row("Fréchet distance, generator alone, as many steps", alike["frechet"]),
        report.row("Fréchet distance, with the critic", theirs["frechet"], "", f"< {alike['frechet']:.4f}"),
        report.row("Fréchet distance, generator alone, as much CPU", ours["frechet"]),
        report.row("  critic's phase, after the same start", with_critic_s, "CPU-s"),
        report.row("  critic's phase", float(critic_steps), "steps"),
        report.row("Fréchet distance of the song's two halves (floor)", scores.fidelity.frechet_distance(*halves)),
    ]
    moss, why = visqol(original, {k: made[k] for k in ("plain", "alone", "critic")}, 4.0 if quick else 10.0)
    rows += [
        report.row("ViSQOL, plain resampling", moss.get("plain"), "MOS", reason=why),
        report.row("ViSQOL, fleshed", moss.get("alone"), "MOS", f"> {moss.get('plain', 0):.4f}", reason=why),
        report.row("ViSQOL, fleshed with the critic", moss.get("critic"), "MOS", reason=why),
    ]
    return rows + mismatch(alone, heldout, original, found["alone"])


def mismatch(
    net: Generator, heldout: Song, original: np.ndarray, quantised_found: dict[str, float]
) -> list[report.Row]:
    """The same song heard through samples of a predictor instead of quantised."""
    forced = forced_by_prediction(heldout)
    snr = snr_db(to_float(heldout.mono), forced)
    level = level_of_snr(snr)
    n = original.shape[1]
    trusting, told = (scores.measures([original], [fleshed(net, forced, n, told)], INPUT_RATE) for told in (0.0, level))
    bare = scores.measures([original], [resampled(forced, n)], INPUT_RATE)
    return [
        report.row("mismatch: signal-to-noise ratio of forced samples", snr, "dB"),
        report.row("mismatch: low LSD, flesh on quantised music", quantised_found["lsd_low"]),
        report.row("mismatch: low LSD, forced samples resampled", bare["lsd_low"]),
        report.row("mismatch: low LSD, flesh on forced samples, denoise 0", trusting["lsd_low"]),
        report.row("mismatch: low LSD, flesh told the level", told["lsd_low"], "", f"< {trusting['lsd_low']:.4f}"),
        report.row("mismatch: Fréchet, flesh on quantised music", quantised_found["frechet"]),
        report.row("mismatch: Fréchet, flesh on forced samples, denoise 0", trusting["frechet"]),
        report.row("mismatch: Fréchet, flesh told the level", told["frechet"]),
    ]


def costs(quick: bool) -> list[report.Row]:
    seconds, peer_s = (6.0, 0.25) if quick else (20.0, 1.0)
    (small, small_m), (full, full_m) = flesh_cost("small", seconds), flesh_cost("full", seconds)
    rows = [
        report.row(f"cost of small ({small_m:.1f} M parameters)", small, "CPU-s/s", "<= 0.05"),
        report.row(f"cost of full ({full_m:.1f} M parameters)", full, "CPU-s/s", "<= 0.12"),
    ]
    for name, build in (("HiFi-GAN-like", hifi_gan_like), ("BigVGAN-like", bigvgan_like)):
        cost, millions = peer_cost(build(), peer_s)
        rows.append(report.row(f"cost of a {name} generator ({millions:.1f} M), mono", cost, "CPU-s/s"))
        rows.append(report.row(f"  small is cheaper than {name}", cost / small, "x", ">= 20 x"))
    for line in rows:
        say(f"{line.name}: {line.value:.4g} {line.unit}")
    minutes = MEMORY_MINUTES[quick]
    rows.append(
        report.row(f"peak memory, {minutes} min through small", report.peak_mib(MEMORY, str(minutes)), "MiB", "<= 600")
    )
    return rows


def main() -> None:
    arguments = report.arguments(__doc__ or "")
    torch.set_num_threads(1)
    start = time.process_time()
    rows = costs(arguments.quick) + quality(arguments.quick)
    rows.append(report.row("this benchmark", time.process_time() - start, "CPU-s"))
    report.print_report(
        rows, as_json=arguments.json, more={"seed": SEED, "preset": dataclasses.asdict(PRESETS["small"])}
    )


if __name__ == "__main__":
    main()
