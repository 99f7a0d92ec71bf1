"""Train a run, making only the planned checkpoints that its folder lacks."""

import signal
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from disentangle.checkpoint.manifest import MANIFEST, RunManifest, read_checkpoint, read_run
from disentangle.cluster import send_back, stop_time
from disentangle.errors import StudyError
from disentangle.folder_lock import held
from disentangle.job import Say
from disentangle.provenance import code_hash, versions
from disentangle.storage import DamagedError, read_json
from disentangle.study.run import Run
from disentangle.training.launch import train_on_many
from disentangle.training.run_folder import RunFolder
from disentangle.training.segment import Segment

MOST_FROM_A_STEP = 3
"""Most starts of a cluster job from the same step. Then the job fails instead of going back to the
queue: its time is too short for a step, or its machines cannot be reached."""


def pretrain(
    run: Run,
    *,
    folder: Path,
    tokens: Sequence[Path],
    tokens_manifest: Path,
    tokenizer: Path,
    keep_states: bool,
    strategy: str,
    processes: int,
    nodes: int,
    threads: int,
    micro_batch: int,
    save_minutes: float,
    say: Say,
    initial: Path | None = None,
    late_tokens: Path | None = None,
    branches: Mapping[Path, Run] | None = None,
) -> RunManifest:
    """Train a run, or the missing part of it.

    Existing checkpoints are kept. Training starts from the latest saved state before the first
    missing checkpoint. A resumed run is bit-identical to an uninterrupted one, given the same
    device, threads and number of processes.

    Args:
        run: what to train.
        folder: the run's folder; it is locked while this function runs.
        tokens: raw uint16 memmaps of the training tokens.
        tokens_manifest: their manifest; its hashes become part of the run's identity.
        tokenizer: folder of the tokenizer, copied into every checkpoint.
        keep_states: keep the trainer's state at every checkpoint.
        strategy: "ddp" or "fsdp".
        processes: number of processes that share each batch, one per GPU; torchrun starts them if
            there are several.
        nodes: machines of a SLURM job that the processes are spread over.
        threads: CPU threads of each process.
        micro_batch: most sequences in one forward pass on one device.
        save_minutes: interval between saved states, from which a killed run resumes.
        say: prints a message.
        initial: a checkpoint of the same shape whose weights training starts from, as in
            fine-tuning; its hash becomes part of the run's identity.
        late_tokens: memmap of the text of the run's late change, its manifest beside it, if it has
            one; its hash becomes part of the run's identity.
        branches: folder to run of those that take over this one's state when they cool down.

    Returns:
        The run's manifest. A loss that stops being finite is an outcome, not an error: the
        status is "diverged" and later checkpoints are missing.

    Raises:
        StudyError: if the folder belongs to another run or is held by another job, its weights are
            damaged, the number of processes does not divide the batch, sharding is requested
            without a GPU, or the run was stopped before its end (after saving its state).
    """
    if run.hyperparameters.batch_size % processes:
        raise StudyError(
            f"{run.name}: a batch of {run.hyperparameters.batch_size} cannot be divided among "
            f"{processes} processes.\nSet execution.by_size.{run.size.name}.gpu to a divisor."
        )
    if strategy == "fsdp" and _device() != "cuda":
        raise StudyError("execution.strategy: fsdp needs GPUs, but there is none here; use ddp.")
    corpus = read_json(tokens_manifest)
    trained_on = {"tokens_sha256": corpus["sha256"], "tokenizer_sha256": corpus["tokenizer_sha256"]}
    identity = run.identity() | trained_on
    source = "pretrain"
    if late_tokens is not None:
        identity["late_tokens_sha256"] = read_json(late_tokens.with_suffix(".json"))["sha256"]
    if initial is not None:
        base = read_checkpoint(initial)
        identity["initial_sha256"] = base.weights_sha256
        source = f"finetune of {base.run} step {base.step}"
    run_folder = RunFolder(folder)
    stopped_by: int | None = None
    until = stop_time()
    with held(folder, say):
        run_folder.claim(identity)
        made = run_folder.checkpoints()
        missing = frozenset(run.checkpoints) - made.keys()
        due = missing and run_folder.diverged_after() is None
        if not due and (before := _manifest_of(folder, identity)) is not None:
            if not keep_states:
                run_folder.drop_trainer()
            # its environment says where they were made
            return replace(before, checkpoints=_planned(run, made))
        if due:
            handed = defaultdict(list)
            for path, branch in (branches or {}).items():
                RunFolder(path).claim(branch.identity() | trained_on)
                handed[branch.cooling_step].append(path)
            segment = Segment(
                run=run,
                folder=folder,
                tokens=tuple(tokens),
                late_tokens=late_tokens,
                end_of_text=corpus["end_of_text_id"],
                tokenizer=tokenizer,
                missing=missing,
                resume_from=run_folder.latest_state(before=min(missing)),
                initial=initial,
                source=source,
                branches=tuple((step, tuple(paths)) for step, paths in handed.items()),
                strategy=strategy,
                keep_states=keep_states,
                threads=threads,
                micro_batch=micro_batch,
                save_minutes=save_minutes,
                stop_time=until,
                code_version=code_hash(Path(__file__)),
            )
            run_folder.note_start(segment.resume_from or 0, processes=processes, nodes=nodes)
            if processes == 1:
                from disentangle.training.train import train  # a launcher does not need it

                stopped_by = train(segment, say)
            else:
                stopped_by = train_on_many(segment, say, processes=processes, nodes=nodes)
        made, diverged_after = run_folder.checkpoints(), run_folder.diverged_after()
        ended = diverged_after is not None or set(run.checkpoints) <= made.keys()
        if ended and not keep_states:
            run_folder.drop_trainer()
    if not ended:
        by_the_clock = stopped_by is None and until is not None and time.time() > until
        goes_on = stopped_by == signal.SIGURG or by_the_clock  # a cancelled job stays cancelled
        if goes_on and run_folder.starts_from_here() < MOST_FROM_A_STEP:
            send_back(say)
        raise StudyError(
            f"{run.name} was stopped before its end, and its state is saved.\n"
            "Start the same command again to continue from there."
        )
    return RunManifest(
        run=run.name,
        status="complete" if diverged_after is None else "diverged",
        last_finite_step=run.steps if diverged_after is None else diverged_after,
        identity=identity,
        checkpoints=_planned(run, made),
        environment={
            "device": _device(),
            "processes": processes,
            "strategy": strategy,
            "threads": threads,
            "micro_batch": micro_batch,
            **versions("torch", "ai2-olmo"),
        },
    )


def _planned(run: Run, made: dict[int, str]) -> dict[int, str]:
    """The planned checkpoints; the folder may also have steps that are no longer planned."""
    return {step: sha256 for step, sha256 in made.items() if step in run.checkpoints}


def _manifest_of(folder: Path, identity: dict[str, Any]) -> RunManifest | None:
    """The manifest from an earlier training of the same run, if there is one."""
    path = folder / MANIFEST
    try:
        before = read_run(path) if path.exists() else None
    except DamagedError:  # the folder gives all of it again, except where it was trained
        return None
    return before if before is not None and before.identity == identity else None


def _device() -> str:
    import torch  # imported late, since it is slow and often not needed

    return "cuda" if torch.cuda.is_available() else "cpu"
