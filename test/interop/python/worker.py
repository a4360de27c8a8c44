"""
A Celery worker that says on its standard output when it is ready, and in which version. Arguments go on to `celery worker`. With
`--sociable` first it heeds the others and beats, which most rows have no use for.
"""

import json
import os
import signal
import sys
import threading

import celery
import kombu
from celery.signals import worker_ready

from tasks import app

# The real standard output; Celery's banner and log go to the other one.
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


@worker_ready.connect(weak=False)
def ready(**_):
    out.write(json.dumps({"celery": celery.__version__, "kombu": kombu.__version__}) + "\n")
    out.flush()


def end_with_parent():
    """The standard input ends with the program that started this one. Read without Python's buffer, whose lock a fork would copy."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()
sociable = "--sociable" in sys.argv
alone = [] if sociable else ["--without-gossip", "--without-mingle", "--without-heartbeat"]
rest = [arg for arg in sys.argv[1:] if arg != "--sociable"]
app.worker_main(["worker", *alone, "-l", "INFO", *rest])
