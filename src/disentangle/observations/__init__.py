"""Read, check and analyse tables of models that others trained and measured."""

from disentangle.observations.adopt import adopt
from disentangle.observations.analyze import Analysis, analyze

__all__ = ["Analysis", "adopt", "analyze"]
