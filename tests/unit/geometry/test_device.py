"""Measurements on a device that is not the CPU: a stand-in, and a GPU where there is one."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from far_device import DEVICE, FarDevice

from disentangle.geometry import device, function_level
from disentangle.geometry.device import COPIES, COPIES_BESIDE, SQUARES, device_for
from disentangle.geometry.final_norm import FinalNorm
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.of_matrix import MEASURES, measure, measure_user_metric
from disentangle.vocabulary.user_metric import UserMetric

N, D = 300, 12


def planted(shape: str) -> dict[str, Any]:
    """A matrix with everything that can lie beside it."""
    generator = torch.Generator().manual_seed(1)
    if shape == "wide":
        return {"matrix": torch.randn(8, 20, generator=generator)}
    M = torch.randn(N, D, generator=generator) + 0.5
    M[::7] = 0
    if shape == "ill-conditioned":  # QR in place of the Gram matrix
        M *= 10.0 ** -torch.arange(D)
    return {
        "matrix": M,
        "axes_of_w": torch.linalg.qr(torch.randn(D, D, generator=generator).double()).Q,
        "embedding": torch.randn(N, D, generator=generator),
        "spread": torch.randn(20, 4, D, generator=generator),
    }


SHAPES = ("tall", "wide", "ill-conditioned")
RAW = {"raw": {"centered_too": False}, "both": {}}


def measured(given: dict[str, Any], on: torch.device | None) -> dict[str, Any]:
    def moved(value: Any) -> Any:
        return value.to(on) if isinstance(value, torch.Tensor) and on else value

    matrix = Matrix(name="W", device=on, **{name: moved(value) for name, value in given.items()})
    found: dict[str, Any] = {}
    for record in measure(matrix, MEASURES).values():
        found |= record
    for takes, function in (("matrix", np.max), ("singular_values", np.sum)):
        spelled = {"spelled": f"f.py:{takes}_of", "takes": takes, "meaning": "", "code": ""}
        metric = UserMetric.model_validate(spelled)
        found |= measure_user_metric(matrix, metric, function)
    return found


def alike(found: dict[str, Any], expected: dict[str, Any], relative: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, str):
            assert found[name] == value
        else:
            scale = max(np.abs(value)) if isinstance(value, list) else 0
            close = pytest.approx(value, rel=relative, abs=1e-14 * scale, nan_ok=True)
            assert found[name] == close, name


@pytest.mark.parametrize("centered", RAW)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_measurement_stays_on_its_matrix_s_device(shape, centered):
    given = planted(shape) | RAW[centered]
    expected = measured(given, torch.device("cpu"))
    with FarDevice() as far:
        found = measured(given, DEVICE)
    assert far.operations > 100
    alike(found, expected, 0)  # the same kernels


def test_what_lies_beside_a_matrix_is_moved_to_its_device():
    given = planted("tall")
    expected = measured(given, torch.device("cpu"))
    with FarDevice():
        matrix = Matrix(name="W", device=DEVICE, **given)  # all of it is on the CPU
        found: dict[str, Any] = {}
        for record in measure(matrix, MEASURES).values():
            found |= record
    alike(found, {name: expected[name] for name in found}, 0)


@pytest.mark.parametrize("subtracts", [True, False])
def test_function_level_matrices_are_made_where_w_is(subtracts):
    generator = torch.Generator().manual_seed(2)
    W, H = torch.randn(N, D, generator=generator), torch.randn(40, D, generator=generator)
    norm = FinalNorm(torch.rand(D, generator=generator).double() + 0.5, subtracts)
    counts = torch.randint(0, 5, (N,), generator=generator)
    makers: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "projected": lambda W: function_level.projected(W, norm),
        "fisher": lambda W: function_level.fisher(W, norm, counts),
        "logit": lambda W: function_level.logit(W, H),
    }
    for name, make in makers.items():
        expected = make(W)
        with FarDevice():
            found = make(W.to(DEVICE))
            assert found.device == DEVICE, name
            assert torch.equal(found.cpu(), expected), name


def test_the_far_device_catches_what_a_gpu_would_refuse():
    with FarDevice():
        far = torch.ones(3, 2).to(DEVICE)
        for fault in (
            lambda: far + torch.zeros(3, 2),
            lambda: far @ torch.zeros(2, 2),
            lambda: torch.zeros(()).add_(far.sum()),
            lambda: torch.cat([far, torch.zeros(1, 2)]),
            far.numpy,
        ):
            with pytest.raises((RuntimeError, TypeError)):
                fault()
        kept = torch.zeros(2, device=far.device)
        kept[0] += far.sum()
        assert kept.cpu().tolist() == [6, 0]


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_computed_takes_no_more_memory_than_is_asked_for(shape, beside):
    given = planted(shape)
    if not beside:
        given.pop("embedding", None)
    given.pop("spread", None)
    if shape != "wide":  # blocks of rows must be small against it, and no row distances be taken
        given["matrix"] = given["matrix"].repeat(300, 1)
        if beside:
            given["embedding"] = given["embedding"].repeat(300, 1)
    n, d = given["matrix"].shape
    with FarDevice() as far:
        matrix = Matrix(name="W", device=DEVICE, **given)
        measure(matrix, MEASURES)
    copies = COPIES_BESIDE if beside else COPIES
    assert 8 * n * d < far.peak <= 8 * (copies * n * d + SQUARES * d * d)


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float, float], None]]:
    """Pretends that there is a GPU with so much memory: free, and kept by PyTorch unused."""

    def pretend(free: float, kept: float) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, math.inf))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 3 * kept)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 2 * kept)

    yield pretend


def test_a_matrix_is_measured_on_the_gpu_if_its_memory_is_enough(a_gpu):
    matrix = torch.empty(50304, 512, device="meta")
    needed = 8 * (COPIES * matrix.numel() + SQUARES * 512**2)
    for free, kept, expected in (
        (needed, 0, "cuda:1"),
        (needed - 1, 0, "cpu"),
        (needed / 2, needed / 2, "cuda:1"),
    ):
        a_gpu(free, kept)
        assert str(device_for(matrix)) == expected
    a_gpu(needed, 0)
    assert str(device_for(matrix, beside=True)) == "cpu"


def test_without_a_gpu_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(device.torch.cuda, "is_available", lambda: False)
    assert device_for(torch.ones(2, 2)) == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gpu_measures_what_the_cpu_does(shape):
    given = planted(shape)
    assert Matrix(given["matrix"], "W").M.is_cuda
    on_cpu = measured(given, torch.device("cpu"))
    alike(measured(given, torch.device("cuda")), on_cpu, 1e-9)


def test_products_that_are_allowed_to_round_are_not_taken():
    # TF32 and bfloat16 have no such error bound as float32 has
    M = torch.randn(500, 16, generator=torch.Generator().manual_seed(3))
    expected = measured({"matrix": M}, torch.device("cpu"))["partition_isotropy"]
    axes = torch.linalg.eigh(M.double().T @ M.double())[1]
    Z = torch.exp(torch.cat([M.double() @ axes, -M.double() @ axes], dim=1)).sum(dim=0)
    torch.set_float32_matmul_precision("medium")
    try:
        products = []
        with _Products(products):
            found = measured({"matrix": M}, torch.device("cpu"))["partition_isotropy"]
    finally:
        torch.set_float32_matmul_precision("highest")
    assert found == pytest.approx(float(Z.min() / Z.max()), rel=1e-12)
    assert found == pytest.approx(expected, rel=1e-12)
    assert set(products) == {torch.float64}


class _Products(torch.utils._python_dispatch.TorchDispatchMode):
    """Notes the type of every matrix product."""

    def __init__(self, noted: list[torch.dtype]) -> None:
        super().__init__()
        self._noted = noted

    def __torch_dispatch__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten.mm.default:
            self._noted.append(args[0].dtype)
        return function(*args, **(kwargs or {}))
