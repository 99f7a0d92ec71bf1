"""How far each estimator can be trusted on a study's own design, by simulation."""
