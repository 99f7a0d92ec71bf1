"""A folder of the evaluation harness's results as a table of observations."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from disentangle.errors import StudyError, counted, listed
from disentangle.observations.harness_file import NAME, HarnessFile, read_harness_file
from disentangle.vocabulary.scores import STDERR

MOST_FILES = 20_000
"""More must be a wrong folder."""

PLACES = ("run", "revision", "step")
"""What a pattern may ask for."""

_PART = re.compile(r"\{(\w*)\}|(\*)|([^{*]+|\{)")

_STEP = re.compile(r"(?:^|[^A-Za-z])step[-_]?(\d{1,15})(?!\d)")
"""A step in a revision's name, such as step3000 or stage1-step140000-tokens294B."""


@dataclass(frozen=True)
class FromHarness:
    """A table, and what was not taken into it."""

    table: pd.DataFrame
    """A row per model and step: run, revision and step as far as known, then scores."""
    files: int
    passed_over: int
    """JSON files in the folder whose paths are not as the pattern says."""
    left_out: int
    """Scores that are not finite; their cells are empty."""


def pattern_of(spelled: str) -> re.Pattern[str]:
    """What a file's path must be like, from `{run}`, `{revision}`, `{step}` and `*`.

    `{step}` is a whole number; the others, and `*`, are anything without a slash. A name that
    stands twice must be the same in both places.

    Raises:
        StudyError: if a name is none of these.
    """
    written, there = "", set()
    for part in _PART.finditer(spelled):
        name, star, literal = part.groups()
        if star:
            written += "[^/]*"
        elif literal:
            written += re.escape(literal)
        elif name not in PLACES:
            known = ", ".join(f"{{{place}}}" for place in PLACES)
            raise StudyError(f"--pattern {spelled}: {{{name}}} is unknown; there are {known} and *")
        elif name in there:
            written += f"(?P={name})"
        else:
            there.add(name)
            written += f"(?P<{name}>" + (r"\d{1,15}" if name == "step" else "[^/]+") + ")"
    return re.compile(written)


def table_from_harness(
    folder: Path, pattern: str | None = None, tasks: Iterable[str] = ()
) -> FromHarness:
    """Read all results of a folder, and of the folders in it, into one table.

    What the pattern does not say is taken from the files, which since version 0.4 name the model
    and its revision. Without `{step}`, the step is read from the revision.

    Args:
        folder: the folder.
        pattern: of the files' paths in the folder; see `pattern_of`. By default all `.json`.
        tasks: the tasks to take; by default all.

    Raises:
        StudyError: with all faults of the files: no model, no step where others have one, a model
            and step with two values of one score.
    """
    paths = sorted(_json_files(folder))
    matches = pattern_of(pattern) if pattern else re.compile(".*", re.DOTALL)
    wanted = frozenset(tasks)
    places: dict[tuple[str, str | None, int | None], dict[str, float]] = {}
    sources: dict[tuple[str, str | None, int | None, str], str] = {}
    faults: list[str] = []
    taken, left_out = 0, 0
    for path in paths:
        within = path.relative_to(folder).as_posix()
        if (match := matches.fullmatch(within)) is None:
            continue
        taken += 1
        try:
            found = read_harness_file(path, wanted)
            place = _place(match.groupdict(), found, within)
        except StudyError as fault:
            faults.append(str(fault))
            continue
        left_out += found.left_out
        row = places.setdefault(place, {})
        for name, value in found.scores.items():
            if row.get(name, value) != value:
                other = sources[*place, name]
                faults.append(
                    f"{within}: {name} is {value:g}, but {row[name]:g} in {other}: say in the "
                    "pattern how their paths differ, or read one kind alone"
                )
                break
            row[name] = value
            sources[*place, name] = within
    if not taken:
        shown = f": none is like {pattern}" if paths else ""
        raise StudyError(f"{folder} has {len(paths)} .json files{shown}")
    faults += _without_step(places)
    if faults:
        raise StudyError(f"The results have {counted(faults)}:\n{listed(faults)}")
    names = {name for scores in places.values() for name in scores}
    if missing := [task for task in wanted if not any(n.startswith(f"{task}_") for n in names)]:
        raise StudyError(f"No file has a score of {', '.join(sorted(missing))}")
    table = _table(places)
    return FromHarness(table, taken, len(paths) - taken, left_out)


def _json_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise StudyError(f"There is no folder {folder}")
    paths = []
    for path in folder.rglob("*.json"):
        if path.is_file():
            paths.append(path)
        if len(paths) > MOST_FILES:
            raise StudyError(
                f"{folder} has more than {MOST_FILES} .json files: is it the right one?"
            )
    return paths


def _place(
    said: Mapping[str, str], found: HarnessFile, within: str
) -> tuple[str, str | None, int | None]:
    run = said.get("run") or found.model
    revision = said.get("revision") or found.revision
    if run is None:
        raise StudyError(f"{within}: neither it nor the pattern names the model: use {{run}}")
    for name in (run, revision or run):
        if not NAME.fullmatch(name):
            raise StudyError(f"{within}: {name[:60]!r} is no name of a model or a revision")
    step = said.get("step")
    if step is None and revision is not None and (named := _STEP.search(revision)):
        step = named[1]
    return run, revision, None if step is None else int(step)


def _without_step(places: Iterable[tuple[str, str | None, int | None]]) -> list[str]:
    """Models whose step is unknown while it is known for others, or that would stand twice."""
    places = list(places)
    unknown = [place for place in places if place[2] is None]
    if len(unknown) < len(places):
        return [
            f"{run}: no step of revision {revision}; others have one"
            for run, revision, _ in unknown
        ]
    runs = [run for run, *_ in places]
    return [
        f"{run}: {runs.count(run)} revisions, none with a step in its name; use {{step}}"
        for run in dict.fromkeys(runs)
        if runs.count(run) > 1
    ]


def _table(
    places: Mapping[tuple[str, str | None, int | None], Mapping[str, float]],
) -> pd.DataFrame:
    rows = [
        {"run": run, "revision": revision, "step": step, **scores}
        for (run, revision, step), scores in places.items()
    ]
    table = pd.DataFrame(rows)
    for name in ("revision", "step"):
        if table[name].isna().all():
            table = table.drop(columns=name)
    scores = sorted(
        (name for name in table.columns if name not in PLACES),
        key=lambda name: (name.removesuffix(STDERR), name.endswith(STDERR)),
    )
    if not scores:
        raise StudyError("The results have no finite score")
    order = [name for name in PLACES if name in table]
    by = [name for name in ("run", "step") if name in table]
    if (twice := table.duplicated(by)).any():
        run = table.loc[twice, "run"].iloc[0]
        raise StudyError(f"{run}: two revisions of the same step")
    return table[[*order, *scores]].sort_values(by, ignore_index=True)


def with_columns_of(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """A table of results with the columns of another: training choices, metrics of geometry.

    Args:
        table: as from `table_from_harness`.
        other: a row per run, or per run and step if it has a column `step`.

    Raises:
        StudyError: if it has no column `run`, repeats a row, lacks one of the models, or has a
            column that the results have too.
    """
    if "run" not in other:
        raise StudyError("--join: the table has no column run, which names the models")
    by = ["run", "step"] if "step" in table and "step" in other else ["run"]
    if both := sorted(str(name) for name in other if name in table and name not in by):
        raise StudyError(f"--join: both tables have {', '.join(both)}")
    keyed = other.assign(run=other["run"].map(lambda value: str(value).strip()))
    if "step" in by:
        steps = pd.to_numeric(keyed["step"], errors="coerce").astype(np.float64)
        keyed, table = keyed.assign(step=steps), table.astype({"step": np.float64})
    if (twice := keyed.duplicated(by)).any():
        row = keyed.loc[twice, by].iloc[0]
        raise StudyError(f"--join: {', '.join(map(str, row))}: more than one row")
    there = set(keyed[by].itertuples(index=False, name=None))
    lacking = [
        " at step ".join(f"{part:g}" if isinstance(part, float) else part for part in key)
        for key in table[by].itertuples(index=False, name=None)
        if key not in there
    ]
    if lacking:
        raise StudyError(f"--join: the table has no row of\n{listed(lacking)}")
    joined = table.merge(keyed, on=by, how="left", validate="many_to_one")
    return joined.astype({"step": np.int64}) if "step" in by else joined
