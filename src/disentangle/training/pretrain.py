"""Make a run's folder hold what its plan says, doing only what is missing."""

import signal
from pathlib import Path

import torch
import torch.distributed as dist
from olmo.config import TrainConfig
from olmo.data import build_train_dataloader
from olmo.model import OLMo
from olmo.optim import build_optimizer, build_scheduler
from olmo.torch_util import seed_all
from torch.nn.parallel import DistributedDataParallel

from disentangle.checkpoint.manifest import RunManifest
from disentangle.errors import StudyError
from disentangle.job import Say
from disentangle.provenance import code_hash, versions
from disentangle.storage import held, read_json, write_json
from disentangle.study.design import Run
from disentangle.training.olmo_config import train_config
from disentangle.training.process_group import find_device, process_group
from disentangle.training.recorder import Recorder
from disentangle.training.run_folder import RunFolder
from disentangle.training.trainer import DivergedError, InterruptedRunError, SuiteTrainer


def pretrain(
    run: Run,
    *,
    folder: Path,
    tokens: Path,
    tokens_manifest: Path,
    tokenizer: Path,
    keep_states: bool,
    threads: int,
    micro_batch: int,
    save_minutes: float,
    say: Say,
) -> RunManifest:
    """Train a run, or what is missing of it.

    Checkpoints that are there stay as they are. Training starts from the latest saved state
    that lies before the first missing checkpoint, and a resumed run is bit-identical to one
    that was never interrupted (same device, threads and number of processes).

    Args:
        run: what to train.
        folder: the run's folder; held against other writers meanwhile.
        tokens: raw uint16 memmap of the training tokens.
        tokens_manifest: its manifest; the hashes in it become part of the run's identity.
        tokenizer: folder of the tokenizer, copied into every checkpoint.
        keep_states: keep the trainer's state at every checkpoint.
        threads: CPU threads.
        micro_batch: most sequences in one forward pass on one device.
        save_minutes: how often state is saved, for a run that is killed to go on from.
        say: tells the screen.

    Returns:
        The run's manifest. A loss that stops being finite is an outcome, not an error: the
        status is "diverged" and later checkpoints are missing.

    Raises:
        StudyError: if the folder is of another run, weights in it are damaged, or the run was
            told to stop before its end (its state is saved then).
    """
    torch.set_num_threads(threads)
    corpus = read_json(tokens_manifest)
    identity = run.identity() | {
        "tokens_sha256": corpus["sha256"],
        "tokenizer_sha256": corpus["tokenizer_sha256"],
    }
    run_folder = RunFolder(folder)
    with held(folder, say):
        run_folder.claim(identity)
        device = find_device()
        missing = set(run.checkpoints) - set(run_folder.checkpoints())
        diverged_after = run_folder.diverged_after()
        if missing and diverged_after is None:
            with process_group(device) as world_size:
                config = train_config(
                    run,
                    tokens,
                    run_folder.trainer,
                    device=device.type,
                    world_size=world_size,
                    micro_batch=micro_batch,
                )
                recorder = Recorder(
                    run=run,
                    folder=run_folder,
                    tokenizer=tokenizer,
                    missing=missing,
                    keep_states=keep_states,
                    save_seconds=60 * save_minutes,
                    code_version=code_hash(Path(__file__)),
                    say=say,
                )
                diverged_after = _train(config, device, recorder)
        if not keep_states:
            run_folder.drop_trainer()
        return RunManifest(
            run=run.name,
            status="complete" if diverged_after is None else "diverged",
            last_finite_step=run.steps if diverged_after is None else diverged_after,
            identity=identity,
            checkpoints=run_folder.checkpoints(),
            environment={
                "device": device.type,
                "threads": threads,
                "micro_batch": micro_batch,
                **versions("torch", "ai2-olmo"),
            },
        )


def _train(config: TrainConfig, device: torch.device, recorder: Recorder) -> int | None:
    """Train up to the last missing checkpoint; gives the last finite step of a diverged run."""
    trainer = _build_trainer(config, device)
    trainer.after_step = recorder.after_step
    folder = recorder.folder
    # a state at or before the first missing step; the step itself may lack only its export
    usable = [step for step in folder.states() if step <= min(recorder.missing)]
    if usable:
        trainer.restore_checkpoint(folder.states()[max(usable)])
        recorder.say(f"goes on from step {max(usable)}")
    else:
        trainer.load_trainer_state_dict(trainer.trainer_state_dict())
    config.stop_at = max(recorder.missing)

    def request_stop(signum: int, frame: object) -> None:
        recorder.stop_requested = True

    previous = signal.signal(signal.SIGTERM, request_stop)
    try:
        recorder.begin(trainer)
        if recorder.missing:
            trainer.fit()
    except DivergedError as error:
        recorder.say(f"diverged: {error}")
        if dist.get_rank() == 0:
            write_json(folder.divergence, {"step": error.last_finite_step})
        return error.last_finite_step
    except InterruptedRunError as error:
        raise StudyError(f"{error}. Start the same command again to go on from there.") from None
    finally:
        signal.signal(signal.SIGTERM, previous)
        trainer.close()
    return None


def _build_trainer(config: TrainConfig, device: torch.device) -> SuiteTrainer:
    seed_all(config.seed)
    model = OLMo(config.model)
    loader = build_train_dataloader(config)
    # the loader would draw its base seed from the global generator and so shift a resumed run
    loader.generator = torch.Generator().manual_seed(config.seed)
    return SuiteTrainer(
        cfg=config,
        model=model,
        dist_model=DistributedDataParallel(model),
        optim=build_optimizer(config, model),
        scheduler=build_scheduler(config),
        train_loader=loader,
        device=device,
        evaluators=[],
        epoch=0,
    )
