"""A Python service that uses TypeScript's tasks by name. Prints one JSON object: what came back, and what an error looks like here."""

import json
import sys
import time

import celery

from model.tasks import app

count = int(sys.argv[1])
pages = ["<p>Page %d: <b>fresh</b> &amp; fast</p>" % number for number in range(count)]

started = time.monotonic()
sent = [app.send_task("text.tidy", kwargs={"html": page}, queue="example-typescript") for page in pages]
texts = [each.get(timeout=60) for each in sent]
seconds = time.monotonic() - started

try:
    app.send_task("text.tidy", kwargs={"html": "<p></p>"}, queue="example-typescript").get(timeout=60)
    caught = None
except Exception as error:
    caught = {"type": type(error).__name__, "module": type(error).__module__, "text": str(error)}

print(json.dumps({"celery": celery.__version__, "pages": pages, "texts": texts, "seconds": seconds, "caught": caught}))
