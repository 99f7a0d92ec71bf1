"""A model from elsewhere becomes a checkpoint that the guard lets through, or is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from trained import Bench

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.importing import import_run
from disentangle.checkpoint.manifest import RunManifest
from disentangle.corpus.documents import read_texts
from disentangle.errors import StudyError
from disentangle.storage import sha256_of
from disentangle.study.external import ExternalRun


@pytest.fixture
def source(trained_run: Path, tmp_path: Path) -> Path:
    """Two steps of a run of ours, as a stranger's folder: without manifests."""
    for step in ("step4", "step16"):
        shutil.copytree(trained_run / step, tmp_path / "source" / step)
        (tmp_path / "source" / step / "manifest.json").unlink()
    return tmp_path / "source"


def bring_in(source: Path, bench: Bench, revisions: dict[int, str], **more: Any) -> RunManifest:
    run = ExternalRun("m", str(source), revisions, more.get("tokens_per_step"), {})
    return import_run(
        run,
        folder=source.parent / "m",
        warmed=None,
        texts=read_texts(bench.heldout["id"]),
        code_version="a",
        say=lambda line: None,
    )


def test_every_step_comes_in_whole(source: Path, bench: Bench, trained_run: Path) -> None:
    manifest = bring_in(source, bench, {4: "step4", 16: "step16"}, tokens_per_step=256)
    assert sorted(manifest.checkpoints) == [4, 16]
    run = bench.runs[0]
    assert manifest.identity["shape"] == {
        "params_non_embedding": run.params_non_embedding,
        "params_embedding": run.params_embedding,
    }
    own = load_checkpoint(trained_run / "step16", "cpu")
    theirs = load_checkpoint(source.parent / "m" / "step16", "cpu")
    assert torch.equal(own.unembedding, theirs.unembedding)  # padding left out by the tokenizer
    assert (theirs.manifest.tokens, theirs.manifest.tied) == (16 * 256, False)


def changed_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def changed_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def drop_head(folder: Path) -> None:
    changed_weights(folder, lambda tensors: tensors.pop("lm_head.weight"))


def head_of_embedding(folder: Path) -> None:
    def copy(tensors: dict[str, torch.Tensor]) -> None:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()

    changed_weights(folder, copy)


def one_nan(folder: Path) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = torch.nan

    changed_weights(folder, spoil)


def truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def other_width(folder: Path) -> None:
    changed_config(folder, hidden_size=16, intermediate_size=64)


def smaller_vocabulary(folder: Path) -> None:
    """As with the tokenizer of a model with more tokens."""

    def cut(tensors: dict[str, torch.Tensor]) -> None:
        for name in ("lm_head.weight", "model.embed_tokens.weight"):
            tensors[name] = tensors[name][:300].clone()

    changed_weights(folder, cut)
    changed_config(folder, vocab_size=300)


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def shards(folder: Path) -> list[Path]:
    """The same weights in two files with an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {
        "model-00001-of-00002.safetensors": names[::2],
        "model-00002-of-00002.safetensors": names[1::2],
    }
    for file, held in parts.items():
        save_file({name: tensors[name] for name in held}, folder / file, metadata={"format": "pt"})
    where = {name: file for file, held in parts.items() for name in held}
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return [folder / file for file in parts]


def swapped_shards(folder: Path) -> None:
    one, other = shards(folder)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def lost_shard(folder: Path) -> None:
    shards(folder)[1].unlink()


def shard_elsewhere(folder: Path) -> None:
    shards(folder)
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("model-00002", "../step4/model-00002"))


def changed_header(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    said = json.dumps(header).encode()
    weights.write_bytes(len(said).to_bytes(8, "little") + said + content[8 + length :])


def overlapping_weights(folder: Path) -> None:
    """The head's bytes are the embedding's."""

    def overlap(header: dict[str, Any]) -> None:
        header["lm_head.weight"]["data_offsets"] = header["model.embed_tokens.weight"][
            "data_offsets"
        ]

    changed_header(folder, overlap)


def promised_weights(folder: Path) -> None:
    """A tensor of an exabyte in a file of some kilobytes."""

    def promise(header: dict[str, Any]) -> None:
        header["lm_head.weight"] |= {"shape": [2**29, 2**29], "data_offsets": [0, 2**60]}

    changed_header(folder, promise)


def long_header(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes((2**63).to_bytes(8, "little") + weights.read_bytes()[8:])


def many_layers(folder: Path) -> None:
    changed_config(folder, num_hidden_layers=10**8)


def great_width(folder: Path) -> None:
    changed_config(folder, hidden_size=2**20, intermediate_size=2**20)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (drop_head, r"lacks weights .*lm_head.weight"),
        (head_of_embedding, "the head equals the embedding although they are not tied"),
        (one_nan, "up_proj.weight contains a number that is not finite"),
        (truncate, "cannot be loaded"),
        (
            other_width,
            r"16 weights have other sizes .*: lm_head.weight is .* instead of \(\d+, 16\)",
        ),
        (smaller_vocabulary, "the tokenizer has a token 399, but the embedding only 300 rows"),
        (no_tokenizer, "tokenizer"),
        (lost_shard, "cannot be loaded"),
        (shard_elsewhere, "names '../step4/model-00002-of-00002.safetensors', which is not a file"),
        (overlapping_weights, "cannot be loaded"),
        (promised_weights, "cannot be loaded"),
        (long_header, "cannot be loaded"),
        (many_layers, "config.json says 100000000 layers, but there are"),
        (great_width, "weights, but its files have"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_unfit_step_is_set_aside_and_the_others_come_in(
    source: Path, bench: Bench, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(source / "step16")
    manifest = bring_in(source, bench, {4: "step4", 16: "step16"})
    assert list(manifest.checkpoints) == [4]
    assert re.search(reason, manifest.quarantined[16])
    assert len(manifest.quarantined[16].splitlines()) == 1
    assert [path.name for path in (source.parent / "m").glob("*step*")] == ["step4"]
    assert manifest.identity["shape"]["params_embedding"] == bench.runs[0].params_embedding


def test_swapped_shards_are_read_by_what_is_in_them(
    source: Path, bench: Bench, trained_run: Path
) -> None:
    swapped_shards(source / "step16")
    manifest = bring_in(source, bench, {16: "step16"})
    assert manifest.checkpoints[16] == sha256_of(trained_run / "step16" / "model.safetensors")


def test_a_model_of_which_nothing_is_fit_has_a_manifest_all_the_same(
    source: Path, bench: Bench
) -> None:
    truncate(source / "step16")
    manifest = bring_in(source, bench, {16: "step16"})
    assert (manifest.checkpoints, list(manifest.quarantined)) == ({}, [16])


def test_a_pickle_of_tensors_comes_in(source: Path, bench: Bench, trained_run: Path) -> None:
    weights = source / "step16" / "model.safetensors"
    torch.save(load_file(weights), source / "step16" / "pytorch_model.bin")
    weights.unlink()
    made = bring_in(source, bench, {16: "step16"}).checkpoints[16]
    assert made == sha256_of(trained_run / "step16" / "model.safetensors")


def test_a_pickle_that_is_more_than_tensors_is_not_opened(source: Path, bench: Bench) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (source / "was-here",))

    (source / "step16" / "model.safetensors").unlink()
    torch.save({"lm_head.weight": Payload()}, source / "step16" / "pytorch_model.bin")
    refused = bring_in(source, bench, {16: "step16"}).quarantined
    assert "its pickled weights contain more than tensors" in refused[16]
    assert not (source / "was-here").exists()


def test_a_pickle_that_runs_code_and_one_that_is_none_are_set_aside(
    source: Path, bench: Bench
) -> None:
    for content, fault in (
        (
            b"cposix\nsystem\n(S'touch " + bytes(source / "was-here") + b"'\ntR.",
            "more than tensors",
        ),
        (b"", "cannot be loaded"),
        (b"\x80", "cannot be loaded"),
    ):
        (source / "step16" / "model.safetensors").unlink(missing_ok=True)
        (source / "step16" / "pytorch_model.bin").write_bytes(content)
        refused = bring_in(source, bench, {16: "step16"}).quarantined[16]
        assert fault in refused, refused
        assert not (source / "was-here").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_link_out_of_the_source_is_not_followed(source: Path, bench: Bench, name: str) -> None:
    elsewhere = source.parent / "elsewhere" / name
    elsewhere.parent.mkdir()
    (source / "step16" / name).rename(elsewhere)
    (source / "step16" / name).symlink_to(elsewhere)
    refused = bring_in(source, bench, {4: "step4", 16: "step16"}).quarantined
    assert refused == {
        16: f"{name} is a link to outside of its folder; copy its target into the folder"
    }


def test_a_link_within_the_source_is(source: Path, bench: Bench) -> None:
    (source / "step16" / "tokenizer.json").unlink()
    (source / "step16" / "tokenizer.json").symlink_to("../step4/tokenizer.json")
    assert sorted(bring_in(source, bench, {16: "step16"}).checkpoints) == [16]
    (source.parent / "named").symlink_to("source")  # the study says so itself
    assert not bring_in(source.parent / "named", bench, {16: "step16"}).quarantined


def test_a_snapshot_in_a_cache_links_to_its_repository_and_no_other(
    source: Path, bench: Bench
) -> None:
    repository = source.parent / "hub" / "models--some--model"
    snapshot, blobs = repository / "snapshots" / "abc", repository / "blobs"
    shutil.copytree(source / "step16", snapshot)
    blobs.mkdir()
    (snapshot / "model.safetensors").rename(blobs / "1")
    (snapshot / "model.safetensors").symlink_to("../../blobs/1")
    assert not bring_in(snapshot, bench, {16: "."}).quarantined
    (blobs / "1").rename(source.parent / "hub" / "1")
    (blobs / "1").symlink_to("../../1")
    assert "is a link to outside of" in bring_in(snapshot, bench, {16: "."}).quarantined[16]


def test_code_of_the_source_is_not_run(source: Path, bench: Bench) -> None:
    config = (source / "step16" / "config.json").read_text()
    config = config.replace('"model_type": "olmo"', '"model_type": "strange"').replace(
        "{", '{"auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},', 1
    )
    (source / "step16" / "config.json").write_text(config)
    (source / "step16" / "own.py").write_text(f"open({str(source / 'was-here')!r}, 'w')\n")
    refused = bring_in(source, bench, {16: "step16"}).quarantined
    assert "transformers does not know (strange), and the code that comes with it" in refused[16]
    assert not (source / "was-here").exists()


def test_an_adapter_to_another_model_is_not_taken_for_one(source: Path, bench: Bench) -> None:
    elsewhere = json.dumps({"base_model_name_or_path": str(source / "step4"), "peft_type": "LORA"})
    (source / "step16" / "adapter_config.json").write_text(elsewhere)
    assert (
        "is an adapter to another model" in bring_in(source, bench, {16: "step16"}).quarantined[16]
    )


@pytest.mark.parametrize("content", ["[]", "{", '{"model_type": "olmo", "hidden_size": "wide"}'])
def test_a_config_that_is_none_is_set_aside(source: Path, bench: Bench, content: str) -> None:
    (source / "step16" / "config.json").write_text(content)
    assert "cannot be loaded as a causal" in bring_in(source, bench, {16: "step16"}).quarantined[16]


def test_a_changed_source_is_imported_again_and_an_unchanged_one_is_not(
    source: Path, bench: Bench
) -> None:
    first = bring_in(source, bench, {16: "step16"}).checkpoints
    made = (source.parent / "m" / "step16" / "model.safetensors").stat().st_mtime_ns
    assert bring_in(source, bench, {16: "step16"}).checkpoints == first
    assert (source.parent / "m" / "step16" / "model.safetensors").stat().st_mtime_ns == made
    shutil.copy(source / "step4" / "model.safetensors", source / "step16")
    assert bring_in(source, bench, {16: "step16"}).checkpoints != first


def test_a_folder_without_a_model_is_named(source: Path, bench: Bench) -> None:
    with pytest.raises(StudyError, match=r"revisions\[7\].*contains no model"):
        bring_in(source, bench, {7: "step7"})
