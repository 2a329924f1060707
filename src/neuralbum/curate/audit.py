"""How many keepers were probably missed when a person stops before the end of a ranked queue.

Pure. A share of every ranked queue is drawn at random and mixed in; those
among it that the ranking would have served last are a fair sample of the tail
nobody heard. Stopping rules with a guarantee need such a sample (Lewis, Yang
and Frieder, arXiv 2108.12746). The interval is Clopper and Pearson's (Biometrika
26, 1934): never too short, often too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Missed:
    """An estimate of the keepers left in the unheard tail."""

    n_unheard: int
    n_audited: int  #: tail takes that were judged because the audit drew them
    n_audited_kept: int
    estimate: float | None  #: None until something was audited
    low: float
    high: float


def missed_keepers(takes: Sequence[str], audit: Sequence[str], verdicts: Mapping[str, str]) -> Missed:
    """Estimate the keepers among the takes beyond the point where a person stopped.

    Parameters
    ----------
    takes : the queue by rank, best first, the audited ones included at their rank
    audit : those that were drawn at random
    verdicts : take id -> verdict of what was judged so far
    """
    drawn = set(audit)
    frontier = max((i for i, t in enumerate(takes) if t in verdicts and t not in drawn), default=-1)
    tail = takes[frontier + 1 :]
    unheard = sum(t not in verdicts for t in tail)
    heard = [t for t in tail if t in verdicts]
    kept = sum(verdicts[t] == "keep" for t in heard)
    low, high = clopper_pearson(kept, len(heard))
    estimate = unheard * kept / len(heard) if heard else None
    return Missed(unheard, len(heard), kept, estimate, low * unheard, high * unheard)


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact interval for a proportion; (0, 1) when nothing was tried."""
    from scipy.special import betaincinv  # the beta distribution's quantiles, without importing all of scipy.stats

    if trials == 0:
        return 0.0, 1.0
    half = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, half))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - half))
    return low, high
