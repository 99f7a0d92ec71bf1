"""Build OLMo's TrainConfig for a run, with all relevant defaults set explicitly."""

from collections.abc import Sequence
from pathlib import Path

from olmo.config import (
    ActivationType,
    BlockType,
    DataConfig,
    DDPConfig,
    DistributedStrategy,
    FSDPConfig,
    FSDPPrecision,
    InitFnType,
    LayerNormType,
    ModelConfig,
    OptimizerConfig,
    OptimizerType,
    SchedulerConfig,
    SchedulerType,
    TrainConfig,
)

from disentangle.study.run import Run


def model_config(run: Run, device: str, end_of_text: int) -> ModelConfig:
    """OLMo without biases or norm weights, with RoPE and SwiGLU, as `checkpoint.export` expects."""
    return ModelConfig(
        d_model=run.size.d_model,
        n_layers=run.size.n_layers,
        n_heads=run.size.n_heads,
        mlp_ratio=run.model.mlp_ratio,
        activation_type=ActivationType.swiglu,
        block_type=BlockType.sequential,
        rope=True,
        include_bias=False,
        layer_norm_type=LayerNormType.default,
        layer_norm_with_affine=False,
        attention_layer_norm=False,
        bias_for_layer_norm=False,
        attention_dropout=0.0,
        residual_dropout=0.0,
        embedding_dropout=0.0,
        max_sequence_length=run.model.sequence_length,
        vocab_size=run.vocabulary,
        embedding_size=run.rows,
        weight_tying=run.model.tied,
        eos_token_id=end_of_text,
        pad_token_id=end_of_text,
        # trains better than `normal` at small widths (scaled by 1/sqrt(d), truncated)
        init_fn=InitFnType.mitchell,
        init_device=device,
    )


def train_config(
    run: Run,
    tokens: Sequence[Path],
    save_folder: Path,
    *,
    end_of_text: int,
    device: str,
    world_size: int,
    micro_batch: int,
    strategy: str,
) -> TrainConfig:
    """The configuration of OLMo's trainer.

    Args:
        run: what to train.
        tokens: raw uint16 memmaps.
        save_folder: where the trainer saves its state.
        end_of_text: the token that ends a document.
        device: "cpu" or "cuda".
        world_size: number of processes that share a batch; it divides the batch size.
        micro_batch: most sequences in one forward pass on one device.
        strategy: "ddp" or "fsdp".
    """
    h, optimizer = run.hyperparameters, run.optimizer
    per_device = h.batch_size // world_size
    return TrainConfig(
        run_name=run.name,
        seed=h.seed if h.init_seed is None else h.init_seed,
        model=model_config(run, device, end_of_text),
        optimizer=OptimizerConfig(
            name=OptimizerType.adamw,
            learning_rate=h.learning_rate * optimizer.learning_rate,
            weight_decay=h.weight_decay,
            betas=(optimizer.betas[0], optimizer.betas[1] if h.beta2 is None else h.beta2),
            eps=optimizer.eps,
            decay_embeddings=optimizer.decay_embeddings,
            decay_norm_and_bias=False,
            metrics_log_interval=run.steps + 1,  # per-parameter metrics are not worth their cost
        ),
        scheduler=SchedulerConfig(
            name=SchedulerType.cosine_with_warmup,
            t_warmup=run.warmup_steps,
            alpha_f=h.final_lr,
            warmup_min_lr=0.0,
        ),
        data=DataConfig(
            paths=[str(path) for path in tokens],
            memmap_dtype="uint16",
            num_workers=0,
            drop_last=True,
            seed=h.seed if h.data_seed is None else h.data_seed,
        ),
        save_folder=str(save_folder),
        save_overwrite=True,
        save_interval=None,
        save_interval_unsharded=None,  # SuiteTrainer itself saves at the planned steps
        save_data_indices=False,
        max_duration=run.steps,
        max_grad_norm=optimizer.clip,
        global_train_batch_size=h.batch_size,
        device_train_batch_size=per_device,
        device_train_microbatch_size=min(micro_batch, per_device),
        precision=run.model.precision,
        # ddp also for one process: see SuiteTrainer
        distributed_strategy=DistributedStrategy(strategy),
        fsdp=FSDPConfig(precision=FSDPPrecision.mixed) if strategy == "fsdp" else None,
        ddp=DDPConfig() if strategy == "ddp" else None,
        gen1_gc_interval=None,
        eval_interval=run.steps + 1000,
        canceled_check_interval=run.steps + 1000,
        console_log_interval=1,
    )
