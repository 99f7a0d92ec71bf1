"""Interventions on W during training: the arms of an experiment."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from disentangle.study.sections.section import Name, Section

Share = Annotated[float, Field(gt=0, le=1)]


class Controlled(Section):
    """A quantity of W that is set after an optimizer step: first on its way to a target, then at
    it."""

    pull: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Part of the remaining way from its initial value to the target that each push goes, in the
    logarithm: with 0.05, 99 % of the way are done after 90 pushes. From then on it is held."""
    every: int = Field(1, ge=1, le=10**6)
    """Push after every so many optimizer steps."""


class Spectrum(Controlled):
    """Hold the effective rank of W by a power of its singular values, at constant norm."""

    kind: Literal["spectrum"]
    target: Share
    """Effective rank of the projected W, over its d - 1 dimensions."""


class InitialSpectrum(Section):
    """Give the initial W an effective rank, at constant norm, and leave it alone after that."""

    kind: Literal["initial_spectrum"]
    target: Share
    """Effective rank of the projected W, over its d - 1 dimensions."""


class Rotate(Section):
    """Sham: turn the right singular vectors of W at random, and leave its singular values."""

    kind: Literal["rotate"]
    size: Annotated[float, Field(gt=0, le=0.5)]
    """Norm of the change over the norm of W, of one push."""
    every: int = Field(1, ge=1, le=10**6)
    """Push after every so many optimizer steps."""


class Norm(Controlled):
    """Placebo: hold the norm of W, and leave its effective rank."""

    kind: Literal["norm"]
    rms: float = Field(gt=0, le=10**6)
    """Root mean square of the entries of W, after projection."""


class Gauge(Controlled):
    """Placebo: add a vector to all rows of W, which changes no prediction but the rank of W."""

    kind: Literal["gauge"]
    target: Share
    """Effective rank of W as it is, without projection, over d."""


class Factor(Section):
    """A hard limit: W = A B with a given inner dimension, from the first step on."""

    kind: Literal["factor"]
    share: Share
    """Inner dimension over d. 1 shows what factors alone do."""


def _kind(value: Any) -> Any:
    """The key that says which kind it is."""
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


Intervention = Annotated[
    Annotated[Spectrum, Tag("spectrum")]
    | Annotated[InitialSpectrum, Tag("initial_spectrum")]
    | Annotated[Rotate, Tag("rotate")]
    | Annotated[Norm, Tag("norm")]
    | Annotated[Gauge, Tag("gauge")]
    | Annotated[Factor, Tag("factor")],
    # a named field cannot tell kinds apart here, since sections check fields before they are read
    Discriminator(
        _kind,
        custom_error_type="kind",
        custom_error_message="kind is spectrum, initial_spectrum, rotate, norm, gauge or factor",
    ),
]


class Arm(Section):
    """One arm of an experiment; the control arm has none."""

    name: Name
    does: Intervention


def dose_of(does: Intervention) -> float:
    """The number that says how much is done."""
    match does:
        case Rotate():
            return does.size
        case Norm():
            return does.rms
        case Factor():
            return does.share
    return does.target
