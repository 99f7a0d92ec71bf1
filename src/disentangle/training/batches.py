"""Batches of training tokens, in the order of OLMo's own loader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from olmo.config import TrainConfig
from olmo.data.iterable_dataset import IterableDataset
from torch.utils.data import DataLoader

from disentangle.errors import StudyError
from disentangle.study.run import Run
from disentangle.training.token_noise import TokenNoise


@dataclass(frozen=True)
class LateText:
    """Text that is read in place of the training text from some step on."""

    tokens: Path
    """Its memmap."""
    after: int
    """The last step that reads the training text."""
    steps: int
    """Steps of the whole run."""


class Batches(IterableDataset):
    """This process's part of every batch, read with one copy from the mapped files.

    OLMo's loader opens a file for every sequence and hands it through four threads, which costs a
    small model as much as its blocks. It also keeps the order in a file: one process rewrites it in
    each epoch, while others may still read it and die of SIGBUS. Here each process has the order in
    memory, at 4 bytes a sequence.
    """

    def __init__(
        self,
        config: TrainConfig,
        text_tokens: int | None = None,
        late: LateText | None = None,
        noise: TokenNoise | None = None,
    ) -> None:
        """
        Args:
            config: names the files of tokens, the sequence length, the batch and the seed.
            text_tokens: read only so many tokens, from the beginning; None for all.
            late: text to read late in the run, if any; the whole run is then one epoch.
            noise: in the training text; late text has none.

        Raises:
            StudyError: if that is less than a batch, or the late text is.
        """
        paths, length = list(map(Path, config.data.paths or [])), config.model.max_sequence_length
        self._late, self._batch = late, config.global_train_batch_size
        self._files = _mapped([*paths, *([late.tokens] if late else [])], length)
        self._starts = np.cumsum([0, *map(len, self._files)])
        there = int(self._starts[len(paths)])
        self._noise, self._of_training_text = noise, there
        self._sequences_read = min(there, text_tokens // length) if text_tokens else there
        if self._sequences_read < self._batch:
            raise StudyError(
                f"text_tokens: {self._sequences_read} sequences of {length} tokens are less than "
                f"a batch of {self._batch}"
            )
        if late and len(self._files[-1]) < self._batch:
            raise StudyError(
                f"late.target: its {len(self._files[-1])} sequences of {length} tokens are less "
                f"than a batch of {self._batch}; give it more text"
            )
        examples = late.steps * self._batch if late else self._sequences_read
        super().__init__(
            range(examples),  # type: ignore[arg-type]  # only its length is read
            self._batch,
            seed=config.data.seed or 0,
            drop_last=True,
        )

    def _build_global_indices(self) -> NDArray[np.uint32]:
        if self._late is None:
            return super()._build_global_indices()
        before = self._late.after * self._batch
        after = self._late.steps * self._batch - before
        main = np.arange(self._sequences_read, dtype=np.uint32)
        other = np.arange(self._starts[-2], self._starts[-1], dtype=np.uint32)
        return np.concatenate([self._epochs(main, before), self._epochs(other, after)])

    def _epochs(self, sequences: NDArray[np.uint32], examples: int) -> NDArray[np.uint32]:
        """Whole batches from epoch after epoch, each in the order that the stock loader gives it,
        up to a number of examples."""
        found: list[NDArray[np.uint32]] = []
        whole = len(sequences) // self._batch * self._batch
        for epoch in range(-(-examples // whole)):
            order = sequences.copy()
            np.random.Generator(np.random.PCG64(seed=self.seed + epoch)).shuffle(order)
            found.append(order[:whole])
        return np.concatenate(found)[:examples] if found else sequences[:0]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        order = self.get_global_indices()[self.start_index :]
        mine, size = order[self.rank : self.total_size : self.world_size], self.device_batch_size
        for first in range(0, len(mine) - size + 1, size):
            index = mine[first : first + size].astype(np.int64)
            tokens = self._sequences(index)
            yield {"input_ids": torch.from_numpy(tokens), "index": torch.from_numpy(index)}

    def of_step(self, step: int) -> torch.Tensor:
        """The whole batch of a step, from 1: sequences x length."""
        epoch, place = divmod(step - 1, self.total_size // self._batch)
        if epoch != self.epoch:
            self.reshuffle(epoch)
        order = self.get_global_indices()[place * self._batch : (place + 1) * self._batch]
        return torch.from_numpy(self._sequences(order.astype(np.int64)))

    def sequence(self, number: int) -> torch.Tensor:
        """The tokens of one sequence."""
        return torch.from_numpy(self._sequences(np.array([number]))[0])

    def _sequences(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sequences by their numbers, which go through the files in order."""
        files = np.searchsorted(self._starts, index, side="right") - 1
        found = np.empty((len(index), self._files[0].shape[1]), np.int64)
        for file in np.unique(files):
            wanted = files == file
            found[wanted] = self._files[file][index[wanted] - self._starts[file]]
        if self._noise is not None:
            for row in np.flatnonzero(index < self._of_training_text):
                found[row] = self._noise.of(found[row], int(index[row]))
        return found


def _mapped(paths: Sequence[Path], length: int) -> list[NDArray[np.uint16]]:
    """Each file of tokens as sequences x length; the end of a file that fills none is left out."""
    mapped = [np.memmap(path, np.uint16, "r") for path in paths]
    return [tokens[: len(tokens) // length * length].reshape(-1, length) for tokens in mapped]


def batches_of(run: Run | None, config: TrainConfig, late: LateText | None = None) -> Batches:
    """The batches of a run; of None, those of its configuration alone."""
    if run is None:
        return Batches(config, late=late)
    h = run.hyperparameters
    noise = TokenNoise(h.token_noise, run.vocabulary) if h.token_noise else None
    return Batches(config, h.text_tokens, late, noise)


def loader(run: Run | None, config: TrainConfig, late: LateText | None = None) -> DataLoader[Any]:
    """The loader that OLMo's trainer reads; see `batches_of`."""
    # otherwise it draws a seed from the global generator, which shifts a resumed run
    generator = torch.Generator().manual_seed(config.seed)
    return DataLoader(batches_of(run, config, late), batch_size=None, generator=generator)
