"""Prints the schedule of a Celery app, or of a file of its beat, as one JSON line. Reads a JSON wish from standard input."""

import datetime
import importlib
import json
import sys


def words(value):
    if isinstance(value, (list, set, tuple)):
        return ",".join(str(each) for each in sorted(value))
    return str(value)


def spec(schedule):
    from celery.schedules import crontab, maybe_schedule, solar
    from celery.schedules import schedule as interval

    schedule = maybe_schedule(schedule)
    if isinstance(schedule, crontab):
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return {"kind": "cron", "expression": " ".join(words(getattr(schedule, "_orig_" + f)) for f in fields)}
    if isinstance(schedule, solar):
        return {"kind": "solar", "event": schedule.event, "latitude": float(schedule.lat), "longitude": float(schedule.lon)}
    if type(schedule) is interval:
        return {"kind": "every", "every": schedule.run_every.total_seconds() * 1000, "relative": bool(schedule.relative)}
    raise TypeError("a schedule of the class %s" % type(schedule).__name__)


def option(name, value):
    if name == "queue":
        return getattr(value, "name", value)
    if name == "expires" and isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return value


def entry(name, task, schedule, args, kwargs, options):
    try:
        found = {
            "name": name,
            "task": task,
            "schedule": spec(schedule),
            "args": list(args or ()),
            "kwargs": dict(kwargs or {}),
            "options": {key: option(key, value) for key, value in (options or {}).items()},
        }
        json.dumps(found)
        return found
    except Exception as error:
        return {"name": name, "task": task, "problem": "%s: %s" % (type(error).__name__, error)}


def from_app(reference):
    from celery import Celery

    module, _, attribute = reference.partition(":")
    loaded = importlib.import_module(module)
    if attribute:
        app = getattr(loaded, attribute)
    else:
        app = next((each for each in vars(loaded).values() if isinstance(each, Celery)), None)
        if app is None:
            raise LookupError("%s has no Celery app; name it, as in %s:app" % (module, module))
    app.loader.import_default_modules()
    app.finalize()
    if app.on_after_configure.receivers or app.on_after_finalize.receivers:
        app.conf  # what is added then is there now
    entries = [
        entry(name, each.get("task"), each.get("schedule"), each.get("args"), each.get("kwargs"), each.get("options"))
        for name, each in app.conf.beat_schedule.items()
    ]
    return {"timezone": str(app.conf.timezone or "UTC"), "entries": entries}


def from_file(path):
    import shelve

    with shelve.open(path, flag="r") as store:
        entries = [
            entry(name, each.task, each.schedule, each.args, each.kwargs, each.options)
            for name, each in store["entries"].items()
        ]
        return {"timezone": str(store.get("tz") or "UTC"), "entries": entries}


wish = json.load(sys.stdin)
sys.path[:0] = wish["paths"]
answer = from_app(wish["app"]) if wish.get("app") else from_file(wish["file"])
print(json.dumps(answer))
