"""Signatures of tasks in stub files and source, read as text. Nothing in them is run."""

import ast
import os

from celeriac_shape import LITERAL, PLAIN, TUPLES, TYPED_DICT, UNKNOWN, generic, literal, plain, unknown


class Text:
    """A stub or source file: its functions, its types, and what its names mean."""

    def __init__(self, path, module, files):
        with open(path, "rb") as file:
            self.source = file.read()
        self.path = path
        self.files = files
        self.package = module.split(".")
        if not os.path.basename(path).startswith("__init__."):
            self.package.pop()
        self.names = {}
        self.classes = {}
        self.aliases = {}
        self.functions = []
        self.read(ast.parse(self.source, path).body)
        self.source = self.source.decode("utf-8", "replace")

    def read(self, body):
        for node in body:
            if isinstance(node, ast.Import):
                for each in node.names:
                    self.names[each.asname or each.name.split(".")[0]] = each.name if each.asname else each.name.split(".")[0]
            elif isinstance(node, ast.ImportFrom):
                above = self.package[: len(self.package) + 1 - node.level] if node.level else []
                place = ".".join(above + ([node.module] if node.module else []))
                for each in node.names:
                    self.names[each.asname or each.name] = "%s.%s" % (place, each.name)
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions.append(node)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self.aliases[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                self.aliases[node.target.id] = node.value
            elif type(node).__name__ == "TypeAlias":
                self.aliases[node.name.id] = node.value
            elif isinstance(node, (ast.If, ast.Try)):
                self.read(node.body)
                self.read(node.orelse)

    def find(self, name):
        """The function of a task: the one whose decorator says this name, else the one that is called like its last part."""
        last = name.rsplit(".", 1)[-1]
        called = [node for node in self.functions if node.name == last and self.said(node, "name") in (None, name)]
        return next((node for node in self.functions if self.said(node, "name") == name), called[-1] if called else None)

    def said(self, node, option):
        """What a decorator such as @app.task(name="…", bind=True) says."""
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and self.dotted(decorator.func).rsplit(".", 1)[-1] in ("task", "shared_task"):
                for keyword in decorator.keywords:
                    if keyword.arg == option and isinstance(keyword.value, ast.Constant):
                        return keyword.value.value
        return None

    def signature(self, node, source):
        given = node.args
        placed = getattr(given, "posonlyargs", []) + given.args
        required = len(placed) - len(given.defaults)
        parameters = [
            self.parameter(each, "position" if index < len(placed) - len(given.args) else "either", index >= required)
            for index, each in enumerate(placed)
        ]
        if parameters and (self.said(node, "bind") is True or parameters[0]["name"] == "self"):
            del parameters[0]
        if given.vararg is not None:
            parameters.append(self.parameter(given.vararg, "rest", False))
        for each, default in zip(given.kwonlyargs, given.kw_defaults):
            parameters.append(self.parameter(each, "keyword", default is not None))
        if given.kwarg is not None:
            parameters.append(self.parameter(given.kwarg, "rest-keywords", False))
        return {
            "parameters": parameters,
            "result": self.shape(node.returns),
            "doc": ast.get_docstring(node) or "",
            "source": source,
            "file": self.path,
        }

    def parameter(self, node, kind, optional):
        return {"name": node.arg, "kind": kind, "optional": optional, "shape": self.shape(node.annotation)}

    def dotted(self, node):
        """The full name that is meant: datetime.datetime for `dt.datetime` after `import datetime as dt`."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return "%s.%s" % (self.dotted(node.value), node.attr)
        return ""

    def shape(self, node, seen=()):
        if node is None:
            return unknown()
        text = ast.get_source_segment(self.source, node) or ""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return plain("null")
            return self.quoted(node.value, seen) if isinstance(node.value, str) else unknown(text)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return {"kind": "union", "of": [self.shape(node.left, seen), self.shape(node.right, seen)]}
        if isinstance(node, ast.Subscript):
            return self.subscript(node, text, seen)
        name = self.dotted(node)
        if name in PLAIN:
            return plain(PLAIN[name])
        if name in TUPLES:
            return {"kind": "list", "of": unknown()}
        if name in UNKNOWN:
            return unknown()
        return self.named(name, seen) or self.elsewhere(name, seen) or generic(name, [], text)

    def named(self, name, seen):
        """A type that stands in this file."""
        key = (self.path, name)
        if key in seen:
            return None
        if name in self.aliases:
            return self.shape(self.aliases[name], seen + (key,))
        if name in self.classes and self.holds_members(self.classes[name]):
            return {"kind": "object", "members": self.members(self.classes[name], seen + (key,))}
        return None

    def elsewhere(self, name, seen):
        """A type that this file has from another one of the same folders."""
        module, _, last = name.rpartition(".")
        other = module and (self.files.find(module, ".pyi") or self.files.find(module, ".py"))
        return other.named(last, seen) if other and other is not self else None

    def quoted(self, text, seen):
        try:
            inner = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return unknown(text)
        # Its places are those of the text between the quotes.
        outer, self.source = self.source, text.strip()
        try:
            return self.shape(inner, seen)
        finally:
            self.source = outer

    def subscript(self, node, text, seen):
        name = self.dotted(node.value)
        inner = getattr(node.slice, "value", node.slice) if type(node.slice).__name__ == "Index" else node.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name in LITERAL:
            try:
                return literal([ast.literal_eval(part) for part in parts])
            except ValueError:
                return unknown(text)
        if name in TUPLES:
            if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
                return {"kind": "list", "of": self.shape(parts[0], seen)}
            return {"kind": "tuple", "of": [self.shape(part, seen) for part in parts]}
        return generic(name, [lambda part=part: self.shape(part, seen) for part in parts], text)

    def holds_members(self, node):
        return self.is_dataclass(node) or self.is_typed_dict(node)

    def is_dataclass(self, node):
        return any(self.dotted(getattr(each, "func", each)) == "dataclasses.dataclass" for each in node.decorator_list)

    def is_typed_dict(self, node):
        names = [self.dotted(base) for base in node.bases]
        return any(name in TYPED_DICT or (name != node.name and name in self.classes and self.is_typed_dict(self.classes[name])) for name in names)

    def members(self, node, seen):
        found = {}
        for base in node.bases:
            name = self.dotted(base)
            inherited = name != node.name and (self.named(name, seen) or self.elsewhere(name, seen)) or {}
            found.update((each["name"], each) for each in inherited.get("members", ()))
        records = self.is_dataclass(node)
        partial = any(each.arg == "total" and isinstance(each.value, ast.Constant) and each.value.value is False for each in node.keywords)
        for each in node.body:
            if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                continue
            wrapper = self.dotted(getattr(each.annotation, "value", None)).rsplit(".", 1)[-1]
            if records and wrapper == "ClassVar":
                continue
            optional = each.value is not None if records else wrapper == "NotRequired" or (partial and wrapper != "Required")
            found[each.target.id] = {"name": each.target.id, "optional": optional, "shape": self.shape(each.annotation, seen)}
        return list(found.values())


class Files:
    """Looks for the files of modules, and reads each once. Does not ask the import system: that would run the packages on the way."""

    def __init__(self, folders):
        self.folders = [folder or "." for folder in folders]
        self.read = {}

    def find(self, module, ending):
        parts = module.split(".")
        for folder in self.folders:
            for first in (parts[0], parts[0] + "-stubs") if ending == ".pyi" else (parts[0],):
                stem = os.path.join(folder, first, *parts[1:])
                for path in (stem + ending, os.path.join(stem, "__init__" + ending)):
                    if os.path.isfile(path):
                        return self.text(path, module)
        return None

    def text(self, path, module):
        if path not in self.read:
            try:
                self.read[path] = Text(path, module, self)
            except (OSError, SyntaxError, ValueError, RecursionError):
                self.read[path] = None
        return self.read[path]
