"""A Celery worker beside ours on the same Redis: it holds tasks for longer than our leases, and writes to the run's journal."""

import json
import os
import time

from celery import Celery

app = Celery("chaos", broker=os.environ["CHAOS_BROKER"], backend=os.environ["CHAOS_BROKER"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_default_queue="python",
    worker_prefetch_multiplier=1,
)
journal = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND)


def write(k, request):
    line = {
        "k": k,
        "t": int(time.time() * 1000),
        "id": request.id,
        "kind": "python",
        "attempt": request.retries + 1,
        # It knows no fence; the time grows as one does.
        "fence": int(time.time() * 1000000),
        "pid": os.getpid(),
        "worker": os.getpid(),
    }
    os.write(journal, (json.dumps(line) + "\n").encode())


@app.task(name="chaos.python", bind=True)
def held(self, seconds):
    write("start", self.request)
    time.sleep(seconds)
    write("end", self.request)
    return {"pid": os.getpid()}
