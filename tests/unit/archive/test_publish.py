"""An archive is deposited whole or gone on with, and nothing is sent or shown unasked."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from stand_in_zenodo import TOKEN, StandIn, stand_in_zenodo

from disentangle.archive import publish
from disentangle.archive.description import add_doi, deposit_metadata
from disentangle.errors import StudyError

ROOT = Path(__file__).parents[3]
NAME = "tiny study.crate.zip"


def crate(**root: Any) -> dict[str, Any]:
    described = {
        "@id": "./",
        "@type": "Dataset",
        "name": "Disentangle: study tiny",
        "description": "Rows < columns & more.",
        "license": {"@id": "https://spdx.org/licenses/Apache-2.0"},
        "author": [{"@id": "https://orcid.org/0000-0002-1825-0097"}, {"@id": "#lab"}],
    }
    people = [
        {"@id": "https://orcid.org/0000-0002-1825-0097", "@type": "Person"}
        | {"givenName": "Josiah", "familyName": "Carberry"},
        {"@id": "#lab", "@type": "Organization", "name": "A lab"},
    ]
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [described | root, *people],
    }


def archive_of(path: Path, content: Any) -> Path:
    with ZipFile(path, "w") as archive:
        archive.writestr("ro-crate-metadata.json", json.dumps(content))
        archive.writestr("results/weights", os.urandom(3 * 2**20))
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an archive and the project's own CITATION.cff."""
    archive_of(tmp_path / NAME, crate())
    (tmp_path / "CITATION.cff").write_text((ROOT / "CITATION.cff").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def zenodo(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """An account, in place of the real one."""
    with stand_in_zenodo() as here:
        monkeypatch.setattr(publish, "ZENODO", here.address)
        monkeypatch.setitem(publish.TOKENS, here.address, "ZENODO_TOKEN")
        monkeypatch.setenv("ZENODO_TOKEN", TOKEN)
        yield here


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_unasked_it_says_what_it_would_send_and_sends_nothing(
    zenodo: StandIn, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(place.iterdir())
    publish.run([NAME])
    shown = capsys.readouterr().out
    assert zenodo.asked == []
    for part in ("Disentangle: study tiny", md5(place / NAME), "ZENODO_TOKEN is set", "--publish"):
        assert part in shown
    assert TOKEN not in shown
    assert sorted(place.iterdir()) == before


def test_a_draft_is_made_once_and_published_when_told(
    zenodo: StandIn, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish.run([NAME, "--upload"])
    assert zenodo.published == set()
    assert zenodo.files[100] == {NAME: (place / NAME).read_bytes()}
    assert "10.5281" not in (place / "CITATION.cff").read_text()
    asked = list(zenodo.asked)
    publish.run([NAME, "--publish"])
    assert zenodo.published == {100} and list(zenodo.metadata) == [100]
    assert not any("/api/files/" in one for one in zenodo.asked[len(asked) :]), "it is there"
    cited = yaml.safe_load((place / "CITATION.cff").read_text())
    assert cited["identifiers"][0]["value"] == "10.5281/zenodo.100"
    written = (place / "CITATION.cff").read_text()
    publish.run([NAME, "--publish"])
    assert "already published as 10.5281/zenodo.100" in capsys.readouterr().out
    assert sum("actions/publish" in one for one in zenodo.asked) == 1
    assert (place / "CITATION.cff").read_text() == written


def test_what_zenodo_is_told(place: Path) -> None:
    told = deposit_metadata(place / NAME, place / "CITATION.cff")
    assert told == {
        "upload_type": "dataset",
        "title": "Disentangle: study tiny",
        "description": "<p>Rows &lt; columns &amp; more.</p>",
        "creators": [
            {"name": "Carberry, Josiah", "orcid": "0000-0002-1825-0097"},
            {"name": "A lab"},
        ],
        "access_right": "open",
        "license": "apache-2.0",
        "keywords": ["language models", "effective rank", "training dynamics", "reproducibility"],
        "version": "0.1.0",
        "prereserve_doi": True,
    }
    bare = archive_of(place / "bare.zip", crate(author=None, license=None))
    told = deposit_metadata(bare, place / "CITATION.cff")
    assert told["creators"] == [{"name": "The Disentangle developers"}]
    assert told["license"] == "apache-2.0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (crate(name=None), "gives its title"),
        ({"@graph": []}, "is not an RO-Crate"),
        ([], "is not an RO-Crate"),
        ({"@graph": [{"@id": ["./"]}]}, "is not an RO-Crate"),
    ],
)
def test_what_is_no_archive_is_named(place: Path, content: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        deposit_metadata(archive_of(place / "other.zip", content), place / "CITATION.cff")
    with pytest.raises(StudyError, match="is not an archive of a study"):
        deposit_metadata(place / "CITATION.cff", place / "CITATION.cff")


def test_a_broken_upload_is_gone_on_with(zenodo: StandIn, place: Path) -> None:
    zenodo.hang_up_after = 2**20
    with pytest.raises(StudyError, match="run the same command again to continue"):
        publish.run([NAME, "--publish"])
    assert (zenodo.files[100], zenodo.published) == ({}, set())
    zenodo.hang_up_after = None
    publish.run([NAME, "--publish"])
    assert list(zenodo.metadata) == [100], "the same draft"
    assert zenodo.published == {100}


def test_what_arrives_changed_is_not_published(zenodo: StandIn, place: Path) -> None:
    zenodo.spoil = True
    with pytest.raises(StudyError, match="The upload is damaged"):
        publish.run([NAME, "--publish"])
    assert zenodo.published == set()
    zenodo.spoil = False
    publish.run([NAME, "--publish"])
    assert [hashlib.md5(data).hexdigest() for data in zenodo.files[100].values()] == [
        md5(place / NAME)
    ]
    assert zenodo.published == {100}


def test_a_draft_with_another_file_is_not_published(zenodo: StandIn, place: Path) -> None:
    publish.run([NAME, "--upload"])
    zenodo.files[100]["stray.txt"] = b"?"
    with pytest.raises(StudyError, match=r"It contains .*stray.txt.*\n.*Correct it at"):
        publish.run([NAME, "--publish"])
    assert zenodo.published == set()


def test_another_archive_does_not_go_into_its_draft(zenodo: StandIn, place: Path) -> None:
    publish.run([NAME, "--upload"])
    archive_of(place / NAME, crate(name="another"))
    with pytest.raises(StudyError, match="has changed since deposit 100"):
        publish.run([NAME, "--publish"])
    (note,) = place.glob(f"{NAME}.127*.json")
    note.unlink()
    publish.run([NAME, "--upload"])
    assert sorted(zenodo.metadata) == [100, 101]
    del zenodo.metadata[101]
    with pytest.raises(StudyError, match=r"Draft 101, .* no longer exists"):
        publish.run([NAME, "--upload"])


@pytest.mark.parametrize("refuse", ["POST /api/deposit/depositions", ".zip", "/actions/publish"])
def test_a_refusal_is_said_without_the_token(zenodo: StandIn, place: Path, refuse: str) -> None:
    zenodo.refuse = refuse
    with pytest.raises(StudyError, match="refused the request") as error:
        publish.run([NAME, "--publish"])
    assert "Bearer (token)" in str(error.value) and TOKEN not in str(error.value)
    assert "again later" in str(error.value)
    zenodo.refuse = ""
    publish.run([NAME, "--publish"])
    assert zenodo.published == {100} and list(zenodo.metadata) == [100]


def test_a_token_that_is_not_known_is_one_screen(
    zenodo: StandIn, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", "another")
    with pytest.raises(StudyError, match="deposit:write") as error:
        publish.run([NAME, "--upload"])
    assert "another" not in str(error.value)
    for value in ("", "with\ttab", "naïve"):
        monkeypatch.setenv("ZENODO_TOKEN", value)
        with pytest.raises(StudyError, match="ZENODO_TOKEN is no"):
            publish.run([NAME, "--upload"])


def test_the_file_goes_nowhere_else(zenodo: StandIn, place: Path) -> None:
    zenodo.bucket = zenodo.address + ".example.org/api/files/x"
    with pytest.raises(StudyError, match=r"to another site, .* Nothing was sent"):
        publish.run([NAME, "--upload"])


def test_the_sandbox_is_another_account_and_its_doi_is_not_cited(
    zenodo: StandIn, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in_zenodo() as sandbox:
        monkeypatch.setattr(publish, "SANDBOX", sandbox.address)
        monkeypatch.setitem(publish.TOKENS, sandbox.address, "ZENODO_SANDBOX_TOKEN")
        with pytest.raises(StudyError, match="ZENODO_SANDBOX_TOKEN is not set"):
            publish.run([NAME, "--publish", "--sandbox"])
        monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", TOKEN)
        publish.run([NAME, "--publish", "--sandbox"])
        assert sandbox.published == {100} and zenodo.asked == []
    assert "doi" not in (place / "CITATION.cff").read_text()


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "identifiers:\n  - type: other\n    value: x\n",
        "identifiers:   # of archives\n- type: other\n  value: x\nurl: y\n",
    ],
)
def test_a_citation_gains_the_doi_and_keeps_its_text(place: Path, ending: str) -> None:
    path = place / "CITATION.cff"
    path.write_text(path.read_text() + ending)
    before = path.read_text().splitlines()
    add_doi(path, "10.5281/zenodo.7", 'A study: "tiny"')
    after = path.read_text().splitlines()
    assert [line for line in after if line in before] == before
    first, *others = yaml.safe_load(path.read_text())["identifiers"]
    assert first == {"type": "doi", "value": "10.5281/zenodo.7", "description": 'A study: "tiny"'}
    assert others == [{"type": "other", "value": "x"}] * bool(ending)


def test_a_citation_that_takes_no_line_is_left(place: Path) -> None:
    path = place / "CITATION.cff"
    path.write_text(path.read_text() + "identifiers: [{type: other, value: x}]\n")
    before = path.read_text()
    with pytest.raises(StudyError, match=r"by hand:\n.*type: \"doi\""):
        add_doi(path, "10.5281/zenodo.7", "A study")
    assert path.read_text() == before


def test_the_command_is_one_screen(place: Path) -> None:
    command = [sys.executable, "-m", "disentangle.archive.publish"]
    environment = {key: value for key, value in os.environ.items() if "ZENODO" not in key}
    done = subprocess.run([*command, NAME], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "ZENODO_TOKEN is not set. Nothing was sent" in done.stdout
    for arguments in (["nothing.zip"], [NAME, "--upload"], [NAME, "--publish", "--sandbox"]):
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) < 6
