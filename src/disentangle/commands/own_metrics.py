"""The user's own metrics on a command line."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError

from disentangle.errors import StudyError
from disentangle.geometry.user_metric import read_user_metrics
from disentangle.vocabulary.user_metric import UserMetric


def read_own(spelled: Sequence[str]) -> list[UserMetric]:
    """Read metrics spelled FILE.py:FUNCTION.

    Raises:
        StudyError: as `read_user_metrics`; if packages of the extra `train` are missing.
    """
    try:
        return read_user_metrics(spelled)
    except PackageNotFoundError as absent:  # their hash includes the packages that read checkpoints
        raise StudyError(
            f"--metric needs {absent.name}, which is not installed: pip install "
            "'disentangle[train]'. In Python, disentangle.measure(..., metrics=[...]) works "
            "without it."
        ) from None
