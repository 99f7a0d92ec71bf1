"""Where a model is: a folder, a file, or a repository whose needed files alone are fetched."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from somebody_elses import PASSAGES, pythia, save_model

from disentangle import measure, measure_all, measure_model
from disentangle.checkpoint.model_place import find
from disentangle.errors import StudyError

LayOut = Callable[[str, str, dict[str, bytes]], str]


def test_a_repository_in_the_cache_is_measured_as_its_folder(
    tmp_path: Path, lay_out_repo: LayOut
) -> None:
    folder = tmp_path / "local"
    save_model(folder, pythia(), max_shard_size="5kB")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sum(name.endswith(".safetensors") for name in files) > 1
    commit = lay_out_repo("model", "own/er", files | {"pytorch_model.bin": b"a pickle"})
    for name in ("hf:own/er", "hf:own/er@main", f"hf:own/er@{commit}"):
        assert find(name).named == f"hf:own/er@{commit}"
        assert str(measure(name)) == str(measure(folder))
    assert measure("hf:own/er", tensor="gpt_neox.embed_in.weight")["rows"] == 32
    pd.testing.assert_frame_equal(measure_all("hf:own/er"), measure_all(folder))
    pd.testing.assert_frame_equal(
        measure_model("hf:own/er", PASSAGES), measure_model(folder, PASSAGES)
    )


def test_pickled_weights_of_a_repository_are_not_read(lay_out_repo: LayOut) -> None:
    lay_out_repo("model", "own/er", {"config.json": b"{}", "pytorch_model.bin": b"a pickle"})
    with pytest.raises(StudyError, match=r"own/er at main has no file like model\*\.safetensors"):
        find("hf:own/er")


def test_a_part_of_a_repository_is_not_taken_for_the_whole(
    tmp_path: Path, lay_out_repo: LayOut
) -> None:
    """Without its head's file, this model has an embedding alone, as a tied one."""
    folder = tmp_path / "local"
    save_model(folder, pythia(), max_shard_size="5kB")
    (folder / "config.json").write_text('{"model_type": "gpt_neox"}')
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    head = [name for name, data in files.items() if b"embed_out" in data and ".json" not in name]
    for name in head:
        del files[name]
        (folder / name).unlink()
    assert len(head) == 1
    lay_out_repo("model", "own/er", files)
    for given in ("hf:own/er", folder):
        with pytest.raises(StudyError, match=f"is incomplete: model.* names {head[0]}"):
            measure(given)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("own/er", "There is no own/er. For the model of that name on the .* hub, write hf:own/er"),
        ("own/er@v1", "write hf:own/er@v1"),
        ("own/er.safetensors", "There is no own/er.safetensors.$"),
        ("er", "There is no er.$"),
        ("a/b/c", "There is no a/b/c.$"),
        ("../er", r"There is no \.\./er\.$"),
        ("hf:", "is no name of a repository"),
        ("hf:../er", "is no name of a repository"),
        ("hf:own/er@", "hf:own/er@: own/er needs a revision"),
        ("hf:own/er@../../x", "needs a revision"),
        ("hf:own/a--b", "own/a--b is no name of a repository"),
    ],
)
def test_what_is_no_model_is_said(
    given: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub_cache: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for function in (measure, measure_all, find):
        with pytest.raises(StudyError, match=fault):
            function(given)


def test_a_folder_of_an_owner_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    np.save("own/er.npy", np.eye(3))
    assert find("own/er.npy").path == Path("own/er.npy")
    assert measure("own/er.npy")["rows"] == 3


def test_no_network_is_one_screen(hub_cache: Path) -> None:
    with pytest.raises(StudyError, match="the hub cannot be reached from here") as error:
        measure("hf:own/er@v1")
    shown = str(error.value)
    assert "Run `disentangle measure hf:own/er@v1` on a machine with network access" in shown
    assert "snakemake" not in shown and shown.count("\n") < 5


def test_without_the_hubs_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(StudyError, match="pip install huggingface_hub"):
        measure("hf:own/er")
