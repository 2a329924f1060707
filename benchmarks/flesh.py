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
import time
from collections.abc import Sequence

import numpy as np
import torch

import report
from neuralbum.dsp import fidelity
from neuralbum.flesh import scores
from neuralbum.flesh.net import Generator, new_generator
from neuralbum.flesh.pairs import Material, Song, level_of_snr, quantised, snr_db, to_float
from neuralbum.flesh.params import PRESETS, FleshParams, NetShape
from neuralbum.flesh.stream import stream_blocks
from neuralbum.flesh.trainer import Trainer
from neuralbum.prepared import to_int16
from upsampling.continuing import Going, continued, say, train_for
from upsampling.excerpts import INPUT_RATE, N_LEVELS, OUTPUT_RATE, SEED, fleshed, held_out, material, resampled
from upsampling.judging import Renderings, measured, per_song, ratio_interval, timbres, visqol
from upsampling.peers import bigvgan_like, hifi_gan_like, peer_cost
from upsampling.singer import Singer

EXCERPT_S = {True: 10.0, False: 30.0}  #: quick -> seconds of each held-out song
BUDGETS_S = {True: (30.0, 30.0), False: (240.0, 180.0)}  #: quick -> CPU-s of content, of each continuation
SKELETON_S = {True: 15.0, False: 120.0}  #: quick -> CPU-s of training the skeleton
CLIPS, CLIP_S = {True: 2, False: 6}, 10.0  #: quick -> free-running clips; their length
MEMORY_MINUTES = {True: 1, False: 10}


# ---- costs ---------------------------------------------------------------------------


def flesh_cost(preset: str, seconds: float) -> tuple[float, float]:
    """(CPU-s per second of stereo, M parameters) of streaming with a preset's net."""
    plan = PRESETS[preset]
    net = new_generator(NetShape(plan.channels, plan.blocks), SEED).eval()
    net.open.fill_(1.0)
    noise = np.random.default_rng(SEED).standard_normal(round(seconds * INPUT_RATE)).astype(np.float32) * 0.1
    spent = report.cpu_seconds(lambda: list(stream_blocks(net, [noise], level=0.3)), repeats=3)
    return spent / seconds, sum(p.numel() for p in net.parameters()) / 1e6


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


def mismatch(nets: dict[str, Generator], train: list[Song], unheard: list[Song], quick: bool) -> list[report.Row]:
    """Quantised music against a skeleton's samples: low band, and distance from the held-out and the training songs."""
    singer = Singer(train, SKELETON_S[quick])
    quantised_ = [quantised(to_float(x.mono), N_LEVELS) for x in unheard]
    forced = [singer.forced(x) for x in unheard]
    clips = singer.sing(CLIPS[quick], CLIP_S).clips
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
