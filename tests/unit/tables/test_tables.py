"""Tables have the promised columns and explain themselves; docs/tables.md says the same."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from disentangle.errors import StudyError
from disentangle.parquet import read_parquet, write_parquet
from disentangle.storage import sha256_of
from disentangle.tables.collected import OBSERVATIONS
from disentangle.tables.document import tables_document
from disentangle.tables.estimated import ASSOCIATIONS
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.geometry import GEOMETRY
from disentangle.tables.leakage import LEAKAGE
from disentangle.tables.meanings import meaning_of
from disentangle.tables.schemas import ALL_TABLES
from disentangle.tables.version import VERSION, version_of

ROOT = Path(__file__).parents[3]
ROW = {
    "domain": "id",
    "passages": 3,
    "characters": 9,
    "ngrams": 4,
    "ngrams_in_train": 1,
    "ngram_overlap": 0.25,
    "passage_overlap": float("nan"),
}


def test_the_docs_are_the_schemas() -> None:
    assert (ROOT / "docs" / "tables.md").read_text() == tables_document(), (
        "write it anew: python -m disentangle.tables.document > docs/tables.md"
    )


def test_the_promised_columns_are_there() -> None:
    promised = {
        GEOMETRY: "run step tokens matrix rows dim effective_rank effective_rank_pct stable_rank "
        "participation_ratio numerical_rank mean_cosine_similarity partition_isotropy isoscore "
        "spectral_norm frobenius_norm singular_values effective_rank_centered isoscore_centered",
        ASSOCIATIONS: "variant outcome metric n rho rho_low rho_high rho_p partial_rho partial_low "
        "partial_high partial_p partial_q delta_r2 delta_r2_low delta_r2_high mixed_coef mixed_se "
        "controls",
    }
    for table, columns in promised.items():
        assert set(columns.split()) <= set(table.schema.names)


def test_the_statistics_give_the_associations_table() -> None:
    from disentangle.statistics.associate import ASSOCIATIONS as COLUMNS

    judged = [name for name in ASSOCIATIONS.schema.names if name != "verdict"]
    assert judged == COLUMNS, "claims.metric_verdicts adds the verdict"


def test_the_measurements_give_the_geometry_table() -> None:
    import torch

    from disentangle.geometry.of_matrix import measure_matrix

    measured = measure_matrix(torch.randn(9, 4), "M")
    place = {"run", "step", "tokens", "matrix", "domain", "numerics"}
    assert set(measured) | place == set(GEOMETRY.schema.names)


def test_every_column_says_what_it_means() -> None:
    for table in ALL_TABLES:
        for field in table.schema:
            assert field.metadata[b"meaning"]


def test_a_file_explains_itself_and_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_table([ROW], LEAKAGE, tmp_path / f"{name}.parquet")
    assert sha256_of(tmp_path / "a.parquet") == sha256_of(tmp_path / "b.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert b"Word 13-grams" in schema.field("ngrams").metadata[b"meaning"]
    assert read_tables([tmp_path / "a.parquet"])["ngrams"].tolist() == [4]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({k: v for k, v in ROW.items() if k != "ngrams"}, r"missing columns \['ngrams'\]"),
        (ROW | {"colour": 1}, r"unknown columns \['colour'\]"),
        (ROW | {"passages": "many"}, "passages"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, row: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        write_table([row], LEAKAGE, tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_no_rows_make_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    write_table([], LEAKAGE, tmp_path / "x.parquet")
    assert list(read_tables([tmp_path / "x.parquet"]).columns) == LEAKAGE.schema.names


def test_observations_may_have_columns_of_their_study(tmp_path: Path) -> None:
    row = dict.fromkeys(OBSERVATIONS.schema.names) | {"W_effective_rank": 3.5}
    write_table(pd.DataFrame([row]), OBSERVATIONS, tmp_path / "x.parquet")
    assert read_tables([tmp_path / "x.parquet"])["W_effective_rank"].tolist() == [3.5]
    for field in pq.read_schema(tmp_path / "x.parquet"):
        assert field.metadata[b"meaning"], field.name


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        ("W_effective_rank_pct", ["W, the unembedding", "% of dim"]),
        ("H_stable_rank", ["representations, on id", "Squared Frobenius norm"]),
        ("H_code_stable_rank_centered", ["on code", "minus its column means"]),
        ("H_my_domain_isoscore", ["on my_domain", "IsoScore"]),
        ("W_erank2", ["W, the unembedding", "erank2, as it was given"]),
        ("id_bits_per_byte", ["domain id", "bits per byte"]),
        ("code_loss", ["domain code", "nats per token"]),
        ("arc_easy_acc_norm", ["Task arc_easy", "answers' length"]),
        ("piqa_acc", ["Task piqa", "right answers"]),
        ("piqa_acc_stderr", ["Standard error of piqa_acc"]),
        ("id_bits_per_byte_change", ["id_bits_per_byte minus that of"]),
        ("glue_mcc", ["Score glue_mcc"]),
    ],
)
def test_further_columns_mean_what_their_names_say(column: str, parts: list[str]) -> None:
    for part in parts:
        assert part in meaning_of(column)


def with_version(path: Path, version: str | None) -> Path:
    """A table whose metadata say this version, or none."""
    arrow = LEAKAGE.schema.empty_table()
    metadata = {**arrow.schema.metadata, b"version": (version or "").encode()}
    if version is None:
        del metadata[b"version"]
    write_parquet(arrow.replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize("version", [None, VERSION, f"{VERSION.partition('.')[0]}.99"])
def test_tables_of_this_version_and_from_before_versions_are_read(tmp_path, version) -> None:
    assert read_tables([with_version(tmp_path / "x.parquet", version)]).empty


@pytest.mark.parametrize("version", ["99.0", "0.1", "nonsense"])
def test_a_table_of_another_version_says_what_to_do(tmp_path, version) -> None:
    path = with_version(tmp_path / "x.parquet", version)
    with pytest.raises(StudyError, match=f"version '{version}'.*run the study again"):
        read_tables([path])


def test_a_table_says_its_version(tmp_path: Path) -> None:
    write_table([], LEAKAGE, tmp_path / "x.parquet")
    assert version_of(read_parquet(tmp_path / "x.parquet").schema.metadata) == VERSION
