"""OpenTelemetry traces of what the runtime does, for deployments that collect them (`springtide[telemetry]`).

    with spans.span("call.send", entity="DE01", account="erp", call="B-17", count=100): ...

Spans in use: intake.take, partition.turn, journal.commit, call.send. Attributes are entity, account, call and count:
what a log line may say, and nothing about persons. A span that ends in an exception carries its type and no text.
Without a collector's address nothing is made, and a span costs a function call.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from runtime.settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_EXPORT_S = 2
"""Tries to deliver end after this long: a collector that is away must not hold up the end of a process."""


class Spans(Protocol):
    """Whoever notes what takes how long."""

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:
        """What happens inside belongs to this span; a span inside another is its child."""

    def close(self) -> None:
        """Deliver what was not delivered yet."""


class NoSpans:
    """Nobody collects."""

    _nothing = nullcontext()

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:
        """Does nothing."""
        return self._nothing

    def close(self) -> None:
        """Nothing to deliver."""


class _Collected:
    """Spans that go to an exporter, in batches, off the way of whoever makes them."""

    def __init__(self, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._provider = TracerProvider(resource=Resource.create({"service.name": "springtide"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("springtide")

    @contextmanager
    def span(self, name: str, **attributes: str | int) -> Iterator[None]:
        """A span of the library's, without the texts of exceptions, which quote payloads."""
        from opentelemetry.trace import StatusCode

        named = {f"springtide.{key}": value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            name, attributes=named, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def close(self) -> None:
        """Deliver what was not delivered yet, and stop."""
        self._provider.shutdown()


def tracer(settings: TelemetrySettings, exporter: "SpanExporter | None" = None) -> Spans:
    """Where spans go: to `exporter`, or over OTLP/HTTP to the address in the settings, or nowhere.

    Raises ModuleNotFoundError, saying which extra to install, where an address is set and the library is missing.
    """
    if exporter is None and not settings.otlp_url:
        return NoSpans()
    try:
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(endpoint=settings.otlp_url, timeout=_EXPORT_S)
        return _Collected(exporter)
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("telemetry.otlp_url is set: install springtide[telemetry]") from missing
