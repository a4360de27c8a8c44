"""Tasks with every kind of parameter and type that `celeriac types` speaks of."""

import collections
import datetime as dt
import decimal
import os
import uuid
from typing import Any, Dict, List, Literal, Optional, Sequence, Tuple, Union

from celery import Celery, shared_task

from shop.models import Filter, Line, Options

print("a module may print when it is imported")
app = Celery("shop", broker=os.environ.get("SHOP_BROKER"), backend=os.environ.get("SHOP_RESULTS"))
Money = decimal.Decimal
Names = List[str]


class Blob:
    pass


@app.task
def add(x: int, y: float = 0) -> float:
    """Adds two numbers. A comment may end in */ here.

    What follows the first paragraph is for Python.
    """
    return x + y


@app.task(bind=True, name="mail.send", autoretry_for=(OSError,))
def deliver(self, to: str, *, subject: str, at: Optional[dt.datetime] = None) -> Tuple[int, str]:
    """Bound, renamed, with arguments that have names only."""
    return 1, to


@app.task
def every(
    numbers: List[int],
    names: Names,
    pairs: Tuple[int, ...],
    pair: Tuple[int, str],
    prices: Dict[str, Money],
    size: Literal["s", "m", 1, True, None],
    day: dt.date,
    time: dt.time,
    key: uuid.UUID,
    raw: bytes,
    some: Any,
    several: Sequence[Union[int, None, str]],
    *rest: bool,
) -> None:
    pass


@app.task
def odd(default: "Nowhere", this: complex, blobs: List[Blob], codes: Dict[int, str], bag: set) -> collections.Counter:  # noqa: F821
    """Names that JavaScript keeps for itself, and types that JSON cannot carry."""


@app.task
def order(lines: List[Line], options: Options, where: Filter) -> Line:
    return lines[0]


@app.task
def alone(options: Dict[str, int]) -> int:
    return len(options)


@app.task
def open_ended(name: str, size: int = 1, **more: Any) -> str:
    return name


@app.task(name="shop.tasks.all-of-them")
def only_names(*, colour: str = "red", **more: int) -> str:
    return colour


@shared_task
def bare(x, y=3):
    return x


@app.task
def refuse(reason: str) -> None:
    raise ValueError(reason)


@app.task(name="other.add")
def other_add(a: int) -> int:
    return a


class Report(app.Task):
    name = "shop.reports.Report"

    def run(self, year: int, *, draft: bool = False) -> str:
        """A task that is a class."""
        return str(year)


app.register_task(Report())
