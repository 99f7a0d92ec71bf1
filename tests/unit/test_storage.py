"""Files are whole or absent, and notice what became of them."""

from pathlib import Path

import pytest

from disentangle.storage import (
    DamagedError,
    digest,
    read_json,
    read_sealed,
    replacing,
    write_json,
    write_sealed,
)


def test_a_failing_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]


def test_nan_is_not_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "\\xff\\xfe", "[" * 100_000])
def test_what_is_no_json_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trained.json"
    path.write_bytes(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
    with pytest.raises(DamagedError) as caught:
        read_json(path)
    assert str(path) in str(caught.value) and "run the workflow again" in str(caught.value)


SEALED = {"steps": {0: "ab", 4: "cd", 16: "ef"}, "loss": 0.1, "none": None, "list": (1, 2)}


def test_a_sealed_mapping_is_read_as_json_has_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_sealed(path, SEALED)
    steps = {"0": "ab", "4": "cd", "16": "ef"}
    assert read_sealed(path) == SEALED | {"steps": steps, "list": [1, 2]}


def test_any_changed_byte_of_a_sealed_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_sealed(path, SEALED)
    written, sound = path.read_bytes(), read_sealed(path)
    for place in range(len(written)):
        for bit in (0, 1, 5):
            changed = bytearray(written)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            try:
                found = read_sealed(path)
            except DamagedError:
                continue
            # white space, or the seal's own name: what is read is what was written
            assert found == sound or found.keys() - sound.keys(), (place, bit)


def test_a_file_that_is_cut_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_sealed(path, SEALED)
    written = path.read_bytes().rstrip()
    for length in range(len(written)):
        path.write_bytes(written[:length])
        with pytest.raises(DamagedError):
            read_sealed(path)


def test_a_file_written_by_hand_needs_no_seal(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_json(path, {"run": "mine"})
    assert read_sealed(path) == {"run": "mine"}
    write_json(path, ["not a mapping"])
    with pytest.raises(DamagedError, match="not a mapping"):
        read_sealed(path)


def test_a_digest_goes_by_content_not_by_order() -> None:
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.5})
