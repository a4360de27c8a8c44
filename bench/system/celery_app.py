"""Celery under measure: a producer that sends as fast as it goes, or a worker that writes a byte for each completion to its standard
output, from the process in which Celery's own `task_success` says so (the result is stored then), up to 20 ms later: one by one they
would cost the reader a twentieth of what Celery itself costs."""

import json
import os
import signal
import sys
import threading

from celery import Celery, chord
from celery.signals import task_success, worker_ready

# The real standard output; what Celery prints goes to the other one.
out = os.dup(1)
os.dup2(2, 1)
setup = json.loads(os.environ["CELERIAC_BENCH_CELERY"])

app = Celery("bench", broker=setup["broker"], backend=setup["results"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=setup["prefetch"],
)
if setup["broker"].startswith("amqp"):
    # As ours, each publish waits for the server's word; Celery's own default does not.
    app.conf.broker_transport_options = {"confirm_publish": True}


@app.task(name="bench.noop")
def noop(payload):
    return payload["n"]


@app.task(name="bench.count")
def count(results):
    return len(results)


class Completions:
    def __init__(self):
        self.lock = threading.Lock()
        self.untold = 0

    def __call__(self, **_):
        with self.lock:
            self.untold += 1
            first = self.untold == 1
        if first:
            threading.Timer(0.02, self.tell).start()

    def tell(self):
        with self.lock:
            count, self.untold = self.untold, 0
        os.write(out, b"." * count)


def end_with_parent():
    """The standard input ends with the process that started this one. Read without Python's buffer, whose lock a fork would copy."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def produce():
    app.connection_for_write().ensure_connection()
    os.write(out, b".")
    for line in sys.stdin:
        order = json.loads(line)
        if "members" in order:
            members = order["members"]
            counted = chord((noop.s(order["payload"]) for _ in range(members)), count.s())().get(timeout=300)
            assert counted == members, f"the body got {counted} results"
        else:
            for _ in range(order["count"]):
                noop.apply_async((order["payload"],))
        os.write(out, b".")


def work():
    task_success.connect(Completions(), weak=False)
    # One byte more than tasks: it is ready.
    worker_ready.connect(lambda **_: os.write(out, b"."), weak=False)
    threading.Thread(target=end_with_parent, daemon=True).start()
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    app.worker_main(["--quiet", "worker", "-P", setup["pool"], "-c", str(setup["concurrency"]), *quiet])


if __name__ == "__main__":
    work() if sys.argv[1] == "work" else produce()
