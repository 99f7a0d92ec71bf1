"""The verdicts of two studies on each claim, side by side."""

from pathlib import Path

import pandas as pd

from disentangle.errors import StudyError
from disentangle.parquet import read_parquet
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME

ESTIMATES = {
    "raw ρ": ("rho", "rho_low", "rho_high"),
    "residual ρ": ("residual_rho", "residual_low", "residual_high"),
    "ΔR² over all choices": ("delta_r2_design", "delta_r2_design_low", "delta_r2_design_high"),
}


def compare(one: str, other: str) -> str:
    """A line per claim with both verdicts, then rank against loss in each study.

    Args:
        one, other: names of studies, or their folders of results.

    Raises:
        StudyError: if a study has no tables yet.
    """
    studies = [(name, _folder(name)) for name in (one, other)]
    widths = [max(len(name), len("undecided")) for name, _ in studies]
    heads = "  ".join(f"{name:{width}}" for (name, _), width in zip(studies, widths, strict=True))
    lines = [f"     {heads}"]
    left, right = (_table(folder, "claims").set_index("claim") for _, folder in studies)
    for number in left.index.union(right.index):
        verdicts = [
            str(table.loc[number, "verdict"]) if number in table.index else "not asked"
            for table in (left, right)
        ]
        shown = "  ".join(f"{v:{w}}" for v, w in zip(verdicts, widths, strict=True))
        statement = (left if number in left.index else right).loc[number, "statement"]
        differs = " " if verdicts[0] == verdicts[1] else "*"
        lines.append(f"{number:>3} {differs}{shown}  {statement}")
    both = left.index.intersection(right.index)
    same = int((left.loc[both, "verdict"] == right.loc[both, "verdict"]).sum())
    lines.append(f"{same} of {len(both)} verdicts are the same; * marks the others.")
    lines.append(f"\n{CHIEF_METRIC} against {CHIEF_OUTCOME}, final checkpoints as trained:")
    for name, folder in studies:
        lines.append(f"  {name}: {_association(_table(folder, 'associations'))}")
    return "\n".join(lines)


def _folder(name: str) -> Path:
    folder = Path(name) if Path(name, "tables").is_dir() else Path("results", name)
    if not (folder / "tables").is_dir():
        raise StudyError(f"Study {name} not found: neither {name} nor {folder} has tables.")
    return folder


def _table(folder: Path, name: str) -> pd.DataFrame:
    path = folder / "tables" / f"{name}.parquet"
    if not path.is_file():
        raise StudyError(f"{path} does not exist yet: make the study's report first.")
    return read_parquet(path).to_pandas()


def _association(table: pd.DataFrame) -> str:
    rows = table[
        (table["variant"] == "base")
        & (table["metric"] == CHIEF_METRIC)
        & (table["outcome"] == CHIEF_OUTCOME)
    ]
    if rows.empty:
        return "not measured"
    row = rows.iloc[0]
    told = [f"{label} {_interval(*row[list(names)])}" for label, names in ESTIMATES.items()]
    return f"n = {row['n']:.0f}; {'; '.join(told)}"


def _interval(value: float, low: float, high: float) -> str:
    if pd.isna(value):
        return "not known"
    return f"{value:+.2f} " + ("(no interval)" if pd.isna(low) else f"[{low:+.2f}, {high:+.2f}]")
