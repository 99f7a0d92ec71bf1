"""Train the missing segment of a run; the work of each training process."""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from olmo.config import DistributedStrategy, TrainConfig
from olmo.optim import build_optimizer, build_scheduler
from olmo.torch_util import seed_all
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn.parallel import DistributedDataParallel

from disentangle.checkpoint.export import read_olmo_weights
from disentangle.cluster import STOP_SIGNALS
from disentangle.interventions.push import Push
from disentangle.job import Say
from disentangle.storage import write_json, write_sealed
from disentangle.study.run import Run
from disentangle.study.sections.interventions import Factor
from disentangle.training.batches import LateText, loader
from disentangle.training.decays import Decays, set_head_apart
from disentangle.training.factored_head import factor_head
from disentangle.training.model import LossModel, head_weight
from disentangle.training.olmo_config import train_config
from disentangle.training.process_group import process_group, training_device
from disentangle.training.recorder import Recorder
from disentangle.training.run_folder import RunFolder
from disentangle.training.schedule import schedule_of
from disentangle.training.segment import Segment
from disentangle.training.trained_weights import train_head_alone
from disentangle.training.trainer import DivergedError, InterruptedRunError, SuiteTrainer


def train(segment: Segment, say: Say) -> int | None:
    """Train until the last missing checkpoint is made, the loss is not finite, or a stop signal.

    The results are in the folder: checkpoints, `diverged.json`, or saved state to resume from.

    Returns:
        The number of the stop signal, if this process or any of its group received one.
    """
    torch.set_num_threads(segment.threads)
    device = training_device()
    if device.type == "cuda" and segment.run.model.precision != "fp32":
        # the head's products, whose sums the loss needs in float32
        torch.set_float32_matmul_precision("high")
    folder = RunFolder(segment.folder)
    with process_group(device) as world_size:
        config = train_config(
            segment.run,
            segment.tokens,
            folder.trainer,
            end_of_text=segment.end_of_text,
            device=device.type,
            world_size=world_size,
            micro_batch=segment.micro_batch,
            strategy=segment.strategy,
        )
        config.stop_at = max(segment.missing)
        trainer = build_trainer(
            config,
            device,
            run=segment.run,
            initial=segment.initial,
            late_text=_late_text(segment),
        )
        recorder = Recorder(
            run=segment.run,
            folder=folder,
            tokenizer=segment.tokenizer,
            missing=set(segment.missing),
            keep_states=segment.keep_states,
            save_seconds=60 * segment.save_minutes,
            stop_time=segment.stop_time,
            code_version=segment.code_version,
            saved_step=segment.resume_from,
            source=segment.source,
            branches={step: list(map(RunFolder, paths)) for step, paths in segment.branches},
            say=say if dist.get_rank() == 0 else lambda line: None,
        )
        trainer.after_step = recorder.after_step
        if segment.resume_from is not None:
            trainer.restore_checkpoint(folder.states()[segment.resume_from])
            recorder.say(f"continues from step {segment.resume_from}")
        else:
            trainer.load_trainer_state_dict(trainer.trainer_state_dict())
        signum = _fit(trainer, recorder)
        # Delete the gradient reducer before the process group. Otherwise its destructor ends the
        # group while holding Python's lock, which a thread of the group may need: a deadlock.
        del trainer, recorder
        gc.collect()
    return signum


def _fit(trainer: SuiteTrainer, recorder: Recorder) -> int | None:
    def request_stop(signum: int, frame: object) -> None:
        recorder.heard.add(signal.Signals(signum))

    previous = {number: signal.signal(number, request_stop) for number in STOP_SIGNALS}
    try:
        recorder.begin(trainer)
        if recorder.missing:
            trainer.fit()
    except DivergedError as error:
        recorder.say(f"diverged: {error}")
        if dist.get_rank() == 0:
            write_sealed(recorder.folder.divergence, {"step": error.last_finite_step})
    except InterruptedRunError as stop:
        recorder.say(str(stop))
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        trainer.close()
    return recorder.stopped_by


def build_trainer(
    config: TrainConfig,
    device: torch.device,
    *,
    run: Run | None = None,
    initial: Path | None = None,
    late_text: LateText | None = None,
) -> SuiteTrainer:
    """Build the model, its parallel wrapper, the optimizer and the trainer.

    Args:
        config: OLMo's configuration.
        device: where to train.
        run: the run, for choices that OLMo's configuration does not know; None if there are none.
        initial: a checkpoint folder with the initial weights; None for random ones.
        late_text: what is read after the run's late change, if that changes the text.
    """
    seed_all(config.seed)
    model = LossModel(config.model)
    if run is not None and run.trains == "head":
        train_head_alone(model)
    if initial is not None:
        model.load_state_dict(read_olmo_weights(initial, config.model))
    push = Push.of(run) if run else None
    if push is not None:
        if isinstance(push.does, Factor):
            factor_head(model, push.does.share)
        push.begin(head_weight(model))
    dist_model: Any
    if config.distributed_strategy == DistributedStrategy.fsdp:
        assert config.fsdp is not None
        dist_model = FullyShardedDataParallel(
            model,
            sharding_strategy=config.fsdp.sharding_strategy,
            mixed_precision=config.fsdp_precision,
            auto_wrap_policy=model.get_fsdp_wrap_policy(config.fsdp.wrapping_strategy),
            use_orig_params=config.fsdp.use_orig_params,
            limit_all_gathers=True,
            device_id=device.index,
        )
    else:
        # Otherwise gradients are regrouped after the first step of each start, which changes the
        # order of summation over processes: a resumed run would differ in the last digit. A single
        # process sums nothing, and does not need the search.
        several = dist.get_world_size() > 1
        dist_model = DistributedDataParallel(model, find_unused_parameters=several)
    optimizer = build_optimizer(config, dist_model)
    decays = Decays.of(run) if run else None
    if decays is not None and decays.apart:
        set_head_apart(optimizer)
    for group in optimizer.param_groups:
        group["fused"] = True  # one pass over the weights; OLMo's builder has no option for it
    return SuiteTrainer(
        cfg=config,
        model=model,
        dist_model=dist_model,
        optim=optimizer,
        scheduler=schedule_of(run, config) if run else build_scheduler(config),
        train_loader=loader(run, config, late_text),
        device=device,
        evaluators=[],
        # keep the saved epoch: for the stock trainer, another one starts a new epoch
        epoch=None,
        decays=decays,
        push=push,
    )


def _late_text(segment: Segment) -> LateText | None:
    if segment.late_tokens is None:
        return None
    return LateText(segment.late_tokens, segment.run.late_step, segment.run.steps)


if __name__ == "__main__":
    segment = Segment.read(Path(sys.argv[1]))
    signum = train(segment, lambda line: print(line, file=sys.stderr))
    if signum is not None and os.environ["RANK"] == "0":
        write_json(segment.stopped, {"signal": signum})
