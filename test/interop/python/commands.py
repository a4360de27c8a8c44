"""
Runs command lines of `celery`, one after the other: its argument is a JSON list of their words. Prints a JSON list of what each wrote, and
its exit code. In one process, for most of what such a command takes is the start of Python.
"""

import json
import sys

from celery.bin.celery import celery
from click.testing import CliRunner

told = []
for words in json.loads(sys.argv[1]):
    result = CliRunner().invoke(celery, words, auto_envvar_prefix="CELERY")
    told.append({"code": result.exit_code, "text": result.output})
print(json.dumps(told))
