"""A Python service between ours. With SPANS it is instrumented as its users do it, and keeps its spans in that file, a line each."""

import json
import os

from celery import Celery

app = Celery("traced", broker=os.environ["TRACE_BROKER"], backend=os.environ["TRACE_BROKER"])
app.conf.task_default_queue = "py"

if os.environ.get("SPANS"):
    from opentelemetry import trace
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Kept(SpanExporter):
        def export(self, spans):
            with open(os.environ["SPANS"], "a", encoding="utf-8") as file:
                for span in spans:
                    context, parent = span.get_span_context(), span.parent
                    kept = {
                        "name": span.name,
                        "trace": f"{context.trace_id:032x}",
                        "id": f"{context.span_id:016x}",
                        "parent": parent and f"{parent.span_id:016x}",
                        "attributes": dict(span.attributes),
                    }
                    file.write(json.dumps(kept) + "\n")
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Kept()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()


@app.task(name="py.hop")
def hop(n):
    return n + 1


@app.task(name="py.send")
def send(n):
    return leaf.delay(n).id


# Ours; declared here, because the instrumentation follows only what the app knows.
@app.task(name="leaf", queue="celery")
def leaf(n):
    raise NotImplementedError


@app.task(name="look", queue="celery")
def look(n):
    raise NotImplementedError
