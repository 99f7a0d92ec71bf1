"""Publish the tables of a study from its archive, after checking it.

    python -m disentangle.published.from_archive ARCHIVE

ARCHIVE is a .crate.zip. Its tables go to `published/<study>/`, at the paths that they have in the
study's results, with the specs of the figures and the report. `published.json` has their hashes,
the archive's, and the commit that made it. Tables of single measurements stay in the archive: the
table of observations has what the estimates are made from.
"""

import shutil
import sys
import zipfile
from pathlib import Path

from disentangle.archive.verify import FACTS as OF_ARCHIVE
from disentangle.archive.verify import Source, faults_of, open_zip, read_json, told
from disentangle.errors import StudyError, counted
from disentangle.published.facts import Facts, FileFacts, write_facts
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.of_study import ONLY

PUBLISHED = Path("published")

OF_MEASUREMENTS = ("geometry", "passages", "matrices", "gradients", "layers")
"""Tables with a row per measurement or passage, which are large."""

SPECS = ("draw_figures", "write_report")
"""Rules whose specs have the runs and the study."""


def publish_tables(archive: Path, into: Path = PUBLISHED) -> Path:
    """Copy an archive's tables, with the specs of its figures and report.

    Args:
        archive: a `.crate.zip`; it need not be trusted.
        into: the folder with a folder per study.

    Returns:
        The study's folder. What was in it before is gone.

    Raises:
        StudyError: if there is no archive, or it is damaged.
    """
    if not archive.is_file():
        raise StudyError(f"{archive} does not exist.")
    if faults := faults_of(archive):
        raise StudyError(f"{archive} has {counted(faults)}:\n{told(faults)}")
    with zipfile.ZipFile(archive) as opened:
        return _copy(open_zip(opened)[0], FileFacts.of(archive), into)


def _copy(source: Source, archive: FileFacts, into: Path) -> Path:
    of_archive = read_json(source, OF_ARCHIVE)
    study = of_archive["study"]
    shutil.rmtree(into / study, ignore_errors=True)
    results, here = StudyFolder.of(study), StudyFolder(into / study)
    specs = {results.spec(rule, ONLY): here.spec(rule, ONLY) for rule in SPECS}
    files: dict[str, FileFacts] = {}
    left_out: dict[str, FileFacts] = {}
    for name, size in sorted(source.files.items()):
        path = Path(name)
        is_table = path == results.table(path.stem)
        if not is_table and path not in specs:
            continue
        copy = here.table(path.stem) if is_table else specs[path]
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read(name, size))
        large = is_table and path.stem in OF_MEASUREMENTS
        listed = left_out if large else files
        listed[copy.relative_to(here.path).as_posix()] = FileFacts.of(copy)
        if large:
            copy.unlink()
    facts = Facts(
        study=study,
        study_files=of_archive["config_files"],
        commit=of_archive["commit"],
        archive=archive,
        files=files,
        left_out=left_out,
    )
    write_facts(here.path, facts)
    return here.path


def main(arguments: list[str]) -> int:
    """Entry of the command; see the module."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    try:
        folder = publish_tables(Path(arguments[0]))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    print(f"{folder}: {len(list(folder.rglob('*.parquet')))} tables, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
