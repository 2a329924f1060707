"""A Likeness as text: what runs away, then every measure, the worst first, then what tells takes from band."""

from __future__ import annotations

from collections.abc import Mapping

from .compare import CORE, Likeness, MeasureLikeness, number

CHANCE = 0.5  #: an AUC whose interval holds this tells nothing apart
SHOWN = ("p5", "p25", "p50", "p75", "p95")


def text(found: Likeness, styles: Mapping[str, float]) -> str:
    """Lines of at most 120 characters or so.

    Parameters
    ----------
    styles : cut_s, and where there is more than one take frechet_over_floor, spread_share, effective_styles_share
    """
    return "\n".join([*_summary(found, styles), "", *_table(found), "", *_apart(found), *_unsteady(found)])


def _summary(found: Likeness, styles: Mapping[str, float]) -> list[str]:
    groups = ", ".join(f"{name} {both.takes:.2f} ({both.floor:.2f})" for name, both in found.groups.items())
    cut_s = styles["cut_s"]
    shares = (("takes that run away", found.run_away), ("unsteady ones", found.unsteady))
    lines = [
        f"{found.n_takes} takes beside {found.n_songs} songs, form on cuts of {cut_s:g} s; floors in brackets",
        ", ".join(f"{what} {both.takes:.0%} ({both.floor:.0%})" for what, both in shares),
        f"inside the band's 5-95 %: core ({', '.join(CORE)}) {found.core.takes:.2f} ({found.core.floor:.2f}); {groups}",
        f"cuts with sections and repetition both within 10-90 %: {found.form.takes:.0%} ({found.form.floor:.0%})",
    ]
    if "spread_share" in styles:
        lines.append(
            f"Fréchet distance over floor {styles['frechet_over_floor']:.2f}; of the band's: "
            f"style spread {styles['spread_share']:.2f}, effective styles {styles['effective_styles_share']:.2f}"
        )
    return lines


def _table(found: Likeness) -> list[str]:
    head = f"{'measure':<26}{'unit':<6}{'band 5%':>9}{'25%':>8}{'50%':>8}{'75%':>8}{'95%':>8}"
    return [
        f"{head}{'takes 50%':>11}{'inside':>8}{'floor':>7}{'>=10%':>7}  median in quartiles",
        *map(_row, found.measures),
    ]


def _row(m: MeasureLikeness) -> str:
    first, *rest = (number(m.band[p]) for p in SHOWN)
    return (
        f"{m.words:<26}{m.unit:<6}{first:>9}{''.join(f'{value:>8}' for value in rest)}{number(m.takes['p50']):>11}"
        f"{m.inside:>8.2f}{m.floor:>7.2f}{m.at_least_p10:>7.2f}  {'yes' if m.median_in_quartiles else 'no'}"
    )


def _apart(found: Likeness) -> list[str]:
    apart = found.told_apart
    if apart is None:
        return ["two-sample test: too few songs or takes (4 of each are needed)"]
    lines = [f"two-sample AUC {apart.auc:.2f} ({apart.low:.2f} to {apart.high:.2f}; 0.5: cannot be told apart)"]
    if apart.low <= CHANCE:
        return lines
    lines.append("told apart by:")
    for r in apart.reasons:
        much = "more" if r.weight > 0 else "less"
        lines.append(f"  {much} {r.name} (weight {r.weight:+.2f}, mean {r.shift:+.1f} of the band's deviations)")
    return lines


def _unsteady(found: Likeness) -> list[str]:
    return [
        f"{'runs away' if s.runs_away else 'unsteady'}: {s.name}: {', '.join(s.reasons)} "
        f"(loud cells {s.loud_share:.1%}, crest {s.crest_db:.1f} dB, rise {s.rise_db:+.1f} dB)"
        for s in found.steadiness
    ]
