"""A tool: a function with types, described by its signature and its docstring."""

import inspect
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import (
    Any,
    Final,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    get_type_hints,
    overload,
)

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError

from protocol.json_values import explain_first_mistake
from protocol.records import ApprovalOptions

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_Built = TypeVar("_Built")

DEFAULT_SECONDS: Final = 60.0
MAX_SECONDS: Final = 86_400.0
MAX_RETRIES: Final = 10
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class ToolInvalid(Exception):
    """A function cannot be a tool."""


class ArgumentsInvalid(Exception):
    """Arguments do not fit the function; the message names it and what it takes."""


class ToolFunction(Generic[P, T_co]):
    """A function that workflows call with `run.call`. Calling it itself runs it, for tests."""

    def __init__(
        self,
        function: Callable[P, Any],
        *,
        is_idempotent: bool = False,
        retries: int = 0,
        seconds: float = DEFAULT_SECONDS,
        approval: bool | Mapping[str, Any] = False,
    ) -> None:
        """Check the function and its options. Raises ToolInvalid."""
        _check(function, is_idempotent=is_idempotent, retries=retries, seconds=seconds)
        self.function = function
        self.name = function.__name__
        self.module = function.__module__
        self.doc = inspect.getdoc(function) or ""
        self.is_idempotent = is_idempotent
        """Whether it may run again if nobody knows whether it has run."""
        self.retries = retries
        self.seconds = seconds
        self.needs_approval = approval is not False
        """Whether a person must agree before it runs."""
        self.approval = _read_approval(function, approval)
        self._signature = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Run the function here."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        """Return the name and what it takes."""
        return f"<tool {self.module}.{self.name}{self._signature}>"

    @property
    def file(self) -> str:
        """The file in which it is written."""
        return inspect.getfile(inspect.unwrap(self.function))

    @property
    def signature(self) -> str:
        """The name, with parameters and types as in the source."""
        return f"{self.name}{self._signature}"

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments, with its docstring as the description."""
        return self._build(self._arguments.model_json_schema)

    @property
    def result_schema(self) -> dict[str, Any]:
        """The JSON Schema of its result."""
        return self._build(self._result.json_schema)

    def write_arguments(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """Return arguments as JSON. Raises ArgumentsInvalid."""
        try:
            given = self._signature.bind(*args, **kwargs).arguments
            return self._arguments.model_validate(given).model_dump(
                mode="json", by_alias=True, exclude_unset=True
            )
        except TypeError as error:
            raise ArgumentsInvalid(f"{self.signature}: {error}") from None
        except ValidationError as error:
            raise self._build_error(error) from None
        except ValueError as error:  # of the serializer
            raise ArgumentsInvalid(f"{self.signature}: it is no JSON: {error}") from None

    def read_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments that were JSON, with the types of the function.

        Raises ArgumentsInvalid.
        """
        try:
            read = self._arguments.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            raise self._build_error(error) from None
        fields = self._arguments.model_fields
        return {
            str(field.alias): getattr(read, name)
            for name, field in fields.items()
            if name in read.model_fields_set
        }

    def read_result(self, value: Any) -> T_co:
        """Return a result that was JSON, with the type of the function. Raises ValidationError."""
        if self._hints.get("return", Any) is type(None):
            return cast("T_co", None)
        return cast("T_co", self._result.validate_json(json.dumps(value)))

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            return get_type_hints(inspect.unwrap(self.function), include_extras=True)
        except Exception as error:
            raise ToolInvalid(f"{self.signature}: a type cannot be read: {error}") from error

    @cached_property
    def _arguments(self) -> type[BaseModel]:
        # Fields have names of our own, as those of parameters may be taken by BaseModel.
        fields: dict[str, Any] = {
            f"argument_{number}": (
                self._hints.get(each.name, Any),
                Field(
                    default=... if each.default is inspect.Parameter.empty else each.default,
                    alias=each.name,
                ),
            )
            for number, each in enumerate(self._signature.parameters.values())
        }
        return self._build(
            lambda: cast(
                "type[BaseModel]",
                create_model(
                    self.name, __config__=ConfigDict(extra="forbid"), __doc__=self.doc, **fields
                ),
            )
        )

    @cached_property
    def _result(self) -> TypeAdapter[Any]:
        return self._build(lambda: TypeAdapter(self._hints.get("return", Any)))

    def _build(self, build: Callable[[], _Built]) -> _Built:
        try:
            return build()
        except (PydanticUserError, TypeError) as error:
            first = str(error).partition("\n")[0]
            raise ToolInvalid(f"{self.signature}: a type is no JSON: {first}") from error

    def _build_error(self, error: ValidationError) -> ArgumentsInvalid:
        return ArgumentsInvalid(f"{self.signature}: {explain_first_mistake(error)}")


class ToolDecorator(Protocol):
    """The decorator with its options."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> ToolFunction[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> ToolFunction[P, T]: ...


@overload
def tool(function: Callable[P, Coroutine[Any, Any, T]], /) -> ToolFunction[P, T]: ...
@overload
def tool(function: Callable[P, T], /) -> ToolFunction[P, T]: ...
@overload
def tool(
    *,
    idempotent: bool = False,
    retries: int = 0,
    timeout: float = DEFAULT_SECONDS,
    approval: bool | Mapping[str, Any] = False,
) -> ToolDecorator: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    idempotent: bool = False,
    retries: int = 0,
    timeout: float = DEFAULT_SECONDS,
    approval: bool | Mapping[str, Any] = False,
) -> Any:
    """Make a function, async or not, one that workflows and models can call.

    `idempotent`: running it twice does no harm, so it is run again if whoever ran it has died, and
    `retries` times if it fails. `timeout` is in seconds; the process is killed after it.
    With `approval` a person must agree before each run: true, or what follows if nobody answers,
    such as `{"expires_in": 3600, "escalate": {"after": 600, "to": "operators"}}`, in seconds.
    """

    def decorate(given: Callable[..., Any]) -> ToolFunction[..., Any]:
        return ToolFunction(
            given,
            is_idempotent=idempotent,
            retries=retries,
            seconds=timeout,
            approval=approval,
        )

    return decorate if function is None else decorate(function)


def _read_approval(function: Callable[..., Any], given: object) -> ApprovalOptions:
    """Return what follows if nobody answers. Raises ToolInvalid."""
    if isinstance(given, bool):
        return ApprovalOptions()
    try:
        return ApprovalOptions.model_validate(given)
    except ValidationError as error:
        mistake = explain_first_mistake(error, "approval")
        raise ToolInvalid(f"@tool on {function.__qualname__}: {mistake}") from None


def _check(function: object, *, is_idempotent: bool, retries: int, seconds: float) -> None:
    """Raise ToolInvalid if it cannot be a tool."""
    if not inspect.isfunction(function):
        raise ToolInvalid(f"@tool is for functions, not for {type(function).__name__}")
    where = f"@tool on {function.__qualname__}"
    if function.__qualname__ != function.__name__ or _NAME.fullmatch(function.__name__) is None:
        raise ToolInvalid(f"{where}: it must be a function of a module, named in ASCII letters")
    if function.__name__ == "plan":
        raise ToolInvalid(f"{where}: `plan` is the key of the workflow; give it another name")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ToolInvalid(f"{where}: it must return its result, not yield")
    for each in inspect.signature(function).parameters.values():
        if each.kind not in _BY_NAME:
            raise ToolInvalid(f"{where}: every parameter needs a name, which {each} has not")
    if not 0 < seconds <= MAX_SECONDS:
        raise ToolInvalid(f"{where}: timeout must be above 0, and at most {MAX_SECONDS:g} seconds")
    if not 0 <= retries <= MAX_RETRIES:
        raise ToolInvalid(f"{where}: retries must be 0 to {MAX_RETRIES}")
    if retries and not is_idempotent:
        raise ToolInvalid(f"{where}: only a tool with idempotent=True can be retried")
