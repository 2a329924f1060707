"""Which processor a net runs on, how much of its memory is free, and whether a training has room there."""

from __future__ import annotations

import os

from ..errors import ParameterError, TrainingError


def pick_device(word: str = "auto") -> str:
    """``"auto"`` -> "cuda" where one works, else "cpu"; asked once, at the command line."""
    import torch

    if word not in ("auto", "cpu", "cuda"):
        raise ParameterError(f"device {word!r} must be auto, cpu or cuda")
    if word == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device 'cuda': torch sees no GPU here; use --device cpu, or see `neuralbum doctor`")
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


def needs_in_words(memory_gib: float, seconds: float) -> str:
    """What a training needs, as people say it: "training needs about 1.2 GiB and 40 min"."""
    time = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    if seconds > 7200:
        time = f"{seconds / 3600:.1f} h"
    return f"training needs about {memory_gib:.1f} GiB and {time}"


def refuse_if_too_big(preset: str, memory_gib: float, free_gib: float, *, halve: str) -> None:
    """Raise a TrainingError if the memory cannot be had; ``halve`` names the settings that would help."""
    if memory_gib > free_gib:
        raise TrainingError(
            f"{preset}: training needs about {memory_gib:.1f} GiB, and {free_gib:.1f} GiB are free; "
            f"take a smaller preset, or halve {halve}"
        )
