"""Specs of the jobs that make text, tokenizer and tokens."""

from disentangle.hub import HubItem
from disentangle.study.sections.corpus import HeldOut, Tokenizer
from disentangle.study.specs.spec import Spec


class Warm(Spec):
    """Fetch what the study needs from the hub."""

    needed: list[HubItem]


class GatherPassages(Spec):
    """Hold out passages of one domain."""

    heldout: HeldOut
    halved: bool
    """Keep half of the source's documents for fine-tuning."""


class GatherDocuments(Spec):
    """Gather training documents from all sources."""

    sources: list[str]


class GatherTarget(Spec):
    """Gather documents to fine-tune on."""

    domains: list[str]
    """Held-out domains whose text is excluded."""
    source: str
    tokens: int
    """Number of tokens to train on."""


class TrainTokenizer(Spec):
    """Train a tokenizer on the training documents."""

    vocab_size: int
    max_length: int


class TakeTokenizer(Spec):
    """Take an existing tokenizer."""

    tokenizer: Tokenizer
    max_length: int


class Tokenize(Spec):
    """Tokenize documents."""

    limit: int | None


class TokenizeShard(Spec):
    """Make one of several files of training tokens."""

    sources: list[str]
    limit: int | None
    shards: int
    tokenizer: Tokenizer


class JoinShards(Spec):
    """Check and list the files of training tokens."""


class MeasureLeakage(Spec):
    """Measure how much held-out text occurs in the training text, or in one shard of it."""

    domains: list[str]
