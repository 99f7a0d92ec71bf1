"""What a person sees while a study runs, instead of Snakemake's lines.

`snakemake --logger disentangle` sends Snakemake's events to `handler`, which keeps the `course` of
the study and shows it: on a terminal as a display that stays in place, elsewhere as plain lines.
"""
