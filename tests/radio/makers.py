"""Takes for the radio: sounding, spooled with a ticket or put into the project."""

from __future__ import annotations

import json
import time

import numpy as np

from neuralbum.audio import write_flac
from neuralbum.project.stage import file_digest
from neuralbum.radio.maker import Ticket
from neuralbum.radio.mixer import LIVE, Item
from neuralbum.radio.params import RATE, Params
from neuralbum.records import Recipe, Take, canonical

PARAMS = Params(fade_s=0.5, low_s=60.0, high_s=120.0, length_s=30.0, keep_s=30.0)


def noise(seconds, seed=0, level=0.1, rate=16_000):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(2, round(seconds * rate))) * level).astype(np.float32)


def spooled(folder, number, *, seconds=4.0, wish=0, level=0.1, rate=16_000):
    """Put a take into a spool; returns its ticket."""
    recipe = Recipe(
        model_id="debug-0",
        model_digest="0" * 20,
        step=1,
        seed=99,
        number=number,
        temperature=((0.0, 1.0),),
        n_samples=round(seconds * rate),
        sample_rate=rate,
        engine="steps 2",
        prime={"example": 0, "bar": 1, "song": "song 1"},
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.take_id}.flac"
    write_flac(path, noise(seconds, number, level, rate), rate)
    take = Take(
        id=recipe.take_id,
        recipe=recipe,
        path=f"takes/{recipe.take_id}.flac",
        sha256=file_digest(path),
        sample_rate=rate,
        channels=2,
        n_samples=recipe.n_samples,
        created_at=time.time(),
    )
    ticket = Ticket(take, -20.0, wish, 0.5)
    path.with_suffix(".json").write_text(json.dumps(canonical(ticket)))
    return ticket


def item(seconds, *, name="a", source=LIVE, level=0.1):
    sound = np.rint(noise(seconds, 1, level, RATE) * 32767).astype(np.int16)
    return Item(name, name, source, sound)
