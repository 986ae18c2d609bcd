"""The promises every part keeps, as questions anybody can ask of their own part.

Each ``check_*`` is silent where all promises hold, and raises an ``AssertionError`` whose sentence says which one
is broken and what to do::

    from facedistill.testing import check_method
    from my_package.my_method import MyMethod

    def test_my_method() -> None:
        check_method(MyMethod)
"""

from ._backbone import check_backbone
from ._head import check_head
from ._method import check_method
from ._teacher import check_teacher

__all__ = ["check_backbone", "check_head", "check_method", "check_teacher"]
