"""The canonical form of a node's memory: two nodes with the same form behave alike from here on.

It follows references as pickle does, and numbers what can change, so that two objects of equal content differ from one
that is referred to twice. What it cannot look into is refused: a form that left something out would merge states that
differ, and a search over such states would call a scope free of violations that is not.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import msgspec

from checker.errors import UsageError

_ATOMS = (int, str, bytes, type(None), type, CodeType)
_plain: dict[type, bool] = {}
"""Whether objects of a kind have attributes and nothing else."""

_STATELESS = (msgspec.json.Encoder, msgspec.json.Decoder, msgspec.msgpack.Encoder, msgspec.msgpack.Decoder, ModuleType)


class Opaque(UsageError):  # noqa: N818 - of a node, not of ours
    """A node keeps something whose state cannot be read."""


def canonical(root: Any, around: Mapping[int, str] = {}, ignored: frozenset[str] = frozenset()) -> Hashable:
    """The form of an object and of all that it refers to.

    `around` names objects by id() that are not a part of it, such as a node's context; `ignored` are attributes that
    have no effect on what the node does. Raises Opaque.
    """
    return _Forms(around, ignored).of(root)


class _Forms:
    def __init__(self, around: Mapping[int, str], ignored: frozenset[str]) -> None:
        self._around = around
        self._ignored = ignored
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []
        """What has a number: an object that is made on the way must not pass its id() on to the next one."""

    def of(self, one: Any) -> Hashable:
        kind: type = type(one)
        if kind in (bool, float):
            return (kind.__name__, repr(one))  # 1, 1.0 and True are equal, and not alike
        if kind in _ATOMS or isinstance(one, type):
            found: Hashable = one
            return found
        if id(one) in self._around:
            return ("around", self._around[id(one)])
        if isinstance(one, _STATELESS):
            return ("stateless", kind.__name__)
        if isinstance(one, tuple) and (kind is tuple or not hasattr(one, "__dict__")):
            return (kind, *self._each(one))  # which of two equal ones it is makes no difference
        if isinstance(one, msgspec.Struct) and one.__struct_config__.frozen and not one.__struct_config__.dict:
            return (kind, *[self.of(getattr(one, name)) for name in one.__struct_fields__])
        if kind is frozenset:
            return ("frozenset", *self._unordered(one))
        if id(one) in self._numbers:
            return ("seen", self._numbers[id(one)])
        self._numbers[id(one)] = len(self._numbers)
        self._alive.append(one)
        return self._inside(one, kind)

    def _inside(self, one: Any, kind: type) -> Hashable:
        if kind is dict:
            return ("dict", *[(self.of(key), self.of(value)) for key, value in one.items()])
        if kind is list:
            return ("list", *self._each(one))
        if kind is set:
            return ("set", *self._unordered(one))
        if kind is bytearray:
            return ("bytearray", bytes(one))
        if isinstance(one, FunctionType):
            cells = [cell.cell_contents for cell in one.__closure__ or ()]
            return ("function", one.__code__, *self._each(cells), self.of(one.__defaults__))
        if isinstance(one, MethodType):
            return ("method", self.of(one.__func__), self.of(one.__self__))
        if isinstance(one, BuiltinMethodType):
            return ("builtin", one.__name__, self.of(one.__self__))
        if kind not in _plain:
            _plain[kind] = _has_attributes_only(kind)
        return ("object", kind, self._state(vars(one))) if _plain[kind] else self._reduced(one, kind)

    def _reduced(self, one: Any, kind: type) -> Hashable:
        """As pickle and copy take an object apart."""
        try:
            parts = one.__reduce_ex__(2)
        except Exception as error:
            raise Opaque(f"the state of a {kind.__qualname__} that the node keeps cannot be read: {error}") from error
        if isinstance(parts, str):
            return ("global", kind, parts)
        make, arguments, *rest = parts
        state, items, pairs = (*rest[:3], None, None, None)[:3]
        self._alive.append(parts)
        listed = () if items is None else tuple(items)
        paired = () if pairs is None else tuple(pairs)
        return ("object", kind, self.of(make), self.of(arguments), self._state(state), self.of(listed), self.of(paired))

    def _state(self, state: Any) -> Hashable:
        """Attributes by name: in which order they were first set makes no difference."""
        if isinstance(state, tuple) and len(state) == 2 and any(isinstance(part, dict) for part in state):
            return ("slots", self._state(state[0]), self._state(state[1]))
        if type(state) is not dict:
            return self.of(state)
        names = sorted(name for name in state if name not in self._ignored)
        return ("attributes", *[(name, self.of(state[name])) for name in names])

    def _each(self, many: Iterable[Any]) -> list[Hashable]:
        return [self.of(one) for one in many]

    def _unordered(self, many: Iterable[Any]) -> list[Hashable]:
        return sorted(self._each(many), key=repr)


class _Bare:
    """An object of Python's own that has attributes and nothing else."""


def _has_attributes_only(kind: type) -> bool:
    """Whether pickle, too, would take an object of this kind for its class and its attributes: it is no larger than
    such an object (no slots, nothing in C), and has nothing of its own to say about how it is taken apart."""
    own = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")
    same_size = (kind.__basicsize__, kind.__dictoffset__) == (_Bare.__basicsize__, _Bare.__dictoffset__)
    return same_size and all(getattr(kind, name, None) is getattr(_Bare, name, None) for name in own)
