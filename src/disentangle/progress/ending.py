"""The last words about a study: what it found, or what to do next."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from disentangle.storage import DamagedError
from disentangle.study.results_folder import StudyFolder

NAMED = 6
"""Most claims that are named; the report has all."""


def findings(results: Path) -> list[str]:
    """The first answers of a study with a report, and where the report is.

    Args:
        results: the study's folder.
    """
    folder = StudyFolder(results)
    if not folder.report.is_file():
        return []
    lines: list[str] = []
    with suppress(OSError, DamagedError):  # the report's path is shown in any case
        # pandas is imported after the work is done
        from disentangle.parquet import read_parquet
        from disentangle.tables.collect import quarantined_in_words

        missing = read_parquet(folder.table("missing")).to_pandas()
        lines += filter(None, [quarantined_in_words(missing)])
        lines += _verdicts(read_parquet(folder.table("claims")).to_pylist())
    return [*lines, f"The report: {folder.report.absolute().as_uri()}"]


def _verdicts(claims: list[dict[str, Any]]) -> Iterator[str]:
    if not claims:
        return
    count = Counter(claim["verdict"] for claim in claims)
    yield (
        f"Of {len(claims)} claims {count['holds']} hold, {count['fails']} fail and "
        f"{count['undecided']} are undecided."
    )
    decided = [claim for claim in claims if claim["verdict"] != "undecided"]
    for claim in decided[:NAMED]:
        yield f"  {claim['verdict']:5}  {claim['claim']:>2}  {claim['statement']}"
    if len(decided) > NAMED:
        yield f"  and {len(decided) - NAMED} more, in the report"
