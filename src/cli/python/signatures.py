"""
Prints the signatures of Celery tasks as JSON: from stub files, from modules that are imported if that is allowed, else from their source,
read as text. Run by `celeriac types` with the user's own interpreter: standard library only, Python 3.8 and newer.

stdin:  {"paths": [folder], "stubs": [folder], "import": true, "tasks": [{"name": "proj.tasks.add", "modules": ["proj.tasks"]}]}
stdout: {name: {"parameters": […], "result": shape, "doc": "", "source": "stub", "file": "…", "note": "…"?} or {"problem": "…"}}
"""

import json
import os
import sys

# Named so that no module of the user's is called the same.
from celeriac_module import Modules, live_signature
from celeriac_text import Files


def signature_of(task, may_import, files, modules):
    name, problem = task["name"], ""
    if not task["modules"]:
        return {"problem": "its name says no module; name one with --module"}

    def read(ending, source):
        for module in task["modules"]:
            text = files.find(module, ending)
            node = text and text.find(name)
            if node:
                return text.signature(node, source)
        return None

    found = read(".pyi", "stub")
    if found or not may_import:
        return found or read(".py", "source") or {"problem": "no stub and no source of %s has it" % " or ".join(task["modules"])}
    for module in task["modules"]:
        modules.load(module)
    try:
        live = modules.find(name)
        if live is not None:
            return live_signature(live)
        problem = "no app there has a task of this name"
    except Exception as error:
        problem = "%s: %s" % (type(error).__name__, error)
    broken = ["%s could not be imported: %s" % (each, modules.problems[each]) for each in task["modules"] if each in modules.problems]
    problem = "; ".join(broken) or problem
    found = read(".py", "source")
    return dict(found, note=problem) if found else {"problem": problem}


def main():
    # Modules may print when they are imported; what they print is no JSON of ours.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    wish = json.load(sys.stdin)
    sys.path[:] = wish["paths"] + [each for each in sys.path if each != os.path.dirname(os.path.abspath(__file__))]
    files, modules = Files(wish["stubs"] + sys.path), Modules()
    answer = {task["name"]: signature_of(task, wish["import"], files, modules) for task in wish["tasks"]}
    json.dump(answer, out)
    out.flush()
    os._exit(0)  # threads that a module started would keep the process


main()
