"""The catalogue: everything the project knows, in one database.

Tracks, models and their curves, takes, findings, claims, people's events, the
album's songs and the energy ledger. It knows no audio and no torch. SQLite in
WAL mode by default, PostgreSQL for a team (extra ``postgres``); the schema is
versioned with Alembic, and migrations run on opening.
"""

from .claims import LEASE_S, set_worker_name, worker_name
from .projection import fold, fold_by_person, merge, standing
from .store import Brief, Catalogue

__all__ = [
    "LEASE_S", "Brief", "Catalogue", "fold", "fold_by_person", "merge", "set_worker_name", "standing", "worker_name",
]  # fmt: skip
