"""Where a model lies that is measured outside of any study: on this machine or on the hub."""

from dataclasses import dataclass
from pathlib import Path

from disentangle.errors import StudyError
from disentangle.hub import ON_HUB, HubItem, fetch, local_folder, split_repo
from disentangle.study.external import CONFIG

NEWEST = "main"
"""The revision of a repository that is named without one."""

OF_TENSORS = {".npy", ".npz", ".pt", ".safetensors"}
"""Endings of files that hold a matrix; no repository is named so."""


@dataclass(frozen=True)
class Place:
    """A model's folder, or a file of tensors, on this machine."""

    path: Path
    named: str
    """As it was asked for; on the hub with its commit, hf:owner/name@COMMIT."""


def find(given: str | Path) -> Place:
    """Find what is to be measured; what is on the hub is fetched into this machine's cache.

    Of a repository the configuration, the tokenizer's files and the safetensors are fetched, never
    pickled weights or code.

    Args:
        given: a folder, a file, or hf:owner/name[@revision].

    Raises:
        StudyError: if there is no such thing, it cannot be fetched, or it is several models.
    """
    spelled = str(given)
    if spelled.startswith(ON_HUB):
        return _on_hub(spelled)
    path = Path(given)
    if not path.exists():
        raise StudyError(f"There is no {spelled}.{_hint(spelled)}")
    if steps := sorted(step.name for step in path.glob("step*") if step.is_dir()):
        raise StudyError(f"{path} holds several checkpoints; name one: {', '.join(steps[:12])}")
    return Place(path, spelled)


def _split(name: str) -> tuple[str, str]:
    """The repository and the revision of owner/name[@revision]; ValueError as `split_repo`."""
    repo, at, revision = name.partition("@")
    return split_repo(f"{repo}@{revision if at else NEWEST}")


def _hint(spelled: str) -> str:
    try:
        repo, _ = _split(spelled)
    except ValueError:
        return ""
    if repo.count("/") != 1 or Path(repo).suffix in OF_TENSORS:
        return ""
    return f" For the model of that name on the Hugging Face hub, write {ON_HUB}{spelled}"


def _on_hub(spelled: str) -> Place:
    from disentangle.study.hub_items import MODEL_FILES, MODEL_WEIGHTS

    try:
        repo, revision = _split(spelled.removeprefix(ON_HUB))
    except ValueError as fault:
        raise StudyError(f"{spelled}: {fault}") from None
    safe, _ = MODEL_WEIGHTS
    item = HubItem("model", repo, revision, MODEL_FILES, first_of=(safe,))
    try:
        (record,) = fetch([item], [], f"disentangle measure {spelled}")
    except ImportError as absent:
        raise StudyError(
            f"{spelled}: what fetches from the hub is not installed ({absent}): "
            "pip install huggingface_hub"
        ) from None
    commit = record["commit"]
    folder = local_folder(HubItem("model", repo, commit, (CONFIG,)))
    return Place(folder, f"{ON_HUB}{repo}@{commit}")
