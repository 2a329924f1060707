"""Which processor a net runs on, and how much of its memory is free."""

from __future__ import annotations

import os

from .errors import ParameterError


def pick_device(word: str = "auto") -> str:
    """``"auto"`` -> "cuda" where one works, else "cpu"; asked once, at the command line."""
    import torch

    if word not in ("auto", "cpu", "cuda"):
        raise ParameterError(f"device {word!r} must be auto, cpu or cuda")
    if word == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device 'cuda': torch sees no GPU here; use --device cpu, or see `neuralbum doctor`")
    if word == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return word


def available_gib(device: str) -> float:
    """Memory that a new process could have now, in GiB."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0]) / 2**30
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable"):
                    return int(line.split()[1]) / 2**20
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
