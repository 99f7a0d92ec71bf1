"""A study as one file that others can check and run again.

`write` puts it together from the workflow's files (`code`), the results (`contents`), both without
what names a machine or a person (`privacy`), and their description (`crate`). `verify` checks an
archive with Python alone and goes into it; `rebuild` checks what takes the workflow; `resume` runs
it again; `publish` deposits it.
"""
