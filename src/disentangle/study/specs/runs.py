"""Runs, as they appear in specs."""

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from disentangle.study.external import ExternalRun
from disentangle.study.run import Run


def _run(value: Any) -> Run:
    return value if isinstance(value, Run) else Run.from_json(value)


def _external(value: Any) -> ExternalRun:
    return value if isinstance(value, ExternalRun) else ExternalRun.from_json(value)


RunSpec = Annotated[Run, PlainValidator(_run), PlainSerializer(Run.to_json)]
"""A run to train, in a spec."""

ExternalSpec = Annotated[
    ExternalRun, PlainValidator(_external), PlainSerializer(ExternalRun.to_json)
]
"""A model from elsewhere, in a spec."""
