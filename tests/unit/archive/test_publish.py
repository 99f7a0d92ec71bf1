"""An archive is deposited whole or continued with, and nothing is sent or shown unasked."""

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
from stand_in_zenodo import TOKEN, StandIn, stand_in_zenodo
from zenodo_client import Zenodo

from disentangle.archive import publish
from disentangle.archive.publish import SANDBOX, ZENODO, Site, deposit_metadata
from disentangle.commands.__main__ import main
from disentangle.errors import StudyError

ROOT = Path(__file__).parents[3]
NAME = "tiny study.crate.zip"
NOTE = f"{NAME}.zenodo.org.json"


def crate(**root: Any) -> dict[str, Any]:
    described = {"@id": "./", "name": "Disentangle: study tiny", "description": "Rows < columns."}
    return {"@graph": [{"@id": "ro-crate-metadata.json"}, described | root]}


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
    monkeypatch.setenv("PYSTOW_HOME", str(tmp_path / "pystow"))
    return tmp_path


@pytest.fixture
def zenodo(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """An account, in place of the real one."""
    with stand_in_zenodo() as here:

        def account(token: str, site: Site) -> Zenodo:
            found = Zenodo(access_token=token, sandbox=site.sandbox)
            assert found.base == site.address
            found.api_base = f"{here.address}/api"
            found.depositions_base = f"{here.address}/api/deposit/depositions"
            return found

        monkeypatch.setattr(publish, "open_account", account)
        for site in (ZENODO, SANDBOX):
            monkeypatch.setenv(site.token, TOKEN)
        yield here


def deposit(*, publicly: bool, site: Site = ZENODO) -> list[str]:
    """What is said while the archive in this folder is deposited."""
    said: list[str] = []
    publish.deposit(Path(NAME), site, said.append, publish=publicly)
    return said


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_unasked_it_says_what_it_would_send_and_sends_nothing(
    zenodo: StandIn, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(place.iterdir())
    assert main(["publish", NAME]) == 0
    shown = capsys.readouterr().out
    assert zenodo.asked == []
    for part in ("Disentangle: study tiny", md5(place / NAME), "ZENODO_TOKEN is set", "--publish"):
        assert part in shown
    assert TOKEN not in shown
    assert sorted(place.iterdir()) == before


def test_a_draft_is_made_once_and_published_when_told(
    zenodo: StandIn, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", NAME, "--upload"]) == 0
    assert "--publish makes it 10.5281/zenodo.100" in capsys.readouterr().out
    assert zenodo.published == set()
    assert zenodo.files[100] == {NAME: (place / NAME).read_bytes()}
    assert main(["publish", NAME, "--publish"]) == 0
    assert "published as 10.5281/zenodo.100" in capsys.readouterr().out
    assert zenodo.published == {100} and list(zenodo.metadata) == [100]
    asked = list(zenodo.asked)
    assert main(["publish", NAME, "--publish"]) == 0
    assert "already published" in capsys.readouterr().out
    assert zenodo.asked == [*asked, "GET /api/records/100"]


def test_what_zenodo_is_told(zenodo: StandIn, place: Path) -> None:
    deposit(publicly=False)
    assert zenodo.metadata[100] == deposit_metadata(place / NAME, place / "CITATION.cff")
    assert zenodo.metadata[100] == {
        "upload_type": "dataset",
        "title": "Disentangle: study tiny",
        "description": "Rows &lt; columns.",
        "creators": [{"name": "The Disentangle developers"}],
        "access_right": "open",
        "license": "apache-2.0",
        "keywords": ["language models", "effective rank", "training dynamics", "reproducibility"],
        "version": "1.0.0",
        "prereserve_doi": True,
    }


def test_people_are_named_as_zenodo_wants_them(place: Path) -> None:
    cited = place / "CITATION.cff"
    person = "{family-names: Carberry, given-names: Josiah, orcid: 'https://orcid.org/0000-0002'}"
    cited.write_text(f"authors: [{person}]\nlicense: MIT\n")
    told = deposit_metadata(place / NAME, cited)
    assert told["creators"] == [{"name": "Carberry, Josiah", "orcid": "0000-0002"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (crate(name=None), "do not give its title"),
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


def test_a_broken_upload_is_continued(zenodo: StandIn, place: Path) -> None:
    zenodo.hang_up_after = 2**20
    with pytest.raises(StudyError, match="Run the same command again to continue") as error:
        deposit(publicly=True)
    assert TOKEN not in str(error.value)
    assert (zenodo.files[100], zenodo.published) == ({}, set())
    zenodo.hang_up_after = None
    deposit(publicly=True)
    assert list(zenodo.metadata) == [100], "the same draft"
    assert zenodo.published == {100}


def test_what_arrives_changed_is_not_published(zenodo: StandIn, place: Path) -> None:
    zenodo.spoil = True
    with pytest.raises(StudyError, match=r"with MD5 .*\n?Nothing is published"):
        deposit(publicly=True)
    assert zenodo.published == set()
    zenodo.spoil = False
    deposit(publicly=True)
    assert [hashlib.md5(data).hexdigest() for data in zenodo.files[100].values()] == [
        md5(place / NAME)
    ]
    assert zenodo.published == {100}


def test_a_draft_with_another_file_is_not_published(zenodo: StandIn, place: Path) -> None:
    deposit(publicly=False)
    zenodo.files[100]["stray.txt"] = b"?"
    with pytest.raises(StudyError, match=r"It contains .*stray.txt(.|\n)*correct the draft"):
        deposit(publicly=True)
    assert zenodo.published == set()


def test_a_changed_archive_replaces_a_draft_but_not_a_record(zenodo: StandIn, place: Path) -> None:
    deposit(publicly=False)
    archive_of(place / NAME, crate())
    deposit(publicly=True)
    assert zenodo.files[100][NAME] == (place / NAME).read_bytes()
    assert "already published" in deposit(publicly=True)[0]
    archive_of(place / NAME, crate())
    with pytest.raises(StudyError, match="has changed since it was published as record 100"):
        deposit(publicly=True)
    (place / NOTE).unlink()
    deposit(publicly=False)
    assert sorted(zenodo.metadata) == [100, 101]
    del zenodo.metadata[101]
    with pytest.raises(StudyError, match="names no longer exists"):
        deposit(publicly=False)


@pytest.mark.parametrize("refuse", ["POST /api/deposit/depositions", ".zip", "/actions/publish"])
def test_a_refusal_is_said_without_the_token(zenodo: StandIn, place: Path, refuse: str) -> None:
    zenodo.refuse = refuse
    with pytest.raises(StudyError, match="refused the request") as error:
        deposit(publicly=True)
    assert "access_token=(token)" in str(error.value) and TOKEN not in str(error.value)
    assert "again later" in str(error.value)
    assert error.value.__suppress_context__, "the cause's text has the token"
    zenodo.refuse = ""
    deposit(publicly=True)
    assert zenodo.published == {100} and list(zenodo.metadata) == [100]


def test_a_token_that_is_not_known_is_one_screen(
    zenodo: StandIn, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", "another")
    with pytest.raises(StudyError, match="deposit:write") as error:
        deposit(publicly=False)
    assert "another" not in str(error.value)
    for value in ("", "with\ttab", "naïve"):
        monkeypatch.setenv("ZENODO_TOKEN", value)
        with pytest.raises(StudyError, match="ZENODO_TOKEN is no"):
            deposit(publicly=False)


def test_the_sandbox_is_another_account(
    zenodo: StandIn, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZENODO_SANDBOX_TOKEN")
    with pytest.raises(StudyError, match="ZENODO_SANDBOX_TOKEN is not set"):
        deposit(publicly=True, site=SANDBOX)
    monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", TOKEN)
    deposit(publicly=True, site=SANDBOX)
    assert (place / f"{NAME}.sandbox.zenodo.org.json").is_file() and not (place / NOTE).exists()


def test_the_command_is_one_screen(place: Path) -> None:
    command = [sys.executable, "-m", "disentangle.commands", "publish"]
    environment = {key: value for key, value in os.environ.items() if "ZENODO" not in key}
    done = subprocess.run([*command, NAME], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "ZENODO_TOKEN is not set. Nothing was sent" in done.stdout
    for arguments in (["nothing.zip"], [NAME, "--upload"], [NAME, "--publish", "--sandbox"]):
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) < 6
