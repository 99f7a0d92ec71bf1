"""Generate docs/tables.md from the schemas: `python -m disentangle.tables.document`."""

from disentangle.tables.schemas import ALL_TABLES
from disentangle.tables.version import VERSION

_INTRODUCTION = f"""# Tables

All tables are parquet files in `results/<study>/tables/`, except `training`, which is beside each
run's checkpoints. Each file also has the meanings of its columns as field metadata, including
columns named after the study's own domains and tasks. A float that was
not or cannot be measured is null. Equal inputs give equal bytes, except for `costs` and the column
`seconds` of `training`.

This is version {VERSION} of the tables, and each file says so (`version` in its schema's metadata).
The first number rises if a column is taken out or changes its name, unit or meaning, the second if
one is added. Tables of another first number are refused, with what to do. Tables from before 1.0
carry no version, and are read.

This page is generated from `src/disentangle/tables/`; a test compares them.
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
