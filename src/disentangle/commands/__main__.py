"""The `disentangle` command; `disentangle --help` lists its subcommands.

Each subcommand imports what it needs when it is called, so that help and errors appear at once.
"""

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path

from disentangle.errors import StudyError

EXAMPLES = """\
  disentangle plan studies/mine.yaml          what it costs, and what is already done
  disentangle run studies/mine.yaml           make its report
  disentangle status studies/mine.yaml        its progress; works while it runs
  disentangle measure path/to/model           every metric of its unembedding
  disentangle measure path/to/model --matrices all --plot spectra.svg   of every layer
  disentangle measure hf:owner/name --text passages.txt   also of H, and what the function fixes
  disentangle compare demo mini108            their verdicts and designs, and a page of it
  disentangle observations from evals --pattern "{run}/*_step{step}.json" --out suite.csv
"""


def _snakemake(
    target: str, studies: list[str], further: Sequence[str] = (), *, verbose: bool = False
) -> list[str]:
    """Snakemake's command for a target of a study; study files override config.yaml.

    Only with `verbose` it shows its own lines.
    """
    if not Path("Snakefile").is_file():
        raise StudyError(
            f"There is no Snakefile in {Path.cwd()}: run this in the workflow's folder."
        )
    shown = ["--quiet", "rules"] if verbose else ["--logger", "disentangle"]
    command = [sys.executable, "-m", "snakemake", target, "--nolock", *shown]
    return [*command, *further, *(["--configfile", *studies] if studies else [])]


def _become(command: list[str]) -> int:
    os.execv(command[0], command)  # noqa: S606 (this Python, with Snakemake)


def _run(asked: Namespace) -> int:
    from disentangle.running import start

    cores = ["--cores", str(asked.cores or len(os.sched_getaffinity(0)))]
    command = _snakemake("all", asked.studies, cores, verbose=asked.verbose)
    start([Path(study) for study in asked.studies], command)
    return 0


def _plan(asked: Namespace) -> int:
    profile = ["--profile", asked.profile] if asked.profile else ["--cores", "1"]
    return _become(_snakemake("plan", asked.studies, profile))


def _calibrate(asked: Namespace) -> int:
    return _become(_snakemake("calibrate", asked.studies, ["--cores", "2"]))


def _verify(asked: Namespace) -> int:
    archive = ["--cores", "2", "--config", f"archive={asked.archive}"]
    return _become(_snakemake("verify", [], archive))


def _status(asked: Namespace) -> int:
    from disentangle.planning.status import say_status

    say_status(asked.studies)
    return 0


def _check(asked: Namespace) -> int:
    from disentangle.audit.__main__ import check

    return check(asked.studies)


def _resume(asked: Namespace) -> int:
    from disentangle.archive.resume import resume

    cores = str(asked.cores or len(os.sched_getaffinity(0)))
    held = [sys.executable, "-m", "disentangle.running", "--"]
    shown = _snakemake("all", [], ["--cores", cores], verbose=asked.verbose)
    return resume([*held, *shown])


def _add(asked: Namespace) -> int:
    from disentangle.study.register import say_registered

    say_registered(asked.source, asked.name, asked.study)
    return 0


def _publish(asked: Namespace) -> int:
    from disentangle.archive.publish import SANDBOX, ZENODO, deposit, preview

    site = SANDBOX if asked.sandbox else ZENODO
    if asked.upload or asked.publish:
        deposit(asked.archive, site, print, publish=asked.publish)
    else:
        print(preview(asked.archive, site))
    return 0


def _measure(asked: Namespace) -> int:
    from disentangle.hub import ON_HUB
    from disentangle.job import OFFLINE, QUIET

    on_hub = asked.path.startswith(ON_HUB)
    os.environ |= QUIET if on_hub else QUIET | OFFLINE  # before libraries read it
    if on_hub and sys.stderr.isatty():
        print(f"Fetching {asked.path}, unless it is in this machine's cache", file=sys.stderr)
    if asked.text:
        return _measure_with_text(asked)
    if asked.max_tokens is not None:
        raise StudyError("--max-tokens says how much of each passage of --text is read")
    if asked.matrices == "all":
        from disentangle.commands.measure_all import measure_all_matrices

        if asked.tensor or asked.metric:
            raise StudyError("--matrices all measures all of them; leave --tensor and --metric out")
        measure_all_matrices(asked.path, out=asked.out, plot=asked.plot)
        return 0
    if asked.plot:
        raise StudyError("--plot draws the spectra of --matrices all")
    from disentangle.commands.measure import measure_path

    measure_path(asked.path, tensor=asked.tensor, own=asked.metric, out=asked.out)
    return 0


def _measure_with_text(asked: Namespace) -> int:
    if asked.tensor or asked.matrices or asked.plot:
        raise StudyError(
            "--text measures W, H and what the function fixes; leave --tensor, --matrices and "
            "--plot out"
        )
    from disentangle.commands.measure_model import measure_with_text
    from disentangle.geometry.of_model import MAX_TOKENS

    tokens = MAX_TOKENS if asked.max_tokens is None else asked.max_tokens
    measure_with_text(asked.path, asked.text, max_tokens=tokens, own=asked.metric, out=asked.out)
    return 0


def _observations_from(asked: Namespace) -> int:
    from disentangle.commands.observations import write_from_harness

    write_from_harness(
        asked.folder, asked.out, pattern=asked.pattern, tasks=asked.task, join=asked.join
    )
    return 0


def _compare(asked: Namespace) -> int:
    from disentangle.commands.compare import compare
    from disentangle.planning.columns import screen_width

    width = screen_width(sys.stdout.fileno()) if sys.stdout.isatty() else None
    print(compare(asked.studies, asked.out, width))
    return 0


def parser() -> ArgumentParser:
    whole = ArgumentParser(
        prog="disentangle",
        description="Does the geometry of a language model's weights tell how good it is?",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: str, run: Callable[[Namespace], int]) -> ArgumentParser:
        found = commands.add_parser(name, help=does, description=does)
        found.set_defaults(run=run)
        return found

    def of_study(name: str, does: str, run: Callable[[Namespace], int]) -> ArgumentParser:
        found = command(name, does, run)
        found.add_argument("studies", nargs="*", metavar="STUDY.yaml", help="default: the demo")
        return found

    run = of_study("run", "make a study's report", _run)
    plan = of_study("plan", "show what a study costs, and what is already done", _plan)
    plan.add_argument("--profile", metavar="NAME", help="a cluster profile, such as slurm")
    of_study("status", "show a study's progress", _status)
    of_study("check", "compare every file of a study with its recorded hash", _check)
    of_study("calibrate", "test the estimators on simulations of a study's design", _calibrate)
    verify = command("verify", "check an archive, and recompute its tables", _verify)
    resume = command("resume", "in an unpacked archive: run what is missing", _resume)
    for each in (run, resume):
        each.add_argument(
            "--cores", type=int, metavar="N", help="default: all cores of this machine"
        )
        each.add_argument("--verbose", action="store_true", help="show Snakemake's own lines")
    add = command("add", "add a model from elsewhere to a study", _add)
    add.add_argument("source", help="a model's folder, a folder of steps, or hf:owner/name")
    add.add_argument("name", help="what the study calls it")
    add.add_argument("study", help="the study file")
    publish = command("publish", "deposit an archive at Zenodo", _publish)
    publish.add_argument("--upload", action="store_true", help="make a draft only you can see")
    publish.add_argument("--publish", action="store_true", help="also publish it, irrevocably")
    publish.add_argument("--sandbox", action="store_true", help="use sandbox.zenodo.org")
    for each in (verify, publish):
        each.add_argument("archive", type=Path, metavar="FILE.crate.zip")
    measure = command("measure", "measure a model's matrices, or a saved matrix", _measure)
    measure.add_argument(
        "path", help="a model's folder, or hf:owner/name; .npy, .npz, .safetensors, .pt"
    )
    measure.add_argument("--tensor", metavar="NAME", help="which tensor, if there are several")
    measure.add_argument("--metric", action="append", default=[], metavar="FILE.py:FUNCTION")
    measure.add_argument("--matrices", choices=["all"], help="every layer's, not W alone")
    measure.add_argument("--text", type=Path, metavar="FILE", help="passages, for H and the like")
    measure.add_argument("--max-tokens", type=int, metavar="N", help="read of each; default: 64")
    measure.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw their spectra")
    measure.add_argument("--out", type=Path, metavar="FILE.parquet", help="write a geometry table")
    compare = command("compare", "compare studies, and write a page of it", _compare)
    compare.add_argument(
        "studies", nargs="+", metavar="STUDY", help="name of a study, or its folder of results"
    )
    compare.add_argument(
        "--out", type=Path, metavar="FILE.html", help="default: results/compare/A-B.html"
    )
    observations = command("observations", "make a table of models from elsewhere", _compare)
    source = observations.add_subparsers(required=True, metavar="from")
    does = "read a folder of the evaluation harness's results into a table"
    found = source.add_parser("from", help=does, description=does)
    found.set_defaults(run=_observations_from)
    found.add_argument("folder", type=Path, help="where the JSON files are; folders in it, too")
    found.add_argument(
        "--pattern", help="of paths in it: {run}, {revision}, {step}, and * for anything"
    )
    found.add_argument("--task", action="append", default=[], metavar="NAME", help="default: all")
    found.add_argument(
        "--join", type=Path, metavar="TABLE", help="further columns, by run (and step)"
    )
    found.add_argument("--out", type=Path, required=True, metavar="FILE", help=".csv, .parquet")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error, or an extra that is not installed, is said and gives status 2."""
    asked = parser().parse_args(arguments)
    try:
        status: int = asked.run(asked)
    except (StudyError, OSError) as fault:
        print(fault, file=sys.stderr)
        return 2
    except ModuleNotFoundError as fault:
        module = (fault.name or "").partition(".")[0]
        if module in ("", "disentangle"):
            raise
        told = f"This needs the module {module}, which the library alone does not bring"
        print(f"{told}: pip install 'disentangle[train,workflow]'", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
