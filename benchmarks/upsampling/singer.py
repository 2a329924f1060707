"""A skeleton whose samples are fleshed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from neuralbum.dsp import front_end
from neuralbum.flesh.pairs import Song
from neuralbum.skeleton import audition, likeness, presets
from neuralbum.skeleton import songs as skeleton_songs
from neuralbum.skeleton import training as skeleton_training
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.forcing import forced_samples
from neuralbum.skeleton.scoring import temper

from .continuing import say
from .excerpts import INPUT_RATE, N_LEVELS, SEED


class Singer:
    """A `tiny` skeleton trained for CPU seconds."""

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
        known = likeness.corpus_statistics(self.songs, N_LEVELS, seconds=20.0, sample_rate=INPUT_RATE)
        _, self.reins = temper(self.net, self.songs, sample_rate=INPUT_RATE)
        far = likeness.distance(self.sing(4, 4.0).heard, known)
        say(f"skeleton: {self.steps} steps in {spent:.0f} CPU-s, distance {far:.2f}")

    def sing(self, n_clips: int, seconds: float) -> audition.Sung:
        return audition.sing(
            FusedEngine(self.net, threads=1), self.songs,
            n_clips=n_clips, seconds=seconds, sample_rate=INPUT_RATE, seed=SEED, reins=self.reins,
        )  # fmt: skip

    def forced(self, heard: Song) -> np.ndarray:
        levels = front_end.levels_of(heard.mono, N_LEVELS)
        return forced_samples(
            self.net,
            skeleton_songs.Song(heard.name, levels),
            uniforms=np.random.default_rng(SEED).random(len(levels)),
        )
