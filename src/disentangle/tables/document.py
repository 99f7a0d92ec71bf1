"""docs/tables.md, made from the schemas: `python -m disentangle.tables.document`."""

from disentangle.tables.schemas import ALL_TABLES

_INTRODUCTION = """# Tables

All are parquet in `results/<study>/tables/`, but `training`, which is beside each run's
checkpoints. Each column's meaning is also in the file itself, as field metadata, of the columns
that the study's own domains and tasks name too. A float that was
not measured or cannot be is null. Equal inputs give equal bytes, except for `costs` and the column
`seconds` of `training`.

This page is made from `src/disentangle/tables/`; a test compares them.
"""


def tables_document() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for table in ALL_TABLES:
        rows = "\n".join(
            f"| `{field.name}` | {field.type} | {field.metadata[b'meaning'].decode()} |"
            for field in table.schema
        )
        parts.append(
            f"\n## {table.name}\n\n{table.meaning}\n\n| column | type | meaning |\n|---|---|---|\n"
            f"{rows}\n"
        )
    return "".join(parts)


if __name__ == "__main__":
    print(tables_document(), end="")
