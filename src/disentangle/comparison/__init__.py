"""Two or more studies beside each other: their designs, their verdicts, and what may be pooled.

It reads the studies' tables only: `study` reads, `design`, `verdicts` and `pooling` compare, and
`page` writes one page.
"""
