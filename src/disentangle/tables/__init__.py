"""The study's tables: what their columns mean, how they are written, how they are put together."""
