"""What to try next, from the curves of a run. Pure; rules of thumb, each with the number it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .listing import Run

STILL_FALLING = 0.01
"""A last step that is better than the one before by this share of the bits: the training was not over."""
OVERFITTED = 0.05
"""Valid bits this share above their best at the end: the net had learned the songs it hears by heart more and more."""
WIDE_GAP = 0.25
"""Bits of heard songs this share below those of unheard ones."""
LITTLE_MUSIC_S = 600.0
BARELY = 0.03
"""Better than the least-squares line by less than this share."""

Curves = Mapping[str, Sequence[tuple[int, float]]]


def advise(run: Run, curves: Curves, *, train_s: float, flesh_is_there: bool) -> list[str]:
    """Sentences, the most telling first; ``train_s`` is how much music there is to train on."""
    if run.state == "running":
        return [f"It is being trained: hear its checkpoints as they come with `neuralbum runs listen {run.id}`."]
    if run.state == "interrupted":
        return ["It was interrupted: the command that began it goes on where it stopped."]
    if run.state in ("failed", "pruned", "deleted"):
        return [_of_the_failed(run)]
    said = []
    name = "loss" if run.kind == "flesh" else "valid_bits"
    scored = [(c.step, c.measures[name]) for c in run.checkpoints if name in c.measures]
    if len(scored) >= 3:
        (_, before), (last_step, last) = scored[-2:]
        best_step, best = min(scored, key=lambda point: point[1])
        if best_step == last_step and before - last > STILL_FALLING * before:
            said.append(
                f"The curve was still falling at its end ({before:.4g} to {last:.4g} in the last stretch): "
                f"train on with `neuralbum train {_what(run)}` for longer than {run.steps_done} steps."
            )
        elif last > best * (1.0 + OVERFITTED):
            share = 100 * (last / best - 1.0)
            said.append(
                f"After step {best_step} the unheard songs got worse, by {share:.0f} % until the end: more dropout, "
                f"more transposed copies, a smaller preset or more music; the checkpoint at {run.step} is what plays."
            )
    heard = [value for _, value in curves.get("train_bits", [])]
    if run.kind != "flesh" and heard and "valid_bits" in run.measures:
        own, other = sum(heard[-5:]) / len(heard[-5:]), run.measures["valid_bits"]
        if own < other * (1.0 - WIDE_GAP):
            said.append(
                f"It predicts what it was trained on far better ({own:.0f} bits a second) than songs it never heard "
                f"({other:.0f}): look for copies with `neuralbum originality model {run.id}` before anything else."
            )
    line = run.baselines.get("valid", {}).get("regression")
    if line and "valid_bits" in run.measures and run.measures["valid_bits"] > line * (1.0 - BARELY):
        said.append(
            f"It is hardly better than least squares ({run.measures['valid_bits']:.0f} against {line:.0f} bits a "
            f"second): train longer, or take the next larger preset."
        )
    if "valid_bits" in run.measures and "heldout_bits" not in run.measures:
        said.append("No songs are held out: its numbers come from songs that chose the checkpoint. Add more songs.")
    if train_s < LITTLE_MUSIC_S and run.kind != "flesh":
        said.append(f"It learned from {train_s / 60:.1f} minutes of music: more songs help more than any setting.")
    if run.kind == "skeleton" and not flesh_is_there:
        said.append("No flesh is trained: `neuralbum train flesh` makes what it plays sound.")
    said.append(f"Hear it: `neuralbum generate {'--flesh' if run.kind == 'flesh' else f'--model {run.id}'}`.")
    return said


def _of_the_failed(run: Run) -> str:
    if run.state == "deleted":
        return "Its weights were deleted; its settings and curves are kept for the takes it made."
    if run.state == "pruned":
        return f"A sweep gave it up early ({run.why or 'others were better at that step'}); nothing needs to be done."
    if "learning rate" in run.why:
        rate = run.settings.get("learning_rate")
        lower = f"{rate / 3:.1g}" if isinstance(rate, float) else "a third of it"
        return f"It failed: {run.why}. Try `--set {_what(run)}.learning_rate={lower}`."
    return f"It failed: {run.why}. Mend that, then run the same command again."


def _what(run: Run) -> str:
    return "flesh" if run.kind == "flesh" else "skeleton"
