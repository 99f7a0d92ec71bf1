"""How a study names text on the hub.

`hf:REPO@REVISION` takes every file of a dataset. Append
`?files=data/train-*.parquet&text=content` to choose the files (a configuration or split of a
dataset is a set of files) and the column or key that holds the text. `set:NAME@REVISION` is one of
`named_sets`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from disentangle.corpus.named_sets import NAMED_SETS
from disentangle.hub import HubItem, commit_of, split_repo

HUB_KINDS = ("hf:", "set:")


@dataclass(frozen=True)
class HubText:
    """The text of some files of a dataset."""

    item: HubItem
    column: str

    @classmethod
    def parse(cls, source: str) -> "HubText":
        """Read a source that starts with one of `HUB_KINDS`.

        Raises:
            ValueError: if it is not in the form that the module describes, or names no known set.
        """
        kind, _, rest = source.partition(":")
        if kind == "set":
            name, _, revision = rest.partition("@")
            if name not in NAMED_SETS:
                raise ValueError(f"no set is named {name!r}; there are {', '.join(NAMED_SETS)}")
            known = NAMED_SETS[name]
            if not revision:
                raise ValueError(f"set:{name} needs a revision: set:{name}@COMMIT, or @main")
            repo, revision = split_repo(f"{known.repo}@{revision}")
            return cls(HubItem("dataset", repo, revision, known.files, known.gate), known.column)
        spelled, _, options = rest.partition("?")
        repo, revision = split_repo(spelled)
        given = parse_qs(options, strict_parsing=True) if options else {}
        if unknown := sorted(given.keys() - {"files", "text"}):
            raise ValueError(f"after ? there can be files= and text=, not {', '.join(unknown)}")
        files = tuple(given.get("files", []))
        return cls(HubItem("dataset", repo, revision, files), given.get("text", ["text"])[-1])


def pinned(sources: Iterable[str], warmed: str | None) -> list[str]:
    """Sources with every revision replaced by the commit that `warm` resolved it to.

    Args:
        sources: as a study spells them.
        warmed: path of the file that `warm` wrote; not needed if no source is on the hub.

    Raises:
        StudyError: if a source on the hub was not warmed.
    """
    found = []
    for source in sources:
        if source.startswith(HUB_KINDS) and warmed is not None:
            item = HubText.parse(source).item
            commit = commit_of(item, Path(warmed))
            source = source.replace(f"@{item.revision}", f"@{commit}", 1)
        found.append(source)
    return found
