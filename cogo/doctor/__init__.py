"""The doctor: looks at everything that COGO needs and says what mends what is missing."""

from cogo.doctor.check import Check, Verdict
from cogo.doctor.examine import examine

__all__ = ["Check", "Verdict", "examine"]
