"""An archive's metadata for a repository, from its crate and from CITATION.cff."""

import html
import json
import re
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import yaml

from disentangle.errors import StudyError
from disentangle.storage import replacing

CRATE = "ro-crate-metadata.json"
ROOT = "./"
"""The entity that stands for the whole crate."""

MOST_METADATA = 256 * 2**20
"""Most bytes of a crate's metadata that are read; thousands of jobs give some tens of MB."""

Entity = dict[str, Any]


def deposit_metadata(archive: Path, citation: Path) -> dict[str, Any]:
    """Metadata of a deposit, with Zenodo's keys.

    Title, description, licence and authors come from the crate. A missing licence or author,
    and the keywords and version, come from CITATION.cff.

    Raises:
        StudyError: if the file is not an archive of a study, or required metadata are missing.
    """
    crate, cited = _read_crate(archive), _read_citation(citation)
    root = crate[ROOT]
    found = {
        "upload_type": "dataset",
        "title": root.get("name"),
        "description": _paragraph(root.get("description")),
        "creators": [_creator(crate.get(link["@id"], link)) for link in _links(root.get("author"))]
        or [_cited(author) for author in cited.get("authors", [])],
        "access_right": "open",
        "license": _license(root.get("license")) or str(cited.get("license", "")).lower(),
        "keywords": cited.get("keywords"),
        "version": cited.get("version"),
        "prereserve_doi": True,
    }
    if lacking := [
        key for key in ("title", "description", "creators", "license") if not found[key]
    ]:
        raise StudyError(
            f"{archive}: neither its {CRATE} nor {citation} gives its {', '.join(lacking)}"
        )
    return {key: value for key, value in found.items() if value}


def _read_crate(archive: Path) -> dict[str, Entity]:
    """Entities of the crate by @id."""
    try:
        with ZipFile(archive) as opened, opened.open(CRATE) as file:
            content = file.read(MOST_METADATA + 1)
    except (BadZipFile, KeyError, OSError) as error:
        raise StudyError(
            f"{archive} is not an archive of a study: not a zip file with a {CRATE} at its root.\n"
            "`snakemake archive` writes one."
        ) from error
    try:
        if len(content) > MOST_METADATA:
            raise ValueError("it is too large")
        crate = {entity["@id"]: entity for entity in json.loads(content)["@graph"]}
        crate[ROOT].keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StudyError(f"{archive}: its {CRATE} is not an RO-Crate ({error!r})") from error
    return crate


def _read_citation(path: Path) -> dict[str, Any]:
    try:
        cited = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StudyError(
            f"{path} cannot be read; run this in the folder that contains it"
        ) from error
    if not isinstance(cited, dict):
        raise StudyError(f"{path} is not a citation file")
    return cited


def _links(value: Any) -> list[Entity]:
    """Entities that a property refers to; JSON-LD writes a single value without a list."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, dict) and isinstance(one.get("@id"), str)]


def _paragraph(text: Any) -> str:
    """Zenodo takes HTML."""
    return f"<p>{html.escape(str(text))}</p>" if text else ""


def _license(value: Any) -> str | None:
    """The SPDX identifier at the end of a licence's URL, in lower case as Zenodo has it."""
    linked = [link["@id"] for link in _links(value)]
    (spelled, *_) = linked or [value if isinstance(value, str) else ""]
    return spelled.rstrip("/").rpartition("/")[2].removesuffix(".html").lower() or None


def _creator(author: Entity) -> dict[str, str]:
    """A Person or Organization of the crate."""
    parts = [author[key] for key in ("familyName", "givenName") if author.get(key)]
    name = ", ".join(parts) or str(author.get("name") or author["@id"])
    return {"name": name} | _orcid(author["@id"])


def _cited(author: dict[str, Any]) -> dict[str, str]:
    """An author of CITATION.cff."""
    parts = [author[key] for key in ("family-names", "given-names") if author.get(key)]
    name = ", ".join(parts) or str(author.get("name", ""))
    return {"name": name} | _orcid(str(author.get("orcid", "")))


def _orcid(spelled: str) -> dict[str, str]:
    found = re.search(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]$", spelled)
    return {"orcid": found[0]} if found else {}


def add_doi(citation: Path, doi: str, title: str) -> None:
    """Add an archive's DOI to the identifiers in CITATION.cff; the rest of its text is unchanged.

    Raises:
        StudyError: if the entry cannot be inserted; the message gives the lines to add by hand.
    """
    before = citation.read_text(encoding="utf-8")
    had = _read_citation(citation)
    identifiers = had.get("identifiers") or []
    if any(one.get("value") == doi for one in identifiers):
        return
    entry = {"type": "doi", "value": doi, "description": title}
    # JSON strings are valid YAML, whatever a title contains
    lines = [f"{key}: {json.dumps(value)}" for key, value in entry.items()]
    heading = re.search(r"^identifiers:[ \t]*(#.*)?\n( *)(?=- )", before, re.MULTILINE)
    indent = heading[2] if heading else "  "
    item = f"{indent}- " + f"\n{indent}  ".join(lines) + "\n"
    if heading:
        at = heading.start(2)
        after = before[:at] + item + before[at:]
    else:
        after = before.rstrip("\n") + f"\nidentifiers:\n{item}"
    try:
        same = yaml.safe_load(after) == had | {"identifiers": [entry, *identifiers]}
    except yaml.YAMLError:
        same = False
    if not same:
        raise StudyError(f"{citation}: add under `identifiers` by hand:\n{item}")
    with replacing(citation) as temporary:
        temporary.write_text(after, encoding="utf-8")
