"""Text and tokenizers on the hub: spelled, pinned, read offline, and asked for clearly."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disentangle.corpus.hub_text import HubText, pinned
from disentangle.corpus.named_sets import NAMED_SETS
from disentangle.corpus.parts import Part
from disentangle.corpus.sources import read_source
from disentangle.errors import StudyError
from disentangle.hub import HubItem, fetch, local_files
from disentangle.storage import write_json
from disentangle.study import read_config
from disentangle.study.hub_items import MODEL_FILES, MODEL_WEIGHTS, hub_items


def parquet(texts: list[str | None], column: str = "text") -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({column: texts, "n": list(range(len(texts)))}), file)
    return file.getvalue()


def jsonl(texts: list[str], key: str = "text") -> bytes:
    return "".join(
        json.dumps({key: text, "meta": {"of": i}}) + "\n" for i, text in enumerate(texts)
    ).encode()


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


TEXTS = [f"text {i}\nof some — lines" for i in range(30)]


@pytest.mark.parametrize(
    "files",
    [
        {"data/a.parquet": parquet(TEXTS[:10]), "data/b.parquet": parquet([*TEXTS[10:], None])},
        {"data/a.jsonl": jsonl(TEXTS[:10]), "data/b.jsonl": jsonl(TEXTS[10:])},
        {
            "data/a.jsonl.gz": gzip.compress(jsonl(TEXTS[:3])),
            "data/b.jsonl.gz": gzip.compress(jsonl(TEXTS[3:])),
        },
        {
            "data/a.jsonl.zst": zstd(jsonl(TEXTS[:3])) + zstd(jsonl(TEXTS[3:10])),
            "data/b.jsonl.zst": zstd(jsonl(TEXTS[10:])),
        },
    ],
    ids=["parquet", "jsonl", "gzip", "zstd in frames"],
)
def test_every_format_is_streamed_whole_and_in_parts(lay_out_repo, files: dict[str, bytes]) -> None:
    commit = lay_out_repo(
        "dataset", "own/er", files | {"README.md": b"# card", "extra/c.txt": b"no"}
    )
    source = f"hf:own/er@{commit}?files=data/*"
    assert list(read_source(source)) == TEXTS
    for of in (2, 3, 7):  # by file, then by document
        parts = [list(read_source(source, Part(index, of))) for index in range(of)]
        assert sorted(text for part in parts for text in part) == sorted(TEXTS)
    assert (
        list(read_source(source, Part(1, 2))) == TEXTS[len(list(read_source(source, Part(0, 2)))) :]
    )


def test_a_column_and_files_are_chosen(lay_out_repo) -> None:
    files = {"en/a.parquet": parquet(["a"], "content"), "de/a.parquet": parquet(["b"], "content")}
    commit = lay_out_repo("dataset", "own/er", files)
    assert list(read_source(f"hf:own/er@{commit}?files=en/*&text=content")) == ["a"]
    assert list(read_source(f"hf:own/er@{commit}?text=content&files=en/*&files=de/*")) == ["b", "a"]
    with pytest.raises(StudyError, match="no column 'text'; there are content, n"):
        list(read_source(f"hf:own/er@{commit}"))
    with pytest.raises(StudyError, match="does not hold text"):
        list(read_source(f"hf:own/er@{commit}?text=n"))
    with pytest.raises(StudyError, match="not in this machine's hub cache"):
        list(read_source(f"hf:own/er@{commit}?files=fr/*"))


@pytest.mark.parametrize("name", ["a.pkl", "a.py", "a.parquet.exe", "data"])
def test_a_file_that_may_hold_code_is_not_opened(lay_out_repo, name: str) -> None:
    commit = lay_out_repo("dataset", "own/er", {name: b"import os"})
    with pytest.raises(StudyError, match="neither parquet nor JSON lines"):
        list(read_source(f"hf:own/er@{commit}"))


def test_a_named_set_is_its_files_and_column(lay_out_repo) -> None:
    files = {
        "python/train-0.parquet": parquet(["x = 1"], "content"),
        "java/a.parquet": parquet(["no"]),
    }
    commit = lay_out_repo("dataset", NAMED_SETS["starcoder-python"].repo, files)
    assert list(read_source(f"set:starcoder-python@{commit}")) == ["x = 1"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf:own/er", "needs a revision"),
        ("hf:own/er@", "needs a revision"),
        ("hf:../er@main", "no name of a repository"),
        ("hf:own/er@../../x", "needs a revision"),
        ("hf:own/er@main?split=train", "not split"),
        ("set:pile", "needs a revision"),
        ("set:nothing@main", "no set is named 'nothing'; there are pile, pile-10k, dolma-100"),
    ],
)
def test_a_source_on_the_hub_is_checked_before_anything_is_fetched(
    sample_config, source: str, message: str
) -> None:
    config = sample_config | {"corpus": sample_config["corpus"] | {"train": [source]}}
    with pytest.raises(StudyError, match=r"corpus\.train") as error:
        read_config(config)
    assert message in str(error.value)


def test_what_a_study_takes_from_the_hub_is_listed_once(sample_config) -> None:
    assert hub_items(read_config(sample_config)) == []
    heldout = {"id": {"source": "set:pile-10k@main"}, "code": {"source": "set:paloma@main"}}
    corpus = {"train": ["set:pile@main", "hf:own/er@v1?files=a/*"], "heldout": heldout}
    tokenizer = {"name": "hf:own/er@v2", "vocab_size": 300}
    models = {"m": {"source": "hf:own/model", "revisions": {0: "step0", 9: "main"}}}
    config = {"corpus": corpus, "tokenizer": tokenizer, "checkpoints": models}
    items = hub_items(read_config(sample_config | config))
    assert [(item.kind, item.repo, item.revision) for item in items] == [
        ("dataset", "monology/pile-uncopyrighted", "main"),
        ("dataset", "own/er", "v1"),
        ("dataset", "NeelNanda/pile-10k", "main"),
        ("dataset", "allenai/paloma", "main"),
        ("model", "own/er", "v2"),
        ("model", "own/model", "step0"),
        ("model", "own/model", "main"),
    ]


def test_a_branch_stays_at_the_commit_that_was_fetched(lay_out_repo, tmp_path: Path) -> None:
    item = HubText.parse("hf:own/er@main?files=*.parquet").item
    first = lay_out_repo("dataset", "own/er", {"a.parquet": parquet(["old"]), "b.txt": b"b"})
    records = fetch([item], [])
    assert records[0]["commit"] == first
    assert list(records[0]["files"]) == ["a.parquet"]
    assert records[0]["bytes"] == len(parquet(["old"]))
    second = lay_out_repo("dataset", "own/er", {"a.parquet": parquet(["new text, longer"])})
    assert fetch([item], records)[0]["commit"] == first
    assert fetch([item], [])[0]["commit"] == second
    write_json(tmp_path / "hub.json", {"items": records})
    [source] = pinned(["hf:own/er@main?files=*.parquet"], str(tmp_path / "hub.json"))
    assert source == f"hf:own/er@{first}?files=*.parquet"
    assert list(read_source(source)) == ["old"]
    for file in tmp_path.glob("hub/*/snapshots/*/*"):
        file.unlink()  # a cache that was cleared is filled again
    with pytest.raises(StudyError, match="cannot be reached"):
        fetch([item], records)


@pytest.mark.parametrize("pickled", ["pytorch_model.bin", "onnx/model.bin"])
def test_pickled_weights_are_left_where_there_are_safe_ones(lay_out_repo, pickled: str) -> None:
    safe = "model-00001-of-00001.safetensors"
    commit = lay_out_repo(
        "model", "own/er", dict.fromkeys(("config.json", "own.py", safe, pickled), b"x")
    )
    item = HubItem("model", "own/er", "main", MODEL_FILES, first_of=MODEL_WEIGHTS)
    (record,) = fetch([item], [])
    assert set(record["files"]) == {"config.json", safe}
    assert record["commit"] == commit
    assert fetch([item], [record]) == [record]


def test_what_was_not_fetched_is_not_taken(tmp_path: Path) -> None:
    write_json(tmp_path / "hub.json", {"items": []})
    with pytest.raises(StudyError, match=r"own/er@main is not in .* Run `snakemake warm` again"):
        pinned(["hf:own/er@main"], str(tmp_path / "hub.json"))
    assert pinned(["stdlib-python"], None) == ["stdlib-python"]


def test_patterns_that_match_nothing_are_named(lay_out_repo) -> None:
    lay_out_repo("dataset", "own/er", {"a.parquet": b""})
    with pytest.raises(StudyError, match=r"own/er at main has no file like data/\*"):
        fetch([HubText.parse("hf:own/er@main?files=data/*").item], [])


def test_no_network_is_one_screen(hub_cache: Path) -> None:
    with pytest.raises(StudyError, match="cannot be reached") as error:
        fetch([HubText.parse("set:dolma-100@main").item], [])
    shown = str(error.value)
    for needed in ("allenai/paloma", "hf auth login", "HF_TOKEN", "snakemake warm", "HF_HOME"):
        assert needed in shown
    assert shown.count("\n") < 10


def test_a_link_out_of_the_cache_is_no_file_of_it(hub_cache: Path) -> None:
    with pytest.raises(StudyError):
        local_files(HubItem("dataset", "own/er", "0" * 40))
