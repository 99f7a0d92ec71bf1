"""Surgery on the matrices of a checkpoint: what changes a spectrum, and what its sham changes."""
