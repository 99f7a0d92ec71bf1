"""Where a study's runs stand between initialisation and training, as a table on the screen."""

import math
from collections.abc import Mapping, Sequence

from disentangle.planning.columns import WIDTH, table_lines, wrapped
from disentangle.study.regime import Regime, in_words, spread_of
from disentangle.study.run import Run

HEADS = ("size", "tokens a weight", "steps / tau", "warm-up", "epochs", "V / d")


def regimes_as_text(
    runs: Sequence[Run], regimes: Mapping[str, Regime], width: int | None = WIDTH
) -> list[str]:
    """One line per size, with the least and the greatest of each number; then a warning, if any.

    Args:
        runs: those that are trained.
        regimes: run to its regime.
        width: of the screen; see `table_lines`.
    """
    if not runs:
        return []
    by_size: dict[str, list[Regime]] = {}
    for run in runs:
        by_size.setdefault(run.size.name, []).append(regimes[run.name])
    rows = [
        (size, *(_span(*ends) for ends in spread_of(members).values()))
        for size, members in by_size.items()
    ]
    title = "How far training goes; tau, AdamW's memory, is 1 / (rate x decay) steps:"
    warning = in_words(regimes.values())
    return [
        "",
        *wrapped([title], width),
        "",
        *table_lines(HEADS, rows, width=width),
        *(["", *wrapped([warning], width)] if warning else []),
    ]


def _span(low: float, high: float) -> str:
    if math.isnan(low):
        return "?"
    ends = [f"{float(f'{end:.3g}'):,g}" for end in (low, high)]
    return "-".join(dict.fromkeys(ends))
