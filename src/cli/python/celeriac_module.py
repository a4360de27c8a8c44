"""Signatures of tasks in modules that are imported: what Python itself knows of them."""

import dataclasses
import importlib
import inspect
import sys
import types
import typing

from celeriac_shape import PLAIN, TUPLES, UNKNOWN, generic, literal, plain, unknown


def name_of(hint):
    module = getattr(hint, "__module__", "")
    name = getattr(hint, "__qualname__", None) or getattr(hint, "__name__", None) or getattr(hint, "_name", None) or ""
    return name if module == "builtins" else module + "." + name


def live_shape(hint, seen=()):
    if hint is None or hint is type(None):
        return plain("null")
    if hint is inspect.Parameter.empty or hint is typing.Any:
        return unknown()
    if isinstance(hint, str):
        return unknown(hint)
    if type(hint).__name__ == "TypeAliasType":
        return unknown(hint.__name__) if hint in seen else live_shape(hint.__value__, seen + (hint,))
    if hasattr(hint, "__supertype__"):
        return live_shape(hint.__supertype__, seen)
    text = inspect.formatannotation(hint).replace("typing.", "")
    origin = typing.get_origin(hint)
    if origin is not None:
        arguments = typing.get_args(hint)
        if origin is typing.Literal:
            return literal(arguments)
        if origin is tuple:
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                return {"kind": "list", "of": live_shape(arguments[0], seen)}
            if getattr(hint, "_name", "") == "Tuple" and not arguments:
                return {"kind": "list", "of": unknown()}
            return {"kind": "tuple", "of": [live_shape(each, seen) for each in arguments if each != ()]}
        name = "typing.Union" if origin is typing.Union else name_of(origin)
        return generic(name, [lambda each=each: live_shape(each, seen) for each in arguments], text)
    name = name_of(hint)
    if name in PLAIN:
        return plain(PLAIN[name])
    if name in TUPLES:
        return {"kind": "list", "of": unknown()}
    if isinstance(hint, type) and hint not in seen and (dataclasses.is_dataclass(hint) or hasattr(hint, "__total__")):
        return live_object(hint, seen + (hint,))
    return generic(name, [], text if text not in UNKNOWN else "")


def live_object(hint, seen):
    hints = hints_of(hint)
    if dataclasses.is_dataclass(hint):
        missing = dataclasses.MISSING
        names = {
            each.name: each.default is not missing or each.default_factory is not missing
            for each in dataclasses.fields(hint)
            if each.init
        }
    else:
        names = {name: is_optional(hint, name) for name in hints}
    members = [{"name": name, "optional": optional, "shape": live_shape(hints.get(name), seen)} for name, optional in names.items()]
    return {"kind": "object", "members": members}


def is_optional(hint, name):
    """Where annotations are text (from __future__ import annotations), Python does not see Required and NotRequired in it."""
    text = getattr(hint.__annotations__.get(name), "__forward_arg__", "")
    if "NotRequired[" in text:
        return True
    return name not in hint.__required_keys__ and "Required[" not in text


def hints_of(owner):
    """All annotations; those that cannot be evaluated stay text."""
    try:
        return typing.get_type_hints(owner)
    except Exception:
        pass
    function = inspect.unwrap(getattr(owner, "__func__", owner))
    space = getattr(function, "__globals__", None) or vars(sys.modules.get(function.__module__, typing))
    hints = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        try:
            holder = types.SimpleNamespace(__annotations__={name: annotation})
            hints[name] = typing.get_type_hints(holder, space)[name]
        except Exception:
            hints[name] = str(annotation)
    return hints


KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "position",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.VAR_POSITIONAL: "rest",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "rest-keywords",
}


def live_signature(task):
    run = task.run  # of a bound task a bound method, whose `self` is not among the parameters
    hints = hints_of(run)
    parameters = [
        {
            "name": each.name,
            "kind": KINDS[each.kind],
            "optional": each.default is not each.empty,
            "shape": live_shape(hints.get(each.name, each.empty)),
        }
        for each in inspect.signature(run).parameters.values()
    ]
    return {
        "parameters": parameters,
        "result": live_shape(hints.get("return", inspect.Parameter.empty)),
        "doc": inspect.getdoc(run) or "",
        "source": "module",
        "file": inspect.getsourcefile(inspect.unwrap(getattr(run, "__func__", run))) or "",
    }


class Modules:
    """Imports each module once, and finds tasks in the apps that it sees there."""

    def __init__(self):
        self.loaded = {}
        self.problems = {}

    def load(self, name):
        if name in self.loaded or name in self.problems:
            return
        try:
            self.loaded[name] = importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may do anything when it is imported, sys.exit() too
            self.problems[name] = "%s: %s" % (type(error).__name__, error)

    def find(self, name):
        celery = sys.modules.get("celery")
        if celery is None:
            return None
        apps = [each for module in list(self.loaded.values()) for each in vars(module).values() if type(each).__name__ != "module" and is_app(each, celery)]
        for app in apps + [celery.current_app]:
            task = app.tasks.get(name)
            if task is not None:
                return task
        return None


def is_app(value, celery):
    try:
        return isinstance(value, celery.Celery)
    except Exception:  # a proxy to nothing
        return False
