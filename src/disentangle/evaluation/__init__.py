"""Evaluation by the harness (lm-eval), offline: loss on held-out text, and registered tasks."""
