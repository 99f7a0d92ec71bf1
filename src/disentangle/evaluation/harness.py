"""Run one checkpoint through the harness. Imports the heavy libraries."""

import gc
import logging
import math
from functools import cache
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from transformers import AutoTokenizer

from disentangle.checkpoint.guard import load_checkpoint, measuring_device
from disentangle.errors import QuarantineError
from disentangle.evaluation.encoding_once import EncodingOnce, Encodings
from disentangle.evaluation.harness_tasks import heldout_task, registered_task
from disentangle.evaluation.scores import loss_scores
from disentangle.provenance import versions
from disentangle.study.tasks import TASK_LENGTH

BOOTSTRAP = 100
"""Only enables the harness's standard errors; for means it uses a closed form, not a bootstrap."""

logging.getLogger("lm_eval").setLevel(logging.ERROR)


class Harness:
    """Tasks, built once for all checkpoints of a run."""

    def __init__(self, heldout: dict[str, list[str]], batch_size: int, threads: int) -> None:
        """
        Args:
            heldout: task name (`heldout_<domain>`) to passages.
            batch_size: sequences per forward pass.
            threads: CPU threads.
        """
        torch.set_num_threads(threads)
        self._texts = heldout
        self._batch_size = batch_size
        self._task = cache(self._build)
        self._encodings: Encodings = {}
        gc.freeze()  # the imports' many objects are never freed; scanning them costs time

    def _build(self, name: str) -> ConfigurableTask:
        if name in self._texts:
            return heldout_task(name.removeprefix("heldout_"), self._texts[name])
        return registered_task(name)

    def load(self, folder: Path) -> HFLM:
        """Load and check a checkpoint; its own tokenizer and context length are used."""
        model = load_checkpoint(folder, measuring_device()).model
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        return EncodingOnce(
            self._encodings, pretrained=model, tokenizer=tokenizer, batch_size=self._batch_size
        )

    def _context(self, lm: HFLM, name: str) -> int:
        """The context length; held-out text is read in windows of the training length."""
        trained: int = lm.model.config.max_position_embeddings
        rotary = getattr(lm.model.config, "rope_parameters", None) is not None
        return max(trained, TASK_LENGTH) if rotary and name not in self._texts else trained

    def score(self, lm: HFLM, name: str, limit: int | None) -> dict[str, Any]:
        """Evaluate one task.

        Returns:
            scores (metric, value, stderr), n documents, and numerics; of held-out text also
            `passages`: bits and bytes of each passage.

        Raises:
            QuarantineError: if an answer is longer than the positions that the model has.
        """
        task = self._task(name)
        lm._max_length = self._context(lm, name)
        try:
            result = evaluate(
                lm,
                {"tasks": {name: task}, "groups": {}},
                limit=limit,
                bootstrap_iters=0 if name in self._texts else BOOTSTRAP,
                log_samples=True,
            )
        except AssertionError as error:
            # the harness asserts only one thing of a request: that its answer fits
            if name in self._texts or lm.max_length >= TASK_LENGTH:
                raise
            reason = f"{name}: an answer does not fit the model's {lm.max_length} positions"
            raise QuarantineError(f"{reason}; the task is left out for it.", reason) from error
        assert result is not None
        samples = result["samples"][name]
        passages = {}
        if name in self._texts:
            pairs = [sample["bits_per_byte"] for sample in samples]
            texts = [sample["doc"]["text"] for sample in samples]
            found = loss_scores(
                [pair[0] for pair in pairs],
                [len(lm.tok_encode(text)) for text in texts],
                [pair[1] for pair in pairs],
            )
            scores = [{"metric": m, "value": v, "stderr": e} for m, (v, e) in found.items()]
            passages = {
                "bits": [_seven_digits(-pair[0] / math.log(2)) for pair in pairs],
                "bytes": [int(pair[1]) for pair in pairs],
            }
        else:
            scores = _harness_scores(result["results"][name])
        return {
            "scores": scores,
            **({"passages": passages} if passages else {}),
            "n": len(samples),
            "numerics": {
                "batch_size": self._batch_size,
                "max_length": lm.max_length,
                "dtype": "float32",
                "device": str(lm.device),
                "fewshot": 0,
                **versions("torch", "transformers", "lm-eval"),
            },
        }


def _seven_digits(value: float) -> float:
    """As many digits as the models' float32 has; the file is half as large."""
    return float(f"{value:.7g}")


def _harness_scores(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows from the harness's own {"acc,none": ..., "acc_stderr,none": ...}."""
    scores = []
    for key, value in result.items():
        metric, _, filter_name = key.partition(",")
        if filter_name and not metric.endswith("_stderr"):
            error = result.get(f"{metric}_stderr,{filter_name}")
            stderr = error if isinstance(error, float) else None
            scores.append({"metric": metric, "value": float(value), "stderr": stderr})
    return scores
