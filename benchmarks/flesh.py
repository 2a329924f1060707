"""The flesh: what it gains over plain resampling, what the critic adds, what it costs beside its peers.

Trains `small` on four songs of one band (the first 90 s of each; two of them are versions of one piece) and measures
on two it has never heard ("stairs" and "ninesix", 30 s from the middle of each, 10 s when quick), with the final
averaged weights: nothing is chosen by looking at those songs. The critic's settings were chosen on "desert3", held out
from the other three for that, and on another band's songs.
Input: the songs' 16 kHz mono after 8-bit mu-law.

The critic is judged side by side: from one state at the end of the content phase, training goes on with it, without it
for as much CPU time, and without it for as many steps; the learning rate falls at the end of each. The interval of a
ratio is a paired bootstrap over blocks of 2 s of both songs: it says how much the distance depends on which music is
heard, not on the training's luck.

The mismatch rows hear the same songs through samples of a `tiny` skeleton that is trained here on the same four songs:
teacher-forced ones, and free-running ones. Peers are built at random initialisation, to their papers' sizes. Fixed
seeds; CPU seconds of one thread. `--quick` trains a seventh as long.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import copy
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

import music
import report
from neuralbum import audio
from neuralbum.dsp import fidelity, front_end
from neuralbum.flesh import scores
from neuralbum.flesh.net import Generator, new_generator
from neuralbum.flesh.pairs import Material, Song, level_of_snr, quantised, snr_db, to_float
from neuralbum.flesh.params import PRESETS, FleshParams, NetShape
from neuralbum.flesh.stream import stream_blocks
from neuralbum.flesh.trainer import Trainer
from neuralbum.prepared import to_int16
from neuralbum.skeleton import audition, presets
from neuralbum.skeleton import songs as skeleton_songs
from neuralbum.skeleton import training as skeleton_training
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.forcing import forced_samples

SEED = 4
HELD_OUT = ("stairs", "ninesix")
TRAIN = ("brokenlight", "desert3", "sixtyfour_", "sixtyfour_revisited")
SONG_S = 90.0
EXCERPT_S = {True: 10.0, False: 30.0}  #: quick -> seconds of each held-out song
INPUT_RATE, OUTPUT_RATE, N_LEVELS = 16_000, 44_100, 256
BUDGETS_S = {True: (30.0, 30.0), False: (240.0, 180.0)}  #: quick -> CPU-s of content, of each continuation
SKELETON_S = {True: 15.0, False: 120.0}  #: quick -> CPU-s of training the skeleton
CLIPS, CLIP_S = {True: 2, False: 6}, 10.0  #: quick -> free-running clips; their length
BLOCK_PATCHES = 20  #: of 93 ms: the bootstrap draws blocks of about 2 s
DRAWS = 400
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


Renderings = dict[str, list[np.ndarray]]  #: name -> stereo of each held-out song


@dataclasses.dataclass(frozen=True)
class Going:
    """Where a continuation of the training came to."""

    net: Generator
    steps: int
    cpu_s: float


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def train_for(trainer: Trainer, cpu_s: float, *, settle: bool) -> float:
    """Train for CPU seconds; ``settle`` lets the learning rate fall at the end. Returns those spent."""
    start = time.process_time()
    while (spent := time.process_time() - start) < cpu_s:
        trainer.advance(spent / cpu_s if settle else 0.0)
    return spent


def visqol(originals: Sequence[np.ndarray], made: Renderings, seconds: float) -> tuple[dict[str, float], str]:
    """Mean MOS-LQO of each rendering, and why there is none."""
    try:
        from visqol import VisqolApi
    except ImportError:
        return {}, "needs visqol-python (pip install 'neuralbum[bench]')"
    judge = VisqolApi()
    try:
        judge.create(mode="audio")
    except ImportError as cause:
        return {}, str(cause)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:

        def stored(name: str, sound: np.ndarray) -> str:
            path = Path(folder) / f"{name}.wav"
            at48 = audio.resample(sound[:, : round(seconds * OUTPUT_RATE)], OUTPUT_RATE, 48_000)
            soundfile.write(path, np.clip(at48.mean(axis=0), -1, 1), 48_000, subtype="PCM_16")
            return str(path)

        for number, original in enumerate(originals):
            reference = stored("original", original)
            for name, sounds in made.items():
                score = float(judge.measure(reference, stored("rendering", sounds[number])).moslqo)
                found.setdefault(name, []).append(score)
    return {name: float(np.mean(scored)) for name, scored in found.items()}, ""


def measured(originals: Sequence[np.ndarray], sounds: Sequence[np.ndarray]) -> dict[str, float]:
    return scores.measures(originals, sounds, INPUT_RATE)


def timbres(sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [fidelity.stereo_timbre(sound, OUTPUT_RATE) for sound in sounds]


def per_song(originals: Sequence[np.ndarray], sounds: Sequence[np.ndarray]) -> str:
    """Each song's own Fréchet distance, in words."""
    pairs = zip(HELD_OUT, timbres(originals), timbres(sounds), strict=True)
    return ", ".join(f"{name} {fidelity.frechet_distance(a, b):.1f}" for name, a, b in pairs)


def ratio_interval(
    originals: Sequence[np.ndarray], ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> tuple[float, float]:
    """95 % interval of the ratio of two Fréchet distances, ours to theirs: the same blocks are drawn for both."""
    blocks: list[list[np.ndarray]] = []
    for group in (originals, ours, theirs):
        blocks.append([b for t in timbres(group) for b in np.array_split(t, max(2, len(t) // BLOCK_PATCHES))])
    rng, ratios = np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(blocks[0]), len(blocks[0]))
        original, ours_, theirs_ = (np.concatenate([group[i] for i in drawn]) for group in blocks)
        ratios.append(fidelity.frechet_distance(original, ours_) / fidelity.frechet_distance(original, theirs_))
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


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


def material() -> list[Song]:
    by_name = {path.stem.removeprefix("blkrbt-"): path for path in music.tracks("blkrbt")}
    return [song(by_name[name], 0.0, SONG_S) for name in TRAIN]


def held_out(seconds: float) -> list[Song]:
    by_name = {path.stem.removeprefix("blkrbt-"): path for path in music.tracks("blkrbt")}
    return [song(by_name[name], (soundfile.info(by_name[name]).duration - seconds) / 2, seconds) for name in HELD_OUT]


def quality(quick: bool) -> list[report.Row]:
    train, unheard = material(), held_out(EXCERPT_S[quick])
    originals = [to_float(x.stereo) for x in unheard]
    monos = [quantised(to_float(x.mono), N_LEVELS) for x in unheard]
    plan, params = PRESETS["small"], FleshParams(adversarial="never")
    content_s, more_s = BUDGETS_S[quick]

    trainer = Trainer(NetShape(plan.channels, plan.blocks), plan, params, Material(train, unheard), seed=SEED)
    spent = train_for(trainer, content_s, settle=False)
    say(f"{trainer.step} steps of content in {spent:.0f} CPU-s")
    state = {name: tensor.clone() for name, tensor in trainer.state().items()}
    start, steps = copy.deepcopy(trainer.average), trainer.step
    critic = continued(trainer, state, "adversarial", cpu_s=more_s)
    alone = continued(trainer, state, "content", cpu_s=more_s)
    alike = continued(trainer, state, "content", steps=critic.steps)

    def renderings(net: Generator) -> list[np.ndarray]:
        return [fleshed(net, mono, sound.shape[1]) for mono, sound in zip(monos, originals, strict=True)]

    born = new_generator(NetShape(plan.channels, plan.blocks), SEED).eval()
    nets = {"born": born, "start": start, "alone": alone.net, "critic": critic.net, "alike": alike.net}
    made: Renderings = {
        "plain": [resampled(mono, sound.shape[1]) for mono, sound in zip(monos, originals, strict=True)],
        **{name: renderings(net) for name, net in nets.items()},
    }
    found = {name: measured(originals, sounds) for name, sounds in made.items()}
    found16 = {
        name: measured(originals, [to_float(to_int16(sound)) for sound in made[name]]) for name in ("plain", "alone")
    }
    halves = [
        np.concatenate(timbres([x[:, : x.shape[1] // 2] for x in originals])),
        np.concatenate(timbres([x[:, x.shape[1] // 2 :] for x in originals])),
    ]
    say(f"measures: {found}")
    plain, ours = found["plain"], found["alone"]
    rows = [
        report.row("training of small, generator alone", spent + alone.cpu_s, "CPU-s", "<= 600"),
        report.row("  steps", float(steps + alone.steps), "steps"),
        report.row("LSD 8-20 kHz, plain resampling", plain["lsd_high"]),
        report.row("LSD 8-20 kHz, fleshed", ours["lsd_high"]),
        report.row("  ratio", ours["lsd_high"] / plain["lsd_high"], "x", "<= 0.45 x"),
        report.row(
            "  ratio, both stored with 16 bits", found16["alone"]["lsd_high"] / found16["plain"]["lsd_high"], "x"
        ),
        report.row("  ratio, with the critic", found["critic"]["lsd_high"] / plain["lsd_high"], "x", "<= 0.45 x"),
        report.row("LSD 0-8 kHz, input resampled (soxr ends at 7.3 kHz)", plain["lsd_low"]),
        report.row("LSD 0-8 kHz, input, bins copied (the net at step 0)", found["born"]["lsd_low"]),
        report.row("LSD 0-8 kHz, fleshed", ours["lsd_low"], "", f"< {found['born']['lsd_low']:.4f}"),
        report.row("LSD 0-8 kHz, with the critic", found["critic"]["lsd_low"], "", f"< {found['born']['lsd_low']:.4f}"),
        report.row("LSD of the side, plain / fleshed", plain["lsd_side"] / ours["lsd_side"], "x"),
        report.row("LSD of the side, plain / with the critic", plain["lsd_side"] / found["critic"]["lsd_side"], "x"),
        report.row("Fréchet distance 44.1 kHz, plain resampling", plain["frechet"]),
        report.row("Fréchet distance of the songs' two halves (floor)", fidelity.frechet_distance(*halves)),
        report.row(f"Fréchet distance, generator alone, {steps} steps: the start", found["start"]["frechet"]),
    ]
    rows += judged(originals, made, found, {"critic": critic, "alone": alone, "alike": alike})
    moss, why = visqol(originals, {k: made[k] for k in ("plain", "alone", "critic")}, 4.0 if quick else 10.0)
    bar = f"> {moss.get('plain', 0):.4f}"
    rows += [
        report.row("ViSQOL, plain resampling", moss.get("plain"), "MOS", reason=why),
        report.row("ViSQOL, fleshed", moss.get("alone"), "MOS", bar, reason=why),
        report.row("ViSQOL, fleshed with the critic", moss.get("critic"), "MOS", bar, reason=why),
    ]
    return rows + mismatch({"alone": alone.net, "critic": critic.net}, train, unheard, quick)


def judged(
    originals: Sequence[np.ndarray], made: Renderings, found: dict[str, dict[str, float]], going: dict[str, Going]
) -> list[report.Row]:
    """The critic beside the generator alone: at equal steps, at equal CPU."""
    ours = found["critic"]["frechet"]
    rows = []
    for name, words in (("alike", "as many steps"), ("alone", "as much CPU")):
        theirs = found[name]["frechet"]
        low, high = ratio_interval(originals, made["critic"], made[name])
        spent = f"{going[name].steps} steps, {going[name].cpu_s:.0f} CPU-s; {per_song(originals, made[name])}"
        rows.append(report.row(f"Fréchet distance, generator alone, {words}", theirs, reason=spent))
        spent = f"{going['critic'].steps} steps, {going['critic'].cpu_s:.0f} CPU-s"
        spent += f"; {per_song(originals, made['critic'])}"
        rows.append(report.row("Fréchet distance, with the critic", ours, "", f"< {theirs:.4f}", reason=spent))
        rows.append(report.row(f"  ratio, {words}", ours / theirs, "x", "< 1 x"))
        rows.append(report.row("  upper end of its 95 % interval", high, "x", "< 1 x", reason=f"from {low:.3f}"))
    return rows


# ---- the skeleton's own samples ----------------------------------------------------------


class Singer:
    """A `tiny` skeleton trained for CPU seconds, by the forecast it sings better with."""

    def __init__(self, songs: Sequence[Song], cpu_s: float) -> None:
        chosen = presets.preset("tiny")
        self.net: Any = presets.build(chosen.kind, chosen.config, seed=SEED)
        self.songs = [skeleton_songs.Song(x.name, front_end.levels_of(x.mono, N_LEVELS)) for x in songs]
        habits = skeleton_training.Habits(
            batch=chosen.batch, window=chosen.window, learning_rate=chosen.learning_rate, seed=SEED
        )
        trainer = skeleton_training.Trainer(self.net, self.songs, habits)
        start = time.process_time()
        while (spent := time.process_time() - start) < cpu_s:
            trainer.advance(spent / cpu_s)
        self.cpu_s, self.steps = spent, trainer.step
        averaged = trainer.averaged()
        with torch.no_grad():
            for name, parameter in self.net.named_parameters():
                parameter.copy_(averaged[name])
        known = audition.corpus_statistics(self.songs, N_LEVELS, seconds=20.0, sample_rate=INPUT_RATE)
        far = {steady: audition.distance(self.sing(4, 4.0, steady).heard, known) for steady in (False, True)}
        self.steady = far[True] <= far[False]
        say(f"skeleton: {self.steps} steps in {spent:.0f} CPU-s, distance {far}")

    def sing(self, n_clips: int, seconds: float, steady: bool) -> audition.Sung:
        engine = FusedEngine(self.net, threads=1, steady=steady)
        return audition.sing(engine, self.songs, n_clips=n_clips, seconds=seconds, sample_rate=INPUT_RATE, seed=SEED)

    def forced(self, heard: Song) -> np.ndarray:
        levels = front_end.levels_of(heard.mono, N_LEVELS)
        return forced_samples(
            self.net,
            skeleton_songs.Song(heard.name, levels),
            uniforms=np.random.default_rng(SEED).random(len(levels)),
            steady=self.steady,
        )


def mismatch(nets: dict[str, Generator], train: list[Song], unheard: list[Song], quick: bool) -> list[report.Row]:
    """Quantised music against a skeleton's samples: low band, and distance from the held-out and the training songs."""
    singer = Singer(train, SKELETON_S[quick])
    quantised_ = [quantised(to_float(x.mono), N_LEVELS) for x in unheard]
    forced = [singer.forced(x) for x in unheard]
    clips = singer.sing(CLIPS[quick], CLIP_S, singer.steady).clips
    originals = [to_float(x.stereo) for x in unheard]
    snr = float(np.mean([snr_db(to_float(x.mono), worse) for x, worse in zip(unheard, forced, strict=True)]))
    level = level_of_snr(snr)
    band = np.concatenate(timbres([to_float(x.stereo) for x in train]))

    def from_band(sounds: Sequence[np.ndarray]) -> float:
        return fidelity.frechet_distance(band, np.concatenate(timbres(sounds)))

    def from_original(sounds: list[np.ndarray]) -> dict[str, float]:
        fitting = [scores.fitted(x, y.shape[1]) for x, y in zip(sounds, originals, strict=True)]
        return measured(originals, fitting)

    def plain(monos: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [resampled(mono, round(len(mono) * OUTPUT_RATE / INPUT_RATE)) for mono in monos]

    def flesh(monos: Sequence[np.ndarray], net: str, told: float) -> list[np.ndarray]:
        return [fleshed(nets[net], mono, round(len(mono) * OUTPUT_RATE / INPUT_RATE), told) for mono in monos]

    trusting = 0.0
    rows = [
        report.row("mismatch: skeleton's training", singer.cpu_s, "CPU-s", reason=f"{singer.steps} steps of tiny"),
        report.row("mismatch: signal-to-noise ratio of forced samples", snr, "dB", reason=f"level {level:.2f}"),
        report.row("mismatch: Fréchet from the band's songs, held-out songs", from_band(originals)),
    ]
    for name, monos, aligned in (
        ("quantised music", quantised_, True),
        ("forced samples", forced, True),
        ("free samples", list(clips), False),
    ):
        ways = {"resampled": plain(monos)}
        for net, words in (("alone", "fleshed"), ("critic", "fleshed with the critic")):
            ways[f"{words}, denoise 0"] = flesh(monos, net, 0.0)
            if name != "quantised music":
                ways[f"{words}, told {level:.2f}"] = flesh(monos, net, level)
        for words, sounds in ways.items():
            if aligned:
                far = from_original(sounds)
                bar = f"< {trusting:.4f}" if "told" in words else ""
                rows.append(report.row(f"mismatch: low LSD, {name}, {words}", far["lsd_low"], "", bar))
                trusting = far["lsd_low"]  # the same net at denoise 0 goes before
                rows.append(report.row(f"mismatch: Fréchet, {name}, {words}", far["frechet"]))
            rows.append(report.row(f"mismatch: Fréchet from the band's songs, {name}, {words}", from_band(sounds)))
    return rows


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
