"""A Likeness in words and as a table: what runs away, every measure, the worst first, what tells takes from band."""

from __future__ import annotations

from collections.abc import Mapping

from .compare import CORE, Likeness, number

CHANCE = 0.5  #: an AUC whose interval holds this tells nothing apart
SHOWN = ("p5", "p25", "p50", "p75", "p95")
HEADER = (
    "measure", "unit", "band 5%", "25%", "50%", "75%", "95%", "takes 50%", "inside", "floor", ">=10%", "in quartiles",
)  # fmt: skip


def summary(found: Likeness, styles: Mapping[str, float]) -> str:
    """The shares, a line each; ``styles``: cut_s, and where there is more than one take ``width.style_shares``."""
    groups = ", ".join(f"{name} {both.takes:.2f} ({both.floor:.2f})" for name, both in found.groups.items())
    shares = (("takes that run away", found.run_away), ("unsteady ones", found.unsteady))
    lines = [
        f"{found.n_takes} takes, {found.n_songs} songs, form on cuts of {styles['cut_s']:g} s; floors in brackets",
        ", ".join(f"{what} {both.takes:.0%} ({both.floor:.0%})" for what, both in shares),
        f"inside the band's 5-95 %: core ({', '.join(CORE)}) {found.core.takes:.2f} ({found.core.floor:.2f}); {groups}",
        f"cuts with sections and repetition both within 10-90 %: {found.form.takes:.0%} ({found.form.floor:.0%})",
    ]
    if "spread_share" in styles:
        lines.append(
            f"Fréchet distance over floor {styles['frechet_over_floor']:.2f}; of the band's: "
            f"style spread {styles['spread_share']:.2f}, effective styles {styles['effective_styles_share']:.2f}"
        )
    return "\n".join(lines)


def rows(found: Likeness) -> list[tuple[str, ...]]:
    """A row for each measure, under HEADER."""
    return [
        (
            m.words, m.unit, *(number(m.band[p]) for p in SHOWN), number(m.takes["p50"]),
            f"{m.inside:.2f}", f"{m.floor:.2f}", f"{m.at_least_p10:.2f}", "yes" if m.median_in_quartiles else "no",
        )
        for m in found.measures
    ]  # fmt: skip


def reasons(found: Likeness) -> str:
    """What tells takes from band, and which takes are unsteady; a line each."""
    apart, lines = found.told_apart, []
    if apart is None:
        lines.append("two-sample test: too few songs or takes (4 of each are needed)")
    else:
        lines.append(f"two-sample AUC {apart.auc:.2f} ({apart.low:.2f} to {apart.high:.2f}; 0.5: cannot be told apart)")
        for r in apart.reasons if apart.low > CHANCE else ():
            much = "more" if r.weight > 0 else "less"
            lines.append(f"  {much} {r.name} (weight {r.weight:+.2f}, mean {r.shift:+.1f} of the band's deviations)")
    lines += [
        f"{'runs away' if s.runs_away else 'unsteady'}: {s.name}: {', '.join(s.reasons)} "
        f"(loud cells {s.loud_share:.1%}, crest {s.crest_db:.1f} dB, rise {s.rise_db:+.1f} dB)"
        for s in found.steadiness
    ]
    return "\n".join(lines)
