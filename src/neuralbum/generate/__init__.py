"""Generate: recipes in, takes out.

A take's recipe names the net, its checkpoint, the seed and number of its dice,
its temperature, length and prime. Many takes are stepped side by side; each
depends on its own recipe alone. A watchdog rewinds takes that fall into a hole.

    streams.py   dice, temperatures, primes        making.py   slots, blocks, rewinds
    watchdog.py  what a stream can suffer from     run.py      files and catalogue
    fleshed.py   takes are fleshed while others are made
    wishes.py    what a net is told
    forced.py    samples drawn with the real past in the ear, for the flesh to learn from

Verbs: ``run`` (make the takes of a project), ``sample`` (blocks from a model, without a project),
``force`` (teacher-forced samples of the prepared tracks).
"""

from __future__ import annotations

from .forced import Forced, force
from .params import GenerateParams
from .run import plan, run, sample

__all__ = ["run", "sample", "plan", "force", "Forced", "GenerateParams"]
