"""Shapes: what of a Python type JSON can carry. The same tables serve types that were imported and types that were read as text."""

PLAIN = {
    "int": "number",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "None": "null",
    "NoneType": "null",
    "types.NoneType": "null",
    "bytes": "Uint8Array",
    "datetime.datetime": "Date",
    "datetime.date": "PlainDate",
    "datetime.time": "PlainTime",
    "decimal.Decimal": "Decimal",
    "uuid.UUID": "Uuid",
}
UNKNOWN = {"", "object", "typing.Any", "typing_extensions.Any", "_typeshed.Incomplete"}


def spelled(*names):
    places = ("typing", "typing_extensions", "collections.abc", "collections")
    return {place + "." + name for place in places for name in names}


LISTS = {"list"} | spelled("List", "Sequence", "MutableSequence", "Iterable", "Collection")
TUPLES = {"tuple"} | spelled("Tuple")
RECORDS = {"dict"} | spelled("Dict", "Mapping", "MutableMapping", "OrderedDict", "DefaultDict", "defaultdict")
UNIONS = spelled("Union") | {"types.UnionType"}
OPTIONAL = spelled("Optional")
LITERAL = spelled("Literal")
# What only says something about the type inside.
WRAPPERS = spelled("Annotated", "Required", "NotRequired", "ReadOnly", "Final")
TYPED_DICT = spelled("TypedDict")


def unknown(text=""):
    return {"kind": "unknown", "python": "" if text in UNKNOWN else text}


def generic(name, arguments, text):
    """The shape of a type with parameters; each argument is a function, so that only what is needed is looked at."""
    if name in LISTS:
        return {"kind": "list", "of": arguments[0]() if len(arguments) == 1 else unknown()}
    if name in RECORDS:
        if not arguments:
            return {"kind": "record", "of": unknown()}
        if len(arguments) == 2 and is_text(arguments[0]()):
            return {"kind": "record", "of": arguments[1]()}
    if name in UNIONS:
        return {"kind": "union", "of": [each() for each in arguments]}
    if name in OPTIONAL and len(arguments) == 1:
        return {"kind": "union", "of": [arguments[0](), plain("null")]}
    if name in WRAPPERS and arguments:
        return arguments[0]()
    return unknown(text)


def plain(name):
    return {"kind": "plain", "name": name}


def is_text(shape):
    """JSON has no other keys."""
    if shape["kind"] == "union":
        return all(is_text(each) for each in shape["of"])
    return shape == plain("string") or (shape["kind"] == "literal" and isinstance(shape["value"], str))


def literal(values):
    known = [{"kind": "literal", "value": value} for value in values if isinstance(value, (str, int, bool))]
    if len(known) < len(values):
        known += [plain("null") if value is None else unknown(repr(value)) for value in values if not isinstance(value, (str, int, bool))]
    return {"kind": "union", "of": known}
