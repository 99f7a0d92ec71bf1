"""Import any causal language model as a checkpoint folder of this project."""

import json
import math
import shutil
from pathlib import Path
from pickle import UnpicklingError
from textwrap import shorten
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from disentangle.checkpoint.guard import fault_of_weights
from disentangle.checkpoint.manifest import (
    MANIFEST,
    WEIGHTS,
    CheckpointManifest,
    RunManifest,
    read_checkpoint,
    step_folder,
    tokenizer_hashes,
)
from disentangle.checkpoint.olmo_source import load_olmo
from disentangle.checkpoint.probe import PROBE_LENGTH, probe_loss
from disentangle.checkpoint.source_files import (
    fault_of_places,
    fault_of_size,
    fingerprints,
    holder_of_files,
)
from disentangle.checkpoint.source_tokenizer import load_tokenizer
from disentangle.corpus.named_tokenizers import shipped_tokenizers
from disentangle.errors import QuarantineError, StudyError
from disentangle.hub import ON_HUB, HubItem, commit_of, local_folder
from disentangle.job import Say
from disentangle.provenance import versions
from disentangle.storage import DamagedError, sha256_of
from disentangle.study.external import CONFIG, ExternalRun, holds_model, is_olmo


def source_folder(run: ExternalRun, step: int, warmed: Path | None) -> Path:
    """The folder on this machine with a step of an external model.

    Args:
        run: the model.
        step: one of its steps.
        warmed: the file that `warm` wrote, for a model on the hub.

    Raises:
        StudyError: if it is missing, or outside of its source's folder.
    """
    revision = run.revisions[step]
    if run.source.startswith(ON_HUB):
        assert warmed is not None, "the workflow downloads models on the hub first"
        repo = run.source.removeprefix(ON_HUB)
        commit = commit_of(HubItem("model", repo, revision), warmed)
        return local_folder(HubItem("model", repo, commit, (CONFIG,)))
    source = Path(run.source).resolve()
    folder = (source / revision).resolve()
    where = f"checkpoints.{run.name}.revisions[{step}]"
    if not folder.is_relative_to(source):
        raise StudyError(f"{where}: {revision} is outside of the folder {run.source}")
    if not holds_model(folder):
        raise StudyError(
            f"{where}: {folder} contains no model: neither a config.json, as in Hugging Face "
            "models, nor a config.yaml, as written by ai2-olmo's trainer"
        )
    return folder


def import_run(
    run: ExternalRun,
    *,
    folder: Path,
    warmed: Path | None,
    texts: list[str],
    code_version: str,
    say: Say,
) -> RunManifest:
    """Import every step of an external model into a run's folder, each once.

    A source is a Hugging Face folder, or a checkpoint of ai2-olmo's trainer. It is never written
    to. Weights are stored as float32 safetensors. Pickled weights are read as tensors only, and no
    code of the source is run.

    Args:
        run: the model.
        folder: the run's folder; a step that was already imported from the same place is kept.
        warmed: see `source_folder`.
        texts: any text; its first tokens become the probe tokens.
        code_version: hash of the importing code.
        say: prints a message.

    Returns:
        The run's manifest. Steps that cannot be fully loaded, or whose weights are unfit, are in
        its `quarantined`; the other steps are imported.

    Raises:
        StudyError: if a source, or a tokenizer that the study names, is missing.
    """
    made: dict[int, str] = {}
    quarantined: dict[int, str] = {}
    if run.tokenizer and not (
        run.tokenizer in shipped_tokenizers() or Path(run.tokenizer).is_dir()
    ):
        raise StudyError(
            f"checkpoints.{run.name}.tokenizer: {run.tokenizer} is neither a folder nor one that "
            f"ai2-olmo ships: {', '.join(shipped_tokenizers())}"
        )
    sources = {step: source_folder(run, step, warmed) for step in run.checkpoints}
    for step, source in sources.items():
        place = step_folder(folder, step)
        try:
            made[step] = _import_step(run, step, source, place, texts, code_version)
        except QuarantineError as fault:
            quarantined[step] = fault.reason
            say(f"step {step} is quarantined: {fault.reason}")
        else:
            say(f"step {step} from {run.source} {run.revisions[step]}")
    shape = {"shape": _shape(step_folder(folder, max(made)))} if made else {}
    return RunManifest(
        run=run.name,
        status="complete",
        last_finite_step=max(made, default=0),
        identity=run.to_json() | shape,
        checkpoints=made,
        environment={"device": "elsewhere", **versions("torch", "transformers")},
        quarantined=quarantined,
    )


def _import_step(
    run: ExternalRun, step: int, source: Path, folder: Path, texts: list[str], code_version: str
) -> str:
    """Import one step unless that was done before; returns the SHA-256 of its weights."""
    where = f"checkpoints.{run.name}, step {step}"
    holder = holder_of_files(source if run.source.startswith(ON_HUB) else Path(run.source))
    if elsewhere := fault_of_places(source, holder):
        raise _unusable(where, source, elsewhere)
    named = f"{run.source}@{run.revisions[step]}"
    origin: dict[str, Any] = {"files": fingerprints(source)}
    if run.tokenizer:
        origin["tokenizer"] = run.tokenizer
    if (before := _imported_before(folder)) is not None:
        same = (before.source, before.settings) == (named, origin)
        weights = folder / WEIGHTS  # if deleted, they are imported again
        if same and weights.exists() and sha256_of(weights) == before.weights_sha256:
            return before.weights_sha256
    try:
        model = load_model(source)
        tokenizer = load_tokenizer(source, run.tokenizer, model)
    except ValueError as fault:
        # short, on one line, and without this machine's paths
        reason = shorten(str(fault).replace(str(source), "it"), 400)
        raise _unusable(where, source, reason) from fault
    if unfit := fault_of_weights(model):
        raise _unusable(where, source, unfit)
    head: Any = model.get_output_embeddings().weight
    positions = getattr(model.config, "max_position_embeddings", None) or PROBE_LENGTH
    probe = _probe(tokenizer, texts)[:positions]
    if len(probe) < 2:
        raise _unusable(where, source, "it has no tokenizer, or one that encodes no text")
    loss = probe_loss(model, torch.tensor(probe))
    if not math.isfinite(loss):
        raise _unusable(where, source, "its loss on text is not a finite number")
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    model.save_pretrained(making, max_shard_size="1000TB")
    tokenizer.save_pretrained(making)
    sha256 = sha256_of(making / WEIGHTS)
    CheckpointManifest(
        run=run.name,
        step=step,
        tokens=None if run.tokens_per_step is None else step * run.tokens_per_step,
        weights_sha256=sha256,
        rows=min(len(tokenizer), len(head)),
        dim=head.shape[1],
        tied=head is model.get_input_embeddings().weight,
        dtype="float32",
        train_loss=None,
        source=named,
        code_version=code_version,
        probe_tokens=probe,
        probe_loss=loss,
        settings=origin,
        tokenizer=tokenizer_hashes(making),
        config_sha256=sha256_of(making / CONFIG),
    ).write(making)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return sha256


def _imported_before(folder: Path) -> CheckpointManifest | None:
    """The manifest of an imported step; None if it cannot be read."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        return read_checkpoint(folder)
    except DamagedError:
        return None


def load_model(source: Path) -> PreTrainedModel:
    """Load an external model, from Hugging Face or OLMo's trainer, with float32 weights.

    Raises:
        ValueError: with the reason, if it cannot be loaded.
    """
    return load_olmo(source) if is_olmo(source) else _load(source)


def _load(source: Path) -> PreTrainedModel:
    """Load a Hugging Face model with float32 weights.

    Raises:
        ValueError: with the reason, if it cannot be loaded.
    """
    if fault := _fault_of_kind(source):
        raise ValueError(fault)
    # with output_loading_info it returns a pair, which its annotations omit
    try:
        if fault := fault_of_size(source):
            raise ValueError(fault)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # quarantined below, with their names
            dtype=torch.float32,
        )
    except UnpicklingError as error:
        raise ValueError(
            "its pickled weights contain more than tensors, which is not opened. "
            "Ask for safetensors"
        ) from error
    except Exception as error:  # a damaged file can raise anything
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"cannot be loaded as a causal language model: {reason}") from error
    model, report = loaded
    if other := [_mismatch(*found) for found in sorted(report["mismatched_keys"])]:
        raise ValueError(
            f"{len(other)} weights have other sizes than {CONFIG} says: {', '.join(other[:3])}"
        )
    if absent := sorted(map(str, report["missing_keys"])):
        lacking = ", ".join(absent[:5])
        raise ValueError(f"lacks weights that the model has ({lacking}); they would be random")
    return model.eval()


def _mismatch(name: str, held: torch.Size, said: torch.Size) -> str:
    return f"{name} is {tuple(held)} instead of {tuple(said)}"


def _fault_of_kind(source: Path) -> str | None:
    """What is wrong with a folder, as far as can be seen before loading it, or None."""
    if (source / "adapter_config.json").is_file():
        return "is an adapter to another model: merge the two, and use the merged model"
    try:
        config = json.loads((source / CONFIG).read_text(encoding="utf-8"))  # of somebody else
        kind, own_code = config.get("model_type"), "auto_map" in config
    except (OSError, ValueError, AttributeError):
        return f"cannot be loaded as a causal language model: it has no readable {CONFIG}"
    if own_code and kind not in CONFIG_MAPPING:
        return (
            f"has a model type that transformers does not know ({kind}), and the code that comes "
            "with it (auto_map) is not run"
        )
    return None


def _unusable(where: str, source: Path, reason: str) -> QuarantineError:
    return QuarantineError(f"{where}: {source} is quarantined: {reason}.", reason)


def _probe(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[int]:
    tokens: list[int] = []
    for text in texts:
        tokens += tokenizer(text)["input_ids"]
        if len(tokens) >= PROBE_LENGTH:
            break
    return tokens[:PROBE_LENGTH]


def _shape(folder: Path) -> dict[str, int]:
    """Number of weights in the embedding and the head, and in the blocks.

    Learned position embeddings count in neither: they belong to no block and no vocabulary.
    """
    model = _load(folder)
    vocabulary: Any = model.get_input_embeddings().weight
    head: Any = model.get_output_embeddings().weight
    embedding = vocabulary.numel() + (0 if head is vocabulary else head.numel())
    tables = [module.weight for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    others = sum(weight.numel() for weight in tables if weight is not vocabulary)
    # a weight shared by two names is counted once
    return {
        "params_non_embedding": model.num_parameters() - embedding - others,
        "params_embedding": embedding,
    }
