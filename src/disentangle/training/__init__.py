"""Training a run with OLMo's own trainer: configuration, trainer, resuming, log."""
