"""What a skeleton is trained on, as the training loop sees it.

Streams play through the songs side by side, window by window, with the recurrent state
carried; now and then one jumps elsewhere. What a net hears is disturbed
(``material.Disturbance``), part of the steps it hears are its own draws instead of the
band's, and some windows hear another song's past: a net that only ever heard the band is
lost as soon as it hears itself, and one that trusts its past alone follows no form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError
from ..nets.codebook import N_GROUPS
from ..nets.skeleton import ABSENT, N_LAGS, N_PAST, Heard, Skeleton, SkeletonConfig
from . import baselines, checkpoint, model_folder
from .checkpoint import About
from .material import Disturbance, disturb, hear, stack
from .params import Setup, SkeletonParams
from .prepare import Music, Song, new_net, prepare, stored_music, unheard_parts

SLACK = 0.05
"""Beat, repetition and level of what a net plays still grow when the likelihood of unheard songs has begun to fall, and
copies come later: the newest checkpoint within a twentieth of the best is the one that is played."""
JUMP = 0.15
"""Share of windows after which a stream goes on elsewhere."""
HOW = Disturbance()
FOREIGN_FOR = 1.5  #: of a window: a past that is another song's stays so for at most this long


@dataclass
class Stream:
    """Where a stream is: step ``at`` of a copy, which it has been playing since step ``since``."""

    copy: int
    at: int
    since: int


class SkeletonTask:
    """See the module's head; a ``loop.Task``."""

    rank, slack, curve = "valid_bits", SLACK, "train_bits"

    def __init__(
        self, music: Music, *, batch: int, window: int, own_steps: float, precise: bool, device: str = "cpu",
        how: Disturbance = HOW,
    ) -> None:  # fmt: skip
        self.music, self.own_steps, self.device = music, own_steps, torch.device(device)
        self.how = how
        self.form, self.precise = music.model.form, precise
        self.copies = music.copies("train")
        self.window = max(1, min(window, *(len(copy) for copy in self.copies)))
        lengths = np.array([len(copy) for copy in self.copies], dtype=float)
        self.shares = lengths / lengths.sum()
        rates = self._heard(tuple(song for song in music.songs if song.split == "train")).steps_per_s
        self.steps_per_s = float(self.shares @ np.asarray(rates))
        self.choosing, self.telling = (self._heard(songs) for songs in music.unheard())
        self.net: Skeleton = music.model.net.to(self.device)
        self.vectors = torch.from_numpy(music.model.codebook.vectors).to(self.device)
        self.streams = [Stream(0, len(self.copies[0]), 0) for _ in range(batch)]  # at the end: each jumps at once
        self.state = self.net.start(batch)

    def _heard(self, songs: tuple[Song, ...]) -> baselines.Songs:
        rate = self.music.model.spec.frame_rate
        copies = [self.music.copy_of(song) for song in songs]
        return baselines.Songs(copies, [16.0 * rate / song.example.bar_frames for song in songs])

    def start_as_regression(self) -> dict[str, dict[str, float]]:
        """Let the net begin as the least-squares prediction; returns the baselines of both splits."""
        net, book = self.net, self.music.model.codebook
        embedded = net.embedded.cpu()
        solved = baselines.regression(self.copies, embedded, self.form)
        solved = baselines.widened(
            solved, baselines.best_widening(net.config, embedded, solved, self.choosing, self.form)
        )
        net.set_linear(solved)
        splits = self._splits()
        out = baselines.static_and_copy(self.copies, book.n_codes, splits)
        line = baselines.linear_net(net.config, embedded, solved)
        for split, songs in splits.items():
            out[split]["regression"] = baselines.score(line, songs, self.form)
        return out

    def _splits(self) -> dict[str, baselines.Songs]:
        """The songs that choose are called valid, whichever they are."""
        both = {"valid": self.choosing, "heldout": self.telling}
        return {split: songs for split, songs in both.items() if songs.copies}

    # ---- what the loop asks for ----------------------------------------------------

    def make_batch(self, rng: np.random.Generator) -> tuple[Heard, Tensor, Tensor]:
        """What the streams hear next, the codes to predict, and which streams have jumped."""
        rows, codes, fresh = [], [], []
        for i, stream in enumerate(self.streams):
            jumps = stream.at + self.window > len(self.copies[stream.copy]) or rng.random() < JUMP
            if jumps:
                stream = self.streams[i] = self._elsewhere(rng)
            heard, wanted = hear(self.copies[stream.copy], stream.at, self.window, self.form, since=stream.since)
            rows.append(heard)
            codes.append(wanted)
            fresh.append(jumps)
            stream.at += self.window
        return stack(rows), torch.cat(codes), torch.tensor(fresh)

    def _elsewhere(self, rng: np.random.Generator) -> Stream:
        which = int(rng.choice(len(self.copies), p=self.shares))
        at = int(rng.integers(len(self.copies[which]) - self.window + 1))
        return Stream(which, at, at)

    def loss(self, batch: tuple[Heard, Tensor, Tensor], rng: torch.Generator, progress: float) -> Tensor:
        """Mean nats of a step."""
        plain, codes, fresh = batch
        heard = disturb(plain, self.how, rng=rng)
        plain, heard = (baselines.moved(h, self.device) for h in (plain, heard))
        codes, kept = codes.to(self.device), (~fresh)[:, None].to(self.device)
        state = [s * kept for s in self.state]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not self.precise):
            if self.own_steps > 0:
                with torch.no_grad():
                    heard = self._hear_own(plain, heard, codes, state, rng)
            features, after = self.net.trunk(heard, state)
            nats = self.net.negative_log_likelihood(features, heard, codes)
        self.state = [s.detach().float() for s in after]
        return nats.sum(-1).mean()

    def _hear_own(self, plain: Heard, heard: Heard, codes: Tensor, state: list[Tensor], rng: torch.Generator) -> Heard:
        """Replace part of the past by what the net draws there, and let some windows hear a step over and over."""
        b, t, d = *codes.shape[:2], self.vectors.shape[-1]
        drawn = self._draw(heard, codes, state, rng)

        def chance(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=rng).to(self.device)

        past = plain.past.view(b, t, N_PAST, d).clone()
        share = chance(b, 1, 1) * self.own_steps
        for back in range(1, N_PAST + 1):
            earlier = drawn[:, : max(0, t - back)]
            own = chance(b, earlier.shape[1], 1) < share
            past[:, back:, back - 1] = torch.where(own, earlier, past[:, back:, back - 1])
        # A past that is stuck, or another song's for a while, teaches to trust the form and the place in the bar.
        past = torch.where(chance(b, 1, 1, 1) < HOW.stuck, past[:, :1, :1], past)
        until = FOREIGN_FOR * t * chance(b, 1, 1, 1)
        foreign = (chance(b, 1, 1, 1) < HOW.foreign_past) & (torch.arange(t, device=self.device)[:, None, None] < until)
        past = torch.where(foreign, past.roll(1, 0), past)
        foreign, known = chance(b, 1, 1, 1) < HOW.foreign_lags, heard.known[..., None]
        lagged, ahead = (
            torch.where(foreign, x.view(b, t, N_LAGS, d).roll(1, 0) * known, x.view(b, t, N_LAGS, d)).flatten(2)
            for x in (heard.lagged, heard.ahead)
        )
        codes_then = heard.remembered.view(b, t, N_LAGS, N_GROUPS)
        others = torch.where(known > 0, codes_then.roll(1, 0), ABSENT)
        remembered = torch.where(foreign, others, codes_then).flatten(2)
        noise = torch.randn(past.shape, generator=rng).to(self.device)
        dropped = chance(b, t, N_PAST, 1) < chance(b, 1, 1, 1) * HOW.drop_past
        past = (past + heard.noise[..., None] * noise) * ~dropped
        return replace(heard, past=past.flatten(2), lagged=lagged, ahead=ahead, remembered=remembered)

    def _draw(self, heard: Heard, codes: Tensor, state: list[Tensor], rng: torch.Generator) -> Tensor:
        """(B, T, n_latents): steps drawn from the net's predictions."""
        features, _ = self.net.trunk(heard, state)
        drawn = codes[..., :0]
        for group in range(N_GROUPS):
            cdf = self.net.logits(group, features, heard, drawn).softmax(-1).cumsum(-1)
            uniform = torch.rand(*codes.shape[:2], 1, generator=rng).to(self.device)
            drawn = torch.cat([drawn, torch.searchsorted(cdf, uniform).clamp(max=cdf.shape[-1] - 1)], -1)
        parts = [self.vectors[group][drawn[..., group]] for group in range(N_GROUPS)]
        return torch.stack(parts).sum(0)

    def shown(self, loss: float) -> float:
        """Nats of a step -> bits for a second of music."""
        return loss / math.log(2.0) * self.steps_per_s

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits for a second of music, of the songs that choose and of those that choose nothing."""
        return {f"{split}_bits": baselines.score(self.net, songs, self.form) for split, songs in self._splits().items()}

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.net.state_dict())

    def carried(self) -> dict[str, Tensor]:
        places = torch.tensor([[s.copy, s.at, s.since] for s in self.streams], dtype=torch.int64)
        return {"streams": places} | {f"state.{i}": s for i, s in enumerate(self.state)}

    def carry_on(self, carried: Mapping[str, Tensor]) -> None:
        self.streams = [Stream(*row) for row in carried["streams"].tolist()]
        self.state = [carried[f"state.{i}"].to(self.device) for i in range(len(self.state))]


def open_task(setup: Setup, about: About, *, fresh: bool) -> tuple[SkeletonTask, About]:
    """The task of a model that is begun, with what model.json then says; or of one that is gone on with."""
    params, chosen = setup.params, setup.chosen
    assert isinstance(params, SkeletonParams)
    assert chosen.music is not None
    start = checkpoint.open_model(*setup.start)[0] if setup.start and fresh else None
    if fresh:
        known = known_music(setup, about) if setup.reuse and start is None else None
        music = known or prepare(
            setup.corpus, chosen.music, chosen.net, transposed=params.transposed, seed=setup.seed,
            reporter=setup.reporter, start=start,
        )  # fmt: skip
    else:
        model, _ = checkpoint.open_model(setup.folder)
        tensors = checkpoint.read_music(setup.folder, about)
        music = stored_music(model, checkpoint.open_renderer(setup.folder), about.facts, tensors)
    task = SkeletonTask(
        music, batch=chosen.batch, window=chosen.window, own_steps=params.own_steps, precise=setup.precise,
        device=setup.device, how=replace(HOW, noise=HOW.noise * params.noise),
    )  # fmt: skip
    if not fresh:
        return task, about
    facts, others = unheard_parts(music)
    about = replace(about, facts={**music.model.facts(), **facts}, baselines=task.start_as_regression())
    if start is not None:
        model_folder.fill(task.net.state_dict(), start.net.state_dict(), setup.folder)
    return task, checkpoint.write_music(setup.folder, music.model, about, music.renderer, others)


def known_music(setup: Setup, about: About) -> Music | None:
    """What another model of this project found in the same music in the same way, with a new net; None: none did."""
    alike = ("music", "transposed", "seed", "start_from")
    for folder in sorted(setup.folder.parent.iterdir() if setup.folder.parent.is_dir() else ()):
        try:
            other = checkpoint.read_about(folder)
            same = (other.kind, other.corpus_digest, other.code) == (about.kind, about.corpus_digest, about.code)
            if not same or any(other.training.get(name) != about.training.get(name) for name in alike):
                continue
            model, other = checkpoint.open_model(folder)
            tensors = checkpoint.read_music(folder, other)
            music = stored_music(model, checkpoint.open_renderer(folder), other.facts, tensors)
        except CheckpointError:
            continue
        book, form = music.model.codebook, music.model.form
        sizes = {"n_codes": book.n_codes, "n_latents": len(book.deviations), "n_form": form.axes.shape[1]}
        net = new_net(SkeletonConfig(**{**setup.chosen.net, **sizes}), book, setup.seed)
        return replace(music, model=replace(music.model, net=net))
    return None
