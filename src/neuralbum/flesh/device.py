"""Which processor to use: asked once, at the command line."""

from __future__ import annotations

from ..errors import ParameterError


def pick_device(word: str = "auto") -> str:
    """``"auto"`` -> "cuda" where one works, else "cpu"."""
    import torch

    if word not in ("auto", "cpu", "cuda"):
        raise ParameterError(f"device {word!r} must be auto, cpu or cuda")
    if word == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device 'cuda': torch sees no GPU here; use --device cpu, or see `neuralbum doctor`")
    if word == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return word
