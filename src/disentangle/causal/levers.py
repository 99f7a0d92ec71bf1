"""Levers: different ways to move the rank, each a comparison of its own."""

from __future__ import annotations

from dataclasses import dataclass

from disentangle.causal.panel import Panel

DOSES = "doses"
INITIAL = "initial spectrum"
HARD = "hard limit"
ALL = "all levers"


@dataclass(frozen=True)
class Lever:
    """Arms that differ in one thing that moves the rank."""

    name: str
    groups: tuple[tuple[int, ...], ...]
    """Places of the arms that are compared with each other; see `sample`."""


def levers(panel: Panel) -> list[Lever]:
    """The levers that the experiment has.

    - doses: the arms that hold a spectrum, and the control;
    - initial spectrum: that arm, and the control;
    - hard limit: the factored arms. They are compared with the one whose inner dimension is d, as
      factors change the optimisation by themselves, so without that arm there is no such lever.
    """
    found = []
    if len(panel.doses) > 1:
        found.append(Lever(DOSES, (tuple(panel.doses),)))
    if initial := panel.of_kind("initial_spectrum"):
        found.append(Lever(INITIAL, ((0, *initial),)))
    if panel.factored is not None and panel.limited:
        found.append(Lever(HARD, ((panel.factored, *panel.limited),)))
    return found


def together(panel: Panel) -> Lever | None:
    """All levers at once; None if there are not two."""
    found = levers(panel)
    if len(found) < 2:
        return None
    plain = {arm for lever in found if lever.name != HARD for arm in lever.groups[0]}
    groups = [tuple(sorted(plain))] if plain else []
    groups += [lever.groups[0] for lever in found if lever.name == HARD]
    return Lever(ALL, tuple(groups))
