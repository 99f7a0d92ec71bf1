"""Batches of training tokens, in the order of OLMo's own loader."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from olmo.config import TrainConfig
from olmo.data import build_memmap_dataset
from olmo.data.iterable_dataset import IterableDataset
from torch.utils.data import DataLoader


class Batches(IterableDataset):
    """This process's part of every batch, read with one copy from the mapped files.

    OLMo's loader opens a file for every sequence and hands it through four threads, which costs a
    small model as much as its blocks. It also keeps the order in a file: one process rewrites it in
    each epoch, while others may still read it and die of SIGBUS. Here each process has the order in
    memory, at 4 bytes a sequence.
    """

    def __init__(self, config: TrainConfig) -> None:
        """
        Args:
            config: names the files of tokens, the sequence length, the batch and the seed.
        """
        super().__init__(
            build_memmap_dataset(config, config.data, include_instance_metadata=False),  # type: ignore[arg-type]  # no Sequence
            config.global_train_batch_size,
            seed=config.data.seed or 0,
            drop_last=True,
        )
        self._files = _mapped(config)
        self._starts = np.cumsum([0, *map(len, self._files)])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        order = self.get_global_indices()[self.start_index :]
        mine, size = order[self.rank : self.total_size : self.world_size], self.device_batch_size
        for first in range(0, len(mine) - size + 1, size):
            index = mine[first : first + size].astype(np.int64)
            tokens = self._sequences(index)
            yield {"input_ids": torch.from_numpy(tokens), "index": torch.from_numpy(index)}

    def _sequences(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sequences by their numbers, which go through the files in order."""
        files = np.searchsorted(self._starts, index, side="right") - 1
        found = np.empty((len(index), self._files[0].shape[1]), np.int64)
        for file in np.unique(files):
            wanted = files == file
            found[wanted] = self._files[file][index[wanted] - self._starts[file]]
        return found


def _mapped(config: TrainConfig) -> list[NDArray[np.uint16]]:
    """Each file of tokens as sequences x length; the end of a file that fills none is left out."""
    length = config.model.max_sequence_length
    mapped = [np.memmap(path, np.uint16, "r") for path in config.data.paths or []]
    return [tokens[: len(tokens) // length * length].reshape(-1, length) for tokens in mapped]


def batches(config: TrainConfig) -> DataLoader[Any]:
    """The loader that OLMo's trainer reads."""
    # otherwise it draws a seed from the global generator, which shifts a resumed run
    generator = torch.Generator().manual_seed(config.seed)
    return DataLoader(Batches(config), batch_size=None, generator=generator)
