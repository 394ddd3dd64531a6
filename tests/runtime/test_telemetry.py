"""Traces: a span for each step, nothing about persons, and nothing at all where nobody collects."""

import pytest

from runtime.settings import TelemetrySettings
from runtime.telemetry import NoSpans, tracer


def test_without_a_collector_a_span_does_nothing() -> None:
    """An empty address means no spans, no threads and no library; what is inside a span runs all the same."""
    spans = tracer(TelemetrySettings())
    ran = []

    with spans.span("call.send", entity="DE01"), spans.span("journal.commit"):
        ran.append(1)
    spans.close()

    assert isinstance(spans, NoSpans)
    assert ran == [1]


def test_spans_nest_and_carry_their_attributes() -> None:
    """A span knows its parent, its attributes and, of an exception, the type and no text."""
    sdk = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="needs springtide[telemetry]"
    )
    exporter = sdk.InMemorySpanExporter()
    spans = tracer(TelemetrySettings(), exporter)

    with spans.span("partition.turn", entity="DE01", count=2), spans.span("journal.commit", entity="DE01"):
        pass
    with pytest.raises(ValueError, match="Mette"), spans.span("call.send", account="erp", call="B-1"):
        raise ValueError("row of Mette")
    spans.close()

    commit, turn, send = exporter.get_finished_spans()
    assert [span.name for span in (turn, commit, send)] == ["partition.turn", "journal.commit", "call.send"]
    assert dict(turn.attributes) == {"springtide.entity": "DE01", "springtide.count": 2}
    assert commit.parent.span_id == turn.context.span_id
    assert send.parent is None
    assert send.status.description == "ValueError"
    assert "Mette" not in send.to_json()
