"""The models that come with the checker. To add one: write its class in a file here and name it in MODELS."""

from __future__ import annotations

from checker.errors import UsageError
from checker.model import Model
from checker.models.containers import AppendList, Counter, PriorityQueue, Queue, SetModel, Stack
from checker.models.fenced import FencedRegister
from checker.models.kv import AppendKeyValue, KeyValue
from checker.models.locks import Mutex
from checker.models.register import CasRegister, Register
from checker.models.sequences import Generation, Ids, Log

MODELS: dict[str, type[Model]] = {
    model.name: model
    for model in (
        Register,
        CasRegister,
        KeyValue,
        AppendKeyValue,
        AppendList,
        Log,
        Mutex,
        SetModel,
        Counter,
        Queue,
        Stack,
        PriorityQueue,
        Ids,
        Generation,
        FencedRegister,
    )
}


def find(name: str) -> Model:
    """The model of that name. Raises UsageError for a name that nobody registered."""
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}: choose one of {', '.join(MODELS)}")
    return MODELS[name]()
