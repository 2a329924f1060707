"""Everything a band's sampled music needs, put together: nets, codebooks, and how the band's songs begin.

    codes  --skeleton-->  codes  --codebook, texture-->  steps  --grid-->  frames  --renderer or flesh-->  sound

All of it goes into tensors and plain values and comes back the same (``tensors``,
``facts``, ``from_parts``); files are ``train.checkpoint``'s business.

Pure: no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .codebook import Codebook
from .form import FormCodec, FormModel
from .frames import FrameSpec
from .skeleton import Skeleton, SkeletonConfig
from .texture import Texture
from .tilting import Tilt

Ints = npt.NDArray[np.int64]

CODEBOOK = ("vectors", "deviations", "embedded", "refinement")
"""Tensors of a codebook besides its centres, in the order of its fields."""
TEXTURE = ("deviations", "transition", "mixing", "memory")
"""Tensors of a texture, in the order of its fields."""


@dataclass(frozen=True)
class Example:
    """One of the band's songs (or a transposed copy of it) in codes: takes begin as one of them does."""

    title: str
    pitch: float  #: semitones by which it is transposed
    bar_frames: float  #: length of its bars in frames
    regular: bool  #: whether it has bars
    first: int  #: place in the bar of its first step
    tokens: Ints  #: (n_bars,) form tokens
    codes: Ints  #: (n_steps, N_GROUPS)


@dataclass(frozen=True)
class BandModel:
    """A trained band."""

    spec: FrameSpec
    codebook: Codebook
    texture: Texture
    form: FormCodec
    form_model: FormModel
    net: Skeleton
    examples: tuple[Example, ...]
    tilt: Tilt  #: of the net, where it plays by itself; fitted for a chosen checkpoint, else it changes nothing

    def tensors(self) -> dict[str, Tensor]:
        """All that is numbers."""
        out = {f"net.{name}": value.detach() for name, value in self.net.state_dict().items()}
        book, form = self.codebook, self.form
        out |= {f"codebook.centres.{g}": torch.from_numpy(c) for g, c in enumerate(book.centres)}
        out |= {f"codebook.{name}": torch.from_numpy(getattr(book, name)) for name in CODEBOOK}
        out |= {f"texture.{name}": torch.from_numpy(getattr(self.texture, name)) for name in TEXTURE}
        out |= {f"form.{name}": torch.from_numpy(getattr(form, name)) for name in ("axes", "scale", "centres")}
        for i, example in enumerate(self.examples):
            out[f"examples.{i}.tokens"] = torch.from_numpy(example.tokens.astype(np.int16))
            out[f"examples.{i}.codes"] = torch.from_numpy(example.codes.astype(np.int16))
        return out

    def facts(self) -> dict[str, Any]:
        """All that is plain values."""
        return {
            "sample_rate": self.spec.sample_rate,
            "net": asdict(self.net.config),
            "examples": [
                {name: getattr(e, name) for name in ("title", "pitch", "bar_frames", "regular", "first")}
                for e in self.examples
            ],
        }

    @classmethod
    def from_parts(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> BandModel:
        """The inverse of ``tensors`` and ``facts``.

        Raises
        ------
        KeyError, TypeError, ValueError, RuntimeError
            The parts do not belong together; whoever reads files says which one.
        """
        spec = FrameSpec(int(facts["sample_rate"]))
        centres = [
            t.numpy() for _, t in sorted((k, v) for k, v in tensors.items() if k.startswith("codebook.centres."))
        ]
        codebook = Codebook(spec, tuple(centres), *(tensors[f"codebook.{name}"].numpy() for name in CODEBOOK))
        texture = Texture(*(tensors[f"texture.{name}"].numpy() for name in TEXTURE))
        form = FormCodec(*(tensors[f"form.{name}"].numpy() for name in ("axes", "scale", "centres")))
        net = Skeleton(SkeletonConfig(**facts["net"]))
        net.load_state_dict({k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")})
        net.eval()
        examples = tuple(
            Example(
                **about,
                tokens=tensors[f"examples.{i}.tokens"].numpy().astype(np.int64),
                codes=tensors[f"examples.{i}.codes"].numpy().astype(np.int64),
            )
            for i, about in enumerate(facts["examples"])
        )
        forms, tilt = FormModel(len(form.centres), tokens_of(examples)), Tilt(net.config.n_codes, len(form.centres))
        if fitted := {k.removeprefix("tilt."): v for k, v in tensors.items() if k.startswith("tilt.")}:
            tilt.load_state_dict(fitted)
        return cls(spec, codebook, texture, form, forms, net, examples, tilt)


def tokens_of(examples: Sequence[Example]) -> list[list[Ints]]:
    """The forms the band's songs have: for each song those of its copies."""
    songs: dict[str, list[Ints]] = {}
    for example in examples:
        songs.setdefault(example.title, []).append(example.tokens)
    return list(songs.values())
