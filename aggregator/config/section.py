"""What every section of config.yaml is: strict, frozen, and able to say all its mistakes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails

#: Keys and indexes from a section to one of its values.
Location = tuple[str | int, ...]
Mistakes = Iterator[tuple[Location, str]]


def key(default: Any = ..., what: str = "", *, secret: bool = False, **limits: Any) -> Any:
    """A key with what the reference says of it.

    A secret is left out of representations and messages, may come from the environment
    (`${NAME}`) and, as `<key>_file`, from a file.
    """
    limits |= {"description": what, "repr": not secret}
    if secret:  # given as None it would hide what the type itself says
        limits["json_schema_extra"] = {"secret": True}
    return Field(default_factory=default, **limits) if callable(default) else Field(default, **limits)


class Section(BaseModel):
    """Unknown keys are mistakes, an empty value is the default, and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def mistakes(cls, given: Mapping[str, Any]) -> Mistakes:
        """What is wrong with several keys together, whatever each of them is by itself."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _every_mistake(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say `mistakes` beside those of single keys: pydantic stops before it comes to them."""
        if not isinstance(given, Mapping):
            return handler(given)
        known = keys(cls)
        given = {name: value for name, value in given.items() if value is not None or name not in known}
        errors = [_error(location, message, given) for location, message in cls.mistakes(given)]
        try:
            made = handler(given)
        except ValidationError as error:
            errors += [_again(line) for line in error.errors()]
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors, hide_input=True)
        return made


def keys(section: type[Section]) -> dict[str, FieldInfo]:
    """Each key of a section as it is written in the file."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a value of this type is or holds: `Select | None`, `tuple[Source, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for inner in get_args(annotation) if (found := section_of(inner))), None)


def marked(field: FieldInfo, mark: str) -> Any:
    """What `key` was told of this field by that name (`secret`), or None."""
    extra = field.json_schema_extra
    return extra.get(mark) if isinstance(extra, dict) else None


def _error(location: Location, message: str, given: Any) -> InitErrorDetails:
    return InitErrorDetails(type="value_error", loc=location, input=given, ctx={"error": ValueError(message)})


def _again(line: Any) -> InitErrorDetails:
    return InitErrorDetails(type=line["type"], loc=line["loc"], input=line["input"], ctx=line.get("ctx", {}))
