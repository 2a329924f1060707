"""Run a stage in several processes of this machine, or one shard of it on each of many.

No engine is needed: items are claimed in the catalogue, files are written
whole or not at all, so any number of processes may run the same stage. This
room only starts them, shows their progress as one, restarts a worker that
dies, and counts the death against the item it was working on (an item over
which two workers died is set aside by the stage loop).

Stages are run by name; no room is imported here.
"""

from __future__ import annotations

from .pool import run

__all__ = ["run"]
