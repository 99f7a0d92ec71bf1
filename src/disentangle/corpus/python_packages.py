"""The Python sources of the locked environment's packages: text that needs no network.

The versions are those of `requirements.lock`, whose hashes pip checks when it installs them; each
file is checked against the SHA-256 that its package records. Light to import, as study files are
checked with it. On another platform a package's wheel can differ in a few generated modules.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from disentangle.errors import StudyError

LOCK = Path(__file__).parents[3] / "requirements.lock"

_LOCKED = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)
_TESTS = {"test", "tests"}


@cache
def locked_versions(lock: Path = LOCK) -> dict[str, frozenset[str]]:
    """Each package of a lock file to its versions; several if they depend on the machine."""
    if not lock.is_file():
        return {}
    versions: dict[str, frozenset[str]] = {}
    for name, version in _LOCKED.findall(lock.read_text(encoding="utf-8")):
        versions[name] = versions.get(name, frozenset()) | {version}
    return versions


def fault_of_package(name: str) -> str | None:
    """What is wrong with the name after `python-packages:`, or None."""
    if not LOCK.is_file():
        return f"python-packages:{name} needs {LOCK.name}: work in a clone of the repository"
    if name not in locked_versions():
        return f"python-packages:{name}: {LOCK.name} has no such package; write it as there"
    return None


def read_package(name: str) -> Iterator[str]:
    """The modules of a package in order of their paths, without tests, which repeat each other.

    Raises:
        StudyError: if the package is not installed as the lock says, or a file was changed.
    """
    installed = _installed(name)
    modules = sorted(
        (file for file in installed.files or () if file.suffix == ".py"),
        key=lambda file: file.as_posix(),
    )
    for file in modules:
        if ".." in file.parts or _TESTS & set(file.parts):
            continue
        content = Path(str(installed.locate_file(file))).read_bytes()
        recorded = file.hash
        if recorded is None or _digest(content, recorded.mode) != recorded.value:
            raise StudyError(
                f"source python-packages:{name}: {file} was changed after it was installed.\n"
                "Install the environment again."
            )
        yield content.decode("utf-8", errors="replace").replace("\r\n", "\n")


def describe_package(name: str) -> dict[str, str]:
    """A package's version and licence, as it says them itself."""
    metadata = _installed(name).metadata
    classified = metadata.get_all("Classifier", [])
    named = [line.split(" :: ")[-1] for line in classified if line.startswith("License ::")]
    # older packages put the whole text under License: its first line names it
    written = metadata.get_all("License", ["not stated"])[0].strip().splitlines()[:1]
    licences = metadata.get_all("License-Expression") or named or written
    return {"version": metadata["Version"], "licence": ", ".join(licences)}


def _installed(name: str) -> Distribution:
    if fault := fault_of_package(name):
        raise StudyError(f"source {fault}")
    versions = locked_versions()[name]
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise StudyError(
            f"source python-packages:{name}: it is not installed here.\n"
            f"Install the environment from {LOCK.name}."
        ) from None
    if installed.version not in versions:
        raise StudyError(
            f"source python-packages:{name}: {installed.version} is installed, and {LOCK.name} "
            f"has {' or '.join(sorted(versions))}.\nInstall the environment from {LOCK.name}."
        )
    return installed


def _digest(content: bytes, algorithm: str) -> str:
    """As RECORD files have it: URL-safe base64 without padding."""
    digest = hashlib.new(algorithm, content).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
