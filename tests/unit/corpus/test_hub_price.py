"""A download's size is told before it begins, and one that cannot fit is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx import ConnectError
from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from disentangle import hub_price
from disentangle.errors import StudyError
from disentangle.hub import HubItem
from disentangle.hub_price import GB, price

FILES = {
    "config.json": 1000,
    "tokenizer.json": 2000,
    "model-00001-of-00002.safetensors": 3 * GB,
    "model-00002-of-00002.safetensors": GB,
    "pytorch_model.bin": 4 * GB,
    "training_args.bin": 5 * GB,
}
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")


def model(revision: str = "main", repo: str = "own/er") -> HubItem:
    return HubItem("model", repo, revision, ("*.json",), first_of=WEIGHTS)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A hub of two repositories, one with pickles alone; gives the revisions it was asked for."""
    revisions: list[str] = []

    def tree(_: HfApi, repo: str, *, revision: str, **__: Any) -> Iterator[RepoFile]:
        revisions.append(revision)
        if repo == "own/absent":
            raise ConnectError("no network")
        for path, size in FILES.items():
            if repo == "own/er" or not path.endswith(".safetensors"):
                yield RepoFile(path=path, size=size, oid="0")

    monkeypatch.setattr(HfApi, "list_repo_tree", tree)
    monkeypatch.setattr(hub_price, "cached_bytes", lambda item: 0)
    monkeypatch.setattr(hub_price, "_free", lambda: 100 * GB)
    return revisions


@pytest.mark.parametrize("repo", ["own/er", "own/old"])
def test_only_what_is_needed_counts(asked: list[str], repo: str) -> None:
    cost = price([model(repo=repo)], [])
    assert cost is not None
    assert (cost.revisions, cost.bytes, cost.left) == (1, 4 * GB + 3000, 4 * GB + 3000)
    assert str(cost) == "fetching 4.00 GB, of 4.00 GB in 1 revisions; 100 GB are free"


def test_what_is_here_is_not_fetched(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"step1": 4 * GB + 3000, "step2": 0}
    monkeypatch.setattr(hub_price, "cached_bytes", lambda item: here[item.revision])
    cost = price([model("step1"), model("step2")], [])
    assert cost is not None and cost.left * 2 == cost.bytes
    only = price([model("step1")], [])
    assert str(only) == "all 4.00 GB are in this machine's cache"


def test_a_branch_is_priced_at_the_commit_it_was_fetched_at(asked: list[str]) -> None:
    commit = "c" * 40
    price([model()], [{"kind": "model", "repo": "own/er", "revision": "main", "commit": commit}])
    assert asked == [commit]


def test_a_download_that_cannot_fit_is_refused(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_price, "_free", lambda: 5 * GB)
    with pytest.raises(StudyError, match=r"needs 4.00 GB, and the disk .* has\s+5.00 GB free"):
        price([model()], [])


def test_what_the_hub_does_not_answer_is_left_to_the_download(asked: list[str]) -> None:
    assert price([model(), model(repo="own/absent"), model("x")], []) is None
    assert len(asked) == 2
