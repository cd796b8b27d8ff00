"""What can go wrong, in families.

``InputError`` is the caller's to mend (it is a ``ValueError`` too). ``LinkageError``,
``PanelError`` and ``EstimationError`` say that the input was fine but the method found no answer;
``DisclosureError`` that an answer may not leave the room.
"""

__all__ = [
    "BreakWarning",
    "DesignWarning",
    "DisclosureError",
    "EstimationError",
    "InputError",
    "InternalError",
    "KruispuntError",
    "LinkageError",
    "MissingPackageError",
    "PanelError",
]


class KruispuntError(Exception):
    """Any error of kruispunt."""


class InputError(KruispuntError, ValueError):
    """An argument, a column or a cell is not what the verb needs."""


class LinkageError(KruispuntError):
    """Records were read but could not be linked as asked."""


class PanelError(KruispuntError):
    """Spells were read but give no panel as asked."""


class EstimationError(KruispuntError):
    """The data were read but the numbers give no answer."""


class DisclosureError(KruispuntError):
    """An output may not leave the room as it is."""


class InternalError(KruispuntError, RuntimeError):
    """A defect in kruispunt itself; please report it."""


class MissingPackageError(KruispuntError, ImportError):
    """An optional package is needed for this and not installed."""


class DesignWarning(UserWarning):
    """Something about a design that a reader of its effects must know."""


class BreakWarning(UserWarning):
    """Spells go on over a day on which their register changed what it counts."""
