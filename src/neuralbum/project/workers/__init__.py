"""Run a stage in several processes: of this machine, of a Ray cluster, or one shard of it on each of many.

Items are claimed in the catalogue, files are written whole or not at all, so any
number of processes may run the same stage. This room only starts them, shows their
progress as one, starts another for one that dies, and counts the death against the
item it was working on (an item over which two workers died is set aside).

    pool        the supervision, the same for both; what a worker does
    processes   workers as processes of this machine
    on_ray      workers as tasks of a Ray cluster, which decides where they run

Stages are run by name; no room is imported here.
"""

from __future__ import annotations

from .pool import run

__all__ = ["run"]
