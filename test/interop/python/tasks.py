"""The Celery app of the interop suite, configured from the environment, and what its workers can run."""

import datetime
import decimal
import json
import math
import os
import signal
import time
import uuid

from celery import Celery
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

app = Celery("interop", broker=os.environ["INTEROP_BROKER"], backend=os.environ["INTEROP_BACKEND"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    enable_utc=True,
    result_expires=600,
    worker_hijack_root_logger=False,
    # What Celery makes of a group that replaces a task names no queue.
    task_routes={"celery.accumulate": {"queue": "py"}},
)
app.conf.update(json.loads(os.environ.get("INTEROP_CONF", "{}")))

WAIT = 120


class OutOfStock(Exception):
    """An exception of a module that no TypeScript program knows."""


def wait_for(path):
    """Returns when the file is there; the other side makes it."""
    end = time.monotonic() + WAIT
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise TimeoutError("nobody opened " + path)
        time.sleep(0.01)


def note(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text + "\n")


def facts(request):
    info = dict(request.delivery_info or {})
    return {
        "id": request.id,
        "retries": request.retries,
        "parent_id": request.parent_id,
        "root_id": request.root_id,
        "eta": request.eta,
        "expires": request.expires,
        "timelimit": list(request.timelimit or [None, None]),
        "redelivered": bool(info.get("redelivered")),
        "priority": info.get("priority"),
        "routing_key": info.get("routing_key"),
        "exchange": info.get("exchange"),
        "correlation_id": request.correlation_id,
        "reply_to": request.reply_to,
        "origin": request.origin,
        "ignore_result": request.ignore_result,
        # Celery 5.2 has a message's own headers as attributes of the request.
        "headers": {k: v for k, v in {**vars(request), **(request.headers or {})}.items() if k.startswith("x-")},
        "hostname": request.hostname,
        "group": request.group,
        "group_index": getattr(request, "group_index", None),
        "stamps": getattr(request, "stamps", None),
        "args": list(request.args or []),
        "now": time.time(),
    }


@app.task(name="py.echo")
def echo(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


@app.task(name="py.add")
def add(x, y=10):
    return x + y


@app.task(name="py.kinds")
def kinds(*values):
    """What arrived, in Python's own words."""
    return [repr(value) for value in values]


@app.task(name="py.make")
def make(source):
    """The value of a Python expression."""
    return eval(source, {"datetime": datetime, "decimal": decimal, "uuid": uuid, "math": math})  # noqa: S307


@app.task(name="py.fail")
def fail(name, *args):
    kinds_of_error = {"OutOfStock": OutOfStock, "KeyError": KeyError, "ValueError": ValueError}
    raise kinds_of_error[name](*args)


@app.task(name="py.facts", bind=True)
def tell(self, *_args, **_kwargs):
    return facts(self.request)


@app.task(name="py.retry", bind=True, max_retries=5)
def retry(self, times, countdown=0, path=None):
    """Comes back `times` times and then tells what it sees of itself."""
    if path is not None:
        note(path, json.dumps(facts(self.request)))
    if self.request.retries < times:
        raise self.retry(countdown=countdown, exc=ValueError("not yet"))
    return facts(self.request)


@app.task(name="py.exhaust", bind=True, max_retries=1)
def exhaust(self):
    raise self.retry(countdown=0, exc=OutOfStock("A-17", 3))


@app.task(name="py.progress", bind=True)
def progress(self, gate, state="PROGRESS"):
    self.update_state(state=state, meta={"current": 1, "total": 3, "note": "one"})
    wait_for(gate)
    return "done"


@app.task(name="py.started", track_started=True)
def started(gate):
    wait_for(gate)
    return "done"


@app.task(name="py.soft")
def soft():
    try:
        time.sleep(WAIT)
    except SoftTimeLimitExceeded:
        return "tidied up"


@app.task(name="py.sleep")
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="py.begin_and_sleep")
def begin_and_sleep(path):
    note(path, "began")
    time.sleep(WAIT)


@app.task(name="py.note")
def take_note(path, text):
    note(path, text)
    return text


@app.task(name="py.ignore")
def ignore():
    raise Ignore()


@app.task(name="py.reject", acks_late=True)
def reject():
    raise Reject("no thanks", requeue=False)


@app.task(name="py.child", bind=True)
def child(self):
    """Sends a task of the other side and tells its id."""
    return app.send_task("ts.facts", queue="ts").id


# What workflows are made of.


@app.task(name="py.total")
def total(numbers):
    return sum(numbers)


@app.task(name="py.hold")
def hold(*args):
    """Returns the last argument when the file that is named before it is there."""
    gate, value = args[-2:]
    wait_for(gate)
    return value


@app.task(name="py.failed")
def failed(task_id, *, path):
    """An error callback with one argument: it is always sent."""
    note(path, json.dumps({"by": "py", "args": [task_id]}))


@app.task(name="py.failed_here")
def failed_here(*args, path):
    """An error callback with more: a Python worker that has it calls it at once, everybody else sends it with one."""
    note(path, json.dumps({"by": "py", "args": [arg if isinstance(arg, str) else type(arg).__name__ for arg in args]}))


@app.task(name="py.replace", bind=True)
def replace(self, *args):
    return self.replace(app.signature(args[-1]))


@app.task(name="py.grow", bind=True)
def grow(self, *args):
    member, value = args[-2:]
    self.add_to_chord(app.signature(member))
    return value


# What both sides can run, for queues that both serve. Each run writes down who did it.


@app.task(name="both.note", bind=True, acks_late=True)
def both_note(self, path, text="", seconds=0):
    note(path, json.dumps({"by": "python", "text": text, **facts(self.request)}))
    time.sleep(seconds)
    return "python"


@app.task(name="both.hold", bind=True, acks_late=True)
def both_hold(self, path, gate):
    note(path, json.dumps({"by": "python", **facts(self.request)}))
    wait_for(gate)
    return "python"


@app.task(name="both.stored", bind=True, acks_late=True)
def both_stored(self, path):
    """Stores its result, and its process dies before the message is acknowledged. For workers without children."""
    note(path, json.dumps({"by": "python", **facts(self.request)}))
    self.backend.mark_as_done(self.request.id, "stored by python", self.request)
    os.kill(os.getpid(), signal.SIGKILL)
