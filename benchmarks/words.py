"""What a trained net's upper tiers know: bits of a song with their words, their mean, or words of another time.

    python benchmarks/words.py PROJECT [--model ID@step]

A default net from any project; 20 s from the middle of its first training song and of its first held-out one. If the
held-out song loses little where the training song loses much, the tiers have learned the songs by heart.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from neuralbum.prepared import open_corpus
from neuralbum.project import Project
from neuralbum.skeleton import evaluate, open_skeleton
from neuralbum.skeleton.run import corpus_songs, find_model
from neuralbum.skeleton.tiers import Tiers
from report import Row, print_report, row

HEARD_S = 20.0
LATE = 256
"""Frames of the fastest tier that words come too late, turned round within a window of evaluation."""
CHANGED: dict[str, Callable[[Tensor], Tensor]] = {
    "words as they are": lambda word: word,
    "their mean instead": lambda word: word.mean(1, keepdim=True).expand_as(word),
    "words of another time": lambda word: torch.roll(word, LATE, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--model", default="", help="ID or ID@step; the newest skeleton without")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    project = Project.open(asked.project)
    net, about = open_skeleton(*find_model(project, asked.model))
    if not isinstance(net, Tiers):
        raise SystemExit(f"{about.id} is a {about.kind} net: only the default net's tiers are looked at")
    train, _, heldout = corpus_songs(open_corpus(project), net.config.n_levels)
    plain, last = net.spread_out, len(net.tiers) - 1
    rows: list[Row] = []
    for name, change in CHANGED.items():
        net.spread_out = lambda i, word, change=change: plain(i, change(word) if i == last else word)  # type: ignore[method-assign]
        for which, song in (("training song", train[0]), ("held-out song", heldout[0])):
            first, stop = evaluate.excerpt(song, HEARD_S, about.sample_rate)
            bits = evaluate.song_bits(net, song, start=first, stop=stop)
            rows.append(row(f"{about.id}@{about.step}, {which}: {name}", bits, "bit/sample"))
    print_report(rows, as_json=asked.json)


if __name__ == "__main__":
    main()
