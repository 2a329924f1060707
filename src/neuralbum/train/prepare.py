"""From a prepared corpus to what nets are trained on: bars, steps, codes, forms, and a plain renderer.

    song -> frames, also transposed -> bars -> steps -> codes   (codebook fitted on the training songs alone)
                                                     -> forms   (likewise)

Analysing the frames takes most of the time, a tenth of a second for a second of music in
seven pitches; so it is done once, and what came out is stored with the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..audio.bars import Bars, find_bars
from ..corpus.prepared import STEREO_RATE, PreparedCorpus, PreparedTrack, to_float
from ..errors import TrainingError
from ..nets.band_model import BandModel, Example, tokens_of
from ..nets.codebook import Codebook
from ..nets.form import FormCodec, FormModel
from ..nets.frames import FrameSpec, analyse
from ..nets.grid import STEPS_PER_BAR, to_steps
from ..nets.griffin_lim import PlainRenderer
from ..nets.skeleton import Skeleton, SkeletonConfig
from ..nets.texture import Texture
from ..nets.tilting import Tilt
from ..progress import SILENT, Reporter
from .material import Copy, bar_means, bars_of, make_copy

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_TRAIN_S = 5.0
"""Less training music than this teaches nothing; minutes are sensible, an hour is good."""
SHORTEST_STEPS = 2 * STEPS_PER_BAR
"""A song (or what is left of it) of less than two bars is left out."""
MOST_COPIES_S = 3 * 3600.0
"""Music of all transposed copies together: of more music, fewer copies are heard."""
FIT_STEPS = 20_000
"""Steps that the codebook is fitted on."""
RENDERER_S = 300.0
"""Music that the plain renderer is fitted on, at most."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Song:
    """One copy of a song in codes, and the split it belongs to."""

    split: str
    song: int  #: index of the song; copies of one share it
    example: Example


@dataclass(frozen=True)
class Music:
    """A band's music as a skeleton learns it. ``model`` holds an untrained net and the training songs."""

    model: BandModel
    songs: tuple[Song, ...]  #: all of them; those of the training split are the model's examples, in its order
    renderer: PlainRenderer

    def copies(self, split: str) -> list[Copy]:
        """Songs of a split, ready to be heard."""
        return [self.copy_of(song) for song in self.songs if song.split == split]

    def copy_of(self, song: Song) -> Copy:
        e, book = song.example, self.model.codebook
        return make_copy(song.song, e.codes, book.latents(e.codes), e.first, e.regular, self.model.form)

    def unheard(self) -> tuple[tuple[Song, ...], tuple[Song, ...]]:
        """(songs that choose checkpoints, songs that choose nothing).

        Where only one of the two splits has songs, they choose: there is no held-out number then.
        """
        valid, heldout = (tuple(s for s in self.songs if s.split == split) for split in ("valid", "heldout"))
        return (valid, heldout) if valid else (heldout, ())


def pitches_of(seconds: float, most: int) -> list[float]:
    """Semitones by which copies are transposed, so that they are not too much music together."""
    affordable = int((MOST_COPIES_S / max(seconds, 1.0) - 1.0) / 2.0)
    n = max(0, min(most, affordable))
    return [float(p) for p in sorted(range(-n, n + 1), key=abs)]


def prepare(
    corpus: PreparedCorpus, sizes: Mapping[str, int], config: Mapping[str, Any], *, transposed: int, seed: int,
    reporter: Reporter = SILENT, start: BandModel | None = None,
) -> Music:  # fmt: skip
    """Read the whole corpus.

    With ``start`` its codebook, texture and forms are kept as they are, so that codes go on meaning what its net
    learned; music that it never heard is coded as well as its codes can.

    Raises
    ------
    TrainingError
        There is too little training music.
    """
    check_music(corpus)
    spec, rng = FrameSpec(STEREO_RATE), np.random.default_rng([seed, 0])
    pitches = pitches_of(corpus.seconds("train"), transposed)
    reporter.begin(
        "read the music", corpus.seconds("train") + corpus.seconds("valid") + corpus.seconds("heldout"), "s of music"
    )
    read = []
    for number, track in enumerate(corpus.songs):
        if track.track.split in ("train", "valid", "heldout"):
            read += _read(number, track, corpus.gain, spec, pitches if track.track.split == "train" else [0.0])
        reporter.advance(track.stereo.shape[1] / STEREO_RATE)
    reporter.end()
    learned = [steps for song, steps in read if song.split == "train"]
    if not learned:
        raise TrainingError(too_little("no training song has two bars"))
    reporter.begin("find its codes, its forms and its spectra", None, "")
    if start is None:
        stretches = _stretches(learned)
        book = Codebook.fit(stretches, spec, sizes["n_codes"], sizes["n_latents"], rng=rng)
        texture = Texture.fit(stretches, book)
    else:
        book, texture = start.codebook, start.texture
    coded = [replace(song, example=replace(song.example, codes=book.encode(_plain(steps)))) for song, steps in read]
    if start is not None:
        reporter.line(_fit_in_words(start, book, zip(coded, read, strict=True)))
    means = [_bar_means(song.example, book) for song in coded]
    form = start.form if start is not None else FormCodec.fit(
        np.concatenate([m for m, song in zip(means, coded, strict=True) if song.split == "train"]),
        book.deviations, sizes["n_form"], sizes["n_tokens"], rng=rng,
    )  # fmt: skip
    songs = tuple(
        replace(song, example=replace(song.example, tokens=form.tokens(m)))
        for song, m in zip(coded, means, strict=True)
    )
    renderer = PlainRenderer.fit(pairs_of(corpus, "train", spec, RENDERER_S), spec, seed=seed)
    reporter.end()
    examples = tuple(song.example for song in songs if song.split == "train")
    forms = FormModel(len(form.centres), tokens_of(examples))
    sized = SkeletonConfig(
        **{**config, "n_codes": book.n_codes, "n_latents": len(book.deviations), "n_form": form.axes.shape[1]}
    )
    net, tilt = new_net(sized, book, seed), Tilt(book.n_codes, len(form.centres))
    return Music(BandModel(spec, book, texture, form, forms, net, examples, tilt), songs, renderer)


def new_net(config: SkeletonConfig, book: Codebook, seed: int) -> Skeleton:
    """An untrained net whose weights depend on ``seed`` alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Skeleton(config)
    net.embedded.copy_(torch.from_numpy(book.embedded))
    return net


def check_music(corpus: PreparedCorpus) -> None:
    """Refuse to train on next to nothing."""
    seconds = corpus.seconds("train")
    if seconds < MIN_TRAIN_S:
        raise TrainingError(too_little(f"{seconds:.1f} s of training music"))


def too_little(what: str) -> str:
    return f"{what}: too little to learn from; add more songs with `neuralbum add FOLDER` (ten minutes are a start)"


def pairs_of(corpus: PreparedCorpus, split: str, spec: FrameSpec, most_s: float) -> list[tuple[Floats, Floats]]:
    """(frames, audio) from the middle of each song of a split, together at most ``most_s``."""
    songs = corpus.split(split)
    pairs = []
    for song in songs:
        n = min(song.stereo.shape[1], int(most_s / len(songs) * spec.sample_rate))
        start = (song.stereo.shape[1] - n) // 2
        audio = _at_own_level(song.stereo[:, start : start + n], corpus.gain)
        pairs.append((analyse(audio, spec)[0], audio))
    return pairs


def _at_own_level(stereo: npt.NDArray[np.int16], gain: float) -> Floats:
    """Prepared sound as loud as the band made it: takes are to be as loud as the recordings."""
    return to_float(stereo) / np.float32(gain)


def _read(
    number: int, track: PreparedTrack, gain: float, spec: FrameSpec, pitches: Sequence[float]
) -> list[tuple[Song, Any]]:
    """Copies of a song without their codes yet, and the steps of each as float16."""
    frames = analyse(_at_own_level(track.stereo, gain), spec, pitches=pitches)
    bars: Bars = find_bars(frames[pitches.index(0.0)][:, : spec.n_bands], spec.frame_rate)
    out = []
    empty = np.zeros(0, dtype=np.int64)
    for pitch, copy in zip(pitches, frames, strict=True):
        steps, first = to_steps(copy, bars)
        if len(steps) < SHORTEST_STEPS:
            continue
        example = Example(track.track.title, pitch, bars.length, bars.regular, first, empty, empty)
        out.append((Song(track.track.split, number, example), steps.astype(np.float16)))
    return out


def _fit_in_words(start: BandModel, book: Codebook, songs: Iterable[tuple[Song, tuple[Song, Any]]]) -> str:
    """How far codes that were fitted on other music are from this music: rms, in dB of the frames' levels."""
    known = {example.title for example in start.examples}
    squares: dict[bool, list[float]] = {True: [], False: []}
    for song, (_, steps) in songs:
        if song.example.pitch == 0.0:
            squares[song.example.title in known].append(
                float(np.mean((book.decode(song.example.codes) - _plain(steps)) ** 2))
            )
    old, new = (math.sqrt(sum(some) / len(some)) if some else None for some in (squares[True], squares[False]))
    said = "codes and forms are kept"
    if old is not None:
        said += f"; they miss the songs they were fitted on by {old:.1f} dB"
    return said + (f", other songs by {new:.1f} dB" if new is not None else "")


def _plain(steps: npt.NDArray[np.float16]) -> Floats:
    return steps.astype(np.float32)


def _stretches(songs: Sequence[npt.NDArray[np.float16]]) -> list[Floats]:
    """The middle of each copy, together at most FIT_STEPS."""
    each = max(STEPS_PER_BAR, FIT_STEPS // len(songs))
    return [_plain(steps[max(0, (len(steps) - each) // 2) :][:each]) for steps in songs]


def _bar_means(example: Example, book: Codebook) -> Floats:
    return bar_means(book.latents(example.codes), bars_of(len(example.codes), example.first))


# ---- stored with the model ---------------------------------------------------

UNHEARD = "unheard"
"""Songs that are not trained on, beside the examples in the facts and tensors of a model."""


def unheard_parts(music: Music) -> tuple[dict[str, Any], dict[str, Any]]:
    """(facts, tensors) of the songs that are not trained on, and which song each example is a copy of."""
    import torch

    others = [song for song in music.songs if song.split != "train"]
    facts: dict[str, Any] = {
        UNHEARD: [
            {name: getattr(s.example, name) for name in ("title", "pitch", "bar_frames", "regular", "first")}
            | {"split": s.split, "song": s.song}
            for s in others
        ],
        "songs": [s.song for s in music.songs if s.split == "train"],
    }
    tensors = {
        f"{UNHEARD}.{i}.{name}": torch.from_numpy(getattr(s.example, name).astype(np.int16))
        for i, s in enumerate(others)
        for name in ("tokens", "codes")
    }
    return facts, tensors


def stored_music(
    model: BandModel, renderer: PlainRenderer, facts: Mapping[str, Any], tensors: Mapping[str, Any]
) -> Music:
    """The inverse of ``unheard_parts``, with the model and the renderer that were stored beside it."""
    songs = [Song("train", number, e) for number, e in zip(facts["songs"], model.examples, strict=True)]
    for i, about in enumerate(facts[UNHEARD]):
        codes = {n: tensors[f"{UNHEARD}.{i}.{n}"].numpy().astype(np.int64) for n in ("tokens", "codes")}
        plain = {name: about[name] for name in ("title", "pitch", "bar_frames", "regular", "first")}
        songs.append(Song(about["split"], about["song"], Example(**plain, **codes)))
    return Music(model, tuple(songs), renderer)
