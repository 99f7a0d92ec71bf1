"""A checkpoint: a Hugging Face folder and a manifest; exporting, checking and loading it."""
