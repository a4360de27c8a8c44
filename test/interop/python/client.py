"""
A Celery client that is told what to do in Python: each line of its standard input is `{"id", "code", "given"}`, and each line it
writes is the value of the code's last expression, or the exception that it raised. Names that one line sets, later ones see.
"""

import ast
import json
import os
import sys
import traceback

import celery
import kombu
from celery.backends.asynchronous import Drainer

import tasks

out = os.fdopen(os.dup(1), "w", encoding="utf-8")
sys.stdout = sys.stderr


def send(name, args=(), kwargs=None, queue="ts", **options):
    return tasks.app.send_task(name, args, kwargs or {}, queue=queue, **options)


if tasks.app.conf.result_backend.startswith("rpc"):
    # Celery 5.6.3 takes a second without an answer for a broken connection, and opens another; an answer that comes in these 20 ms is
    # lost, to Python's own workers too. So it waits in one piece here.
    drain = Drainer.drain_events_until

    def drain_at_once(self, promise, timeout=None, interval=1, **rest):
        if promise.ready:
            return ()
        return drain(self, promise, timeout=timeout, interval=timeout or interval, **rest)

    Drainer.drain_events_until = drain_at_once


def step(name, args=(), **options):
    """A call of a task of either side, for the queue that its worker serves."""
    return tasks.app.signature(name, args=args, queue=name.partition(".")[0], **options)


scope = {
    "app": tasks.app,
    "tasks": tasks,
    "send": send,
    "step": step,
    "chain": celery.chain,
    "chord": celery.chord,
    "group": celery.group,
    "celery": celery,
    "kombu": kombu,
    "json": json,
}


def evaluate(code):
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), scope)  # noqa: S102
    return None if last is None else eval(compile(ast.Expression(last.value), "<test>", "eval"), scope)  # noqa: S307


def name_of(cls):
    return cls.__module__ + "." + cls.__qualname__


for line in sys.stdin:
    request = json.loads(line)
    reply = {"id": request["id"]}
    scope["given"] = request.get("given")
    try:
        reply["value"] = evaluate(request["code"])
        text = json.dumps(reply, default=repr)
    except BaseException as error:  # a test wants to see every one
        reply.pop("value", None)
        reply["error"] = {
            "type": name_of(type(error)),
            "bases": [name_of(base) for base in type(error).__mro__],
            "args": error.args,
            "text": str(error),
            "traceback": traceback.format_exc(),
        }
        text = json.dumps(reply, default=repr)
    out.write(text + "\n")
    out.flush()
