"""The reference net's training: streams of mu-law samples of the mono corpus, the state carried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..audio import mulaw
from ..corpus.prepared import to_float
from ..nets.samplernn import SampleRnn, SampleRnnConfig
from .checkpoint import About, open_samplernn
from .params import Setup
from .prepare import check_music

JUMP = 0.02
"""Share of windows after which a stream goes on elsewhere."""
HEARD_S = 4.0
"""Seconds of each unheard song that are scored."""

Levels = npt.NDArray[np.uint8]


class SampleRnnTask:
    """See the module's head; a ``loop.Task``."""

    rank, slack, curve = "valid_bits", 0.0, "train_bits"

    def __init__(
        self, net: SampleRnn, splits: Mapping[str, Sequence[Levels]], *, sample_rate: int, batch: int, window: int,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        self.net, self.sample_rate = net.to(device), sample_rate
        self.songs, frame = splits["train"], net.config.frame
        self.unheard = {split: songs for split, songs in splits.items() if split != "train" and songs}
        shortest = min(len(song) for song in self.songs) - frame
        self.window = max(1, min(window, shortest) // frame) * frame
        lengths = np.array([len(song) for song in self.songs], dtype=float)
        self.shares = lengths / lengths.sum()
        self.places = np.array([[0, len(self.songs[0])]] * batch)  # (song, sample); at the end: each jumps at once
        self.state = net.start(batch)

    def make_batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Levels (B, frame + window), and which streams have jumped."""
        frame, rows, fresh = self.net.config.frame, [], []
        for place in self.places:
            jumps = place[1] + frame + self.window > len(self.songs[place[0]]) or rng.random() < JUMP
            if jumps:
                place[0] = rng.choice(len(self.songs), p=self.shares)
                place[1] = rng.integers(len(self.songs[place[0]]) - frame - self.window + 1)
            rows.append(self.songs[place[0]][place[1] : place[1] + frame + self.window])
            fresh.append(jumps)
            place[1] += self.window
        return torch.from_numpy(np.stack(rows).astype(np.int64)), torch.tensor(fresh)

    def loss(self, batch: tuple[Tensor, Tensor], rng: torch.Generator, progress: float) -> Tensor:
        """Mean nats of a sample."""
        device = self.net.out.weight.device
        levels, kept = batch[0].to(device), (~batch[1]).float()[None, :, None].to(device)
        nats, (h, c) = self.net.negative_log_likelihood(levels, (self.state[0] * kept, self.state[1] * kept))
        self.state = h.detach(), c.detach()
        return nats.mean()

    def shown(self, loss: float) -> float:
        """Nats of a sample -> bits for a second."""
        return loss / math.log(2.0) * self.sample_rate

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits for a second of the unheard songs' middles."""
        frame, device, out = self.net.config.frame, self.net.out.weight.device, {}
        for split, songs in self.unheard.items():
            nats = []
            for song in songs:
                n = min(len(song), int(HEARD_S * self.sample_rate)) // frame * frame
                start = (len(song) - n) // 2
                levels = torch.from_numpy(song[start : start + n].astype(np.int64))[None].to(device)
                nats.append(self.net.negative_log_likelihood(levels, self.net.start(1))[0][0])
            out[f"{split}_bits"] = self.shown(float(torch.cat(nats).mean()))
        return out

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.net.state_dict())

    def carried(self) -> dict[str, Tensor]:
        return {"places": torch.from_numpy(self.places.copy()), "h": self.state[0], "c": self.state[1]}

    def carry_on(self, carried: Mapping[str, Tensor]) -> None:
        self.places = carried["places"].numpy().copy()
        device = self.net.out.weight.device
        self.state = carried["h"].to(device), carried["c"].to(device)


def open_task(setup: Setup, about: About, *, fresh: bool) -> tuple[SampleRnnTask, About]:
    """The task of a model that is begun, with what model.json then says; or of one that is gone on with."""
    corpus, chosen = setup.corpus, setup.chosen
    check_music(corpus)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setup.seed)
        net = SampleRnn(SampleRnnConfig(**chosen.net)) if fresh else open_samplernn(setup.folder)[0]
    splits = {
        split: [mulaw.encode(to_float(song.mono)).astype(np.uint8) for song in corpus.split(split)]
        for split in ("train", "valid", "heldout")
    }
    if not splits["valid"]:  # one of the two chooses: what it says is no held-out number
        splits["valid"], splits["heldout"] = splits["heldout"], []
    task = SampleRnnTask(
        net, splits, sample_rate=corpus.sample_rate, batch=chosen.batch, window=chosen.window, device=setup.device
    )
    if fresh:
        counts = np.bincount(np.concatenate(splits["train"]), minlength=256) + 0.5
        bits = -np.log2(counts / counts.sum()) * corpus.sample_rate
        lines = {split: {"static": float(bits[np.concatenate(songs)].mean())} for split, songs in task.unheard.items()}
        about = replace(about, facts={"net": asdict(net.config)}, baselines=lines)
    return task, about
