"""The verdicts of studies on each claim, side by side, and a page that compares more."""

from collections.abc import Sequence
from pathlib import Path

from disentangle.comparison.forest import interval
from disentangle.comparison.page import write_page
from disentangle.comparison.pooling import associations_of
from disentangle.comparison.study import Compared, read_compared
from disentangle.comparison.verdicts import LEDGERS, claims_of, in_one_sentence
from disentangle.errors import StudyError
from disentangle.planning.columns import table_lines, wrapped
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label


def compare(names: Sequence[str], out: Path | None, width: int | None = None) -> str:
    """Write the page of a comparison, and say the verdicts.

    Args:
        names: names of studies, or their folders of results.
        out: the page; by default it is named by the studies in `results/compare/`.
        width: of the screen; None for lines as long as they are.

    Raises:
        StudyError: if there are fewer than two, or one has no tables yet.
    """
    if len(names) < 2:
        raise StudyError("Name at least two studies.")
    studies = read_compared(names)
    page = out or Path(
        "results", "compare", f"{'-'.join(s.folder.absolute().name for s in studies)}.html"
    )
    write_page(studies, page)
    lines = []
    for ledger in LEDGERS:
        lines += _verdicts(studies, ledger, width)
    lines += wrapped(_chief_association(studies), width)
    return "\n".join([*lines, f"The page: {page.absolute().as_uri()}"])


def _verdicts(studies: Sequence[Compared], ledger: str, width: int | None) -> list[str]:
    claims = claims_of(studies, ledger)
    if not claims:
        return []
    rows = [
        (
            str(claim.number),
            *("not asked" if one is None else one.verdict for one in claim.found),
            claim.agreement,
            claim.statement,
        )
        for claim in claims
    ]
    heads = (ledger, *(study.name for study in studies), "together", "")
    table = table_lines(heads, rows, width=width, left=len(heads))
    return [*table, "", *wrapped([in_one_sentence(claims)], width), ""]


def _chief_association(studies: Sequence[Compared]) -> list[str]:
    """The first association given the training choices, in each study and pooled."""
    found = associations_of(studies)[:1]
    lines = []
    for one in found:
        what = f"{metric_label(one.metric)} against {outcome_label(one.outcome)}"
        lines.append(f"{what}, {one.estimator}:")
        for study, each in zip(studies, one.found, strict=True):
            lines.append(f"  {study.name}: {'not known' if each is None else interval(*each)}")
        if one.pooled:
            these = interval(one.pooled.these, one.pooled.these_low, one.pooled.these_high)
            like_them = interval(one.pooled.rho, one.pooled.low, one.pooled.high)
            lines.append(f"  these studies: {these}, I2 {one.pooled.i2:.0%}")
            lines.append(f"  studies like them: {like_them}")
        else:
            lines.append(f"  not pooled: {one.reason}")
    return lines
