"""What the tasks take and give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional, TypedDict

try:
    from typing import NotRequired, Required
except ImportError:  # before Python 3.11
    from typing_extensions import NotRequired, Required


class Line(TypedDict):
    sku: str
    count: int
    note: NotRequired[str]


class Filter(TypedDict, total=False):
    query: Required[str]
    limit: int
    inner: Optional[Filter]


@dataclass
class Options:
    """Never a docstring of a task."""

    language: str
    stop: List[str] = field(default_factory=list)
