"""A band's model in a moment: real frames, codes and a fitted renderer, a net that has learned next to nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from neuralbum.audio.bars import find_bars
from neuralbum.generate.making import Band
from neuralbum.nets.band_model import BandModel, Example, tokens_of
from neuralbum.nets.codebook import Codebook
from neuralbum.nets.form import FormCodec, FormModel
from neuralbum.nets.frames import FrameSpec, analyse
from neuralbum.nets.grid import to_steps
from neuralbum.nets.griffin_lim import PlainRenderer
from neuralbum.nets.skeleton import Skeleton, SkeletonConfig
from neuralbum.nets.texture import Texture
from neuralbum.nets.tilting import Tilt
from neuralbum.records import Model
from neuralbum.train import checkpoint
from neuralbum.train.material import bar_means, bars_of

from ..train.makers import write_model

RATE = 16_000
SONG_S = 24.0


def tune(seed, seconds=SONG_S, rate=RATE, bar_s=2.0):
    """Two chords in turn, struck eight times a bar over noise; stereo."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    chord = np.where((t // bar_s) % 2 < 1, 1.0, 1.25) * 110.0 * 2 ** (seed / 12)
    stroke = np.exp(-10 * (t % (bar_s / 8)))
    sound = sum(np.sin(2 * np.pi * np.cumsum(chord * k) / rate) / k for k in (1, 1.5, 2, 3)) * stroke * 0.15
    noise = rng.normal(size=(2, t.size)) * (0.02 + 0.1 * np.exp(-30 * (t % (bar_s / 4))))
    return (sound + noise).astype(np.float32)


@cache
def small_model(n_songs=3):
    """A model of ``n_songs`` tunes, each as it is and two semitones lower, and its renderer."""
    spec, rng = FrameSpec(RATE), np.random.default_rng(0)
    audio = [tune(seed) for seed in range(n_songs)]
    frames = [analyse(a, spec, pitches=(0.0, -2.0)) for a in audio]
    bars = [find_bars(f[0][:, : spec.n_bands], spec.frame_rate) for f in frames]
    steps = {(i, j): to_steps(frames[i][j], bars[i]) for i in range(n_songs) for j in range(2)}
    book = Codebook.fit([s for s, _ in steps.values()], spec, 24, 12, rng=rng)
    codes = {k: book.encode(s) for k, (s, _) in steps.items()}
    means = {k: bar_means(book.latents(c), bars_of(len(c), steps[k][1])) for k, c in codes.items()}
    form = FormCodec.fit(np.concatenate(list(means.values())), book.deviations, 6, 4, rng=rng)
    examples = tuple(
        Example(f"song {i}", -2.0 * j, bars[i].length, bars[i].regular, steps[i, j][1], form.tokens(means[i, j]), c)
        for (i, j), c in codes.items()
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Skeleton(SkeletonConfig(12, book.n_codes, 6, 32, 1, 32, 0.0))
    net.embedded.copy_(torch.from_numpy(book.embedded))
    with torch.no_grad():
        for g, layer in enumerate(net.free):  # it knows how often each code occurs
            counts = np.bincount(np.concatenate([c[:, g] for c in codes.values()]), minlength=book.n_codes)
            layer.bias.copy_(torch.from_numpy(np.log(counts + 0.1)))
    renderer = PlainRenderer.fit([(f[0], a) for f, a in zip(frames, audio, strict=True)], spec)
    texture = Texture.fit([s for s, _ in steps.values()], book)
    forms = FormModel(len(form.centres), tokens_of(examples))
    model = BandModel(spec, book, texture, form, forms, net.eval(), examples, Tilt(book.n_codes, len(form.centres)))
    return model, renderer


def small_band():
    model, renderer = small_model()
    return Band(model, renderer, "debug-0", "0" * 20, 1)


def write_small_model(project):
    """The small model in a project's folder and catalogue; returns its id."""
    model, renderer = small_model()
    about = checkpoint.About(
        id="debug-0", kind="skeleton", preset="debug", sample_rate=RATE, corpus_digest="", code="test",
        facts=model.facts(), step=1, steps_done=1,
    )  # fmt: skip
    write_model(project.models_dir / about.id, model, about, renderer)
    project.catalogue.add_model(Model(about.id, "skeleton", "debug", RATE, "", created_at=1.0))
    return about.id
