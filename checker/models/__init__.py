"""The models that come with the checker. To add one: write its class in a file here and name it in MODELS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.errors import UsageError, unknown_name
from checker.model import Model
from checker.models.bags import PriorityQueue, Queue, Stack, UnorderedQueue
from checker.models.containers import AppendList, Counter, SetModel
from checker.models.fenced import FencedRegister
from checker.models.kv import AppendKeyValue, KeyValue
from checker.models.locks import Mutex, Semaphore
from checker.models.multi_register import MultiRegister
from checker.models.register import CasRegister, Register
from checker.models.rmw import RmwRegister
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
        Semaphore,
        SetModel,
        Counter,
        Queue,
        UnorderedQueue,
        Stack,
        PriorityQueue,
        Ids,
        Generation,
        FencedRegister,
        RmwRegister,
        MultiRegister,
    )
}


REGISTERS: dict[str, Callable[[Any], Model]] = {
    model.name: model
    for model in (Register, CasRegister, KeyValue, FencedRegister, RmwRegister, MultiRegister, Semaphore)
}
"""The models whose registers may begin with a value of the caller's, and the semaphore with a number of permits."""


def find(name: str, *, begins_with: Any = None) -> Model:
    """The model of that name, on registers that begin with a value.

    Raises UsageError for a name that is not registered, or an initial value for what is no register.
    """
    if name not in MODELS:
        from checker import transactions  # they are judged by a name too
        from checker.properties import PROPERTIES
        from checker.transactions.levels import LEVELS

        raise unknown_name("model", name, [*MODELS, *PROPERTIES, *transactions.MODELS, *LEVELS])
    if begins_with is None:
        return MODELS[name]()
    if name not in REGISTERS:
        raise UsageError(f"the model {name} takes no initial value; those that do are {', '.join(REGISTERS)}")
    return REGISTERS[name](begins_with)
