"""The Python side: a small model, and the tasks through which others use it."""

import os
import re
from typing import List, Literal, TypedDict

from celery import Celery

broker = os.environ.get("CELERIAC_BROKER", "redis://127.0.0.1:6379/0")
# As on the other side: with the messages, or over rpc:// where the broker keeps none.
results = os.environ.get("CELERIAC_RESULTS") or ("rpc://" if broker.startswith("amqp") else broker)

app = Celery("model", broker=broker, backend=results)
app.conf.task_default_queue = "example-python"

# Weights of a model that fits into a demo; a real one would be loaded here, once for each process.
WEIGHTS = {
    "good": 2.0, "great": 3.0, "love": 3.0, "fast": 1.0, "fresh": 1.5, "kind": 1.5, "works": 1.0,
    "bad": -2.0, "awful": -3.0, "hate": -3.0, "slow": -1.0, "stale": -1.5, "rude": -1.5, "broken": -2.0,
}  # fmt: skip


class Score(TypedDict):
    mood: float
    label: Literal["good", "neutral", "bad"]
    words: List[str]


class EmptyText(ValueError):
    """A class of the model's own: the other side sees its name and module."""


@app.task
def score(text: str, top: int = 3) -> Score:
    """How a text sounds, from -1 to 1, and the words that say so."""
    words = re.findall(r"[a-z]+", text.lower())
    if not words:
        raise EmptyText("there is nothing to score")
    known = sorted((word for word in set(words) if word in WEIGHTS), key=lambda word: (-abs(WEIGHTS[word]), word))
    mood = sum(WEIGHTS.get(word, 0.0) for word in words) / (3.0 * len(words))
    return {"mood": round(mood, 3), "label": "good" if mood > 0 else "bad" if mood < 0 else "neutral", "words": known[:top]}


@app.task(bind=True)
def vocabulary(self, *, least: float = 0) -> List[str]:
    """The words that the model knows, without the weak ones."""
    return sorted(word for word, weight in WEIGHTS.items() if abs(weight) >= least)
