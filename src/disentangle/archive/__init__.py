"""A study as one file that others can check and run again.

`write` assembles it from the workflow's files (`code`), the results (`contents`) and their
description (`crate`); `privacy` removes names of machines and people. `verify` checks an archive
with Python alone and is included in it; `rebuild` does the checks that need the workflow; `resume`
runs the study again; `publish` deposits the archive.
"""
