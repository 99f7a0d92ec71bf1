"""A device that is not the CPU, on a machine without one: real numbers, kept apart.

A tensor on it says that it is on "meta", and holds its numbers in a tensor on the CPU, on which all
is computed. As on a GPU, an operation refuses tensors of both places, and numpy refuses the
device's. It is stricter than a GPU: a number in a tensor on the CPU is refused too.
"""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

__all__ = ["DEVICE", "FarDevice"]

DEVICE = torch.device("meta")


class _Far(torch.Tensor):
    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> "_Far":
        far = torch.Tensor._make_wrapper_subclass(
            cls, here.size(), strides=here.stride(), dtype=here.dtype, device=DEVICE
        )
        far.here = here
        return far

    @classmethod
    def __torch_dispatch__(cls, function: Any, *_: Any, **__: Any) -> Any:
        raise AssertionError(f"{function} outside of the device")

    def tolist(self) -> Any:
        return self.here.tolist()


class FarDevice(TorchDispatchMode):
    """While it is active, tensors can be moved to `DEVICE` and are computed with there."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        """How many were computed on the device."""
        self.peak = 0
        """Most bytes of tensors there at once; what a kernel needs beside them is not seen."""
        self._alive: dict[int, weakref.ref[_Far]] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        flat = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
        far = {isinstance(each, _Far) for each in flat}
        moves = function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
        if len(far) > 1 and not moves:
            raise RuntimeError(f"{function}: tensors on different devices")
        there = True in far
        if kwargs.get("device") is not None:
            there = torch.device(kwargs["device"]) == DEVICE
            kwargs["device"] = "cpu"
        self.operations += there
        found = function(
            *tree_map_only(_Far, lambda each: each.here, args),
            **tree_map_only(_Far, lambda each: each.here, kwargs),
        )
        # what is computed in place is the same tensor afterwards
        known = {id(each.here): each for each in flat if isinstance(each, _Far)}
        if not there:
            return found
        return tree_map_only(
            torch.Tensor,
            lambda each: known[id(each)] if id(each) in known else self._placed(each),
            found,
        )

    def _placed(self, here: torch.Tensor) -> _Far:
        far = _Far(here)
        self._alive[id(far)] = weakref.ref(far)
        self._alive = {key: ref for key, ref in self._alive.items() if ref() is not None}
        storages = [
            each.here.untyped_storage()
            for ref in self._alive.values()
            if (each := ref()) is not None
        ]
        bytes_of = {storage.data_ptr(): storage.nbytes() for storage in storages}
        self.peak = max(self.peak, sum(bytes_of.values()))
        return far
