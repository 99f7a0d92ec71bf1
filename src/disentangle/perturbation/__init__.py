"""Perturb a trained checkpoint before evaluating it again: quantization and fine-tuning.

`quantize_run` and `finetune` perturb a run's last checkpoint; `quantized_checkpoint` makes one
checkpoint folder from another; `quantize`, `gptq` and `rounding` work on a model or a single matrix
and handle no files.
"""
