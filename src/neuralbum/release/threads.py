"""Threads that encode: enough, as encoders, resampler and digests work without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from ..errors import NeuralbumError
from .params import Params


def n_workers_of(params: Params) -> int:
    return params.workers or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def in_threads(function: Any, work: Mapping[str, tuple[Any, ...]], n_workers: int) -> Iterable[tuple[str, Any]]:
    """(name, result or exception) as they come."""
    if n_workers == 1:
        for name, arguments in work.items():
            try:
                yield name, function(*arguments)
            except (NeuralbumError, OSError, ValueError) as cause:
                yield name, cause
        return
    with ThreadPoolExecutor(n_workers) as pool:
        waiting = {pool.submit(function, *arguments): name for name, arguments in work.items()}
        try:
            for future in as_completed(waiting):
                error = future.exception()
                if error is not None and not isinstance(error, NeuralbumError | OSError | ValueError):
                    raise error
                yield waiting[future], error if error is not None else future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
