"""Tables of models that others trained and measured: read, checked, and analysed as our own."""

from disentangle.observations.adopt import adopt
from disentangle.observations.analyze import Analysis, analyze

__all__ = ["Analysis", "adopt", "analyze"]
