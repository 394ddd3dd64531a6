"""The settings of a mock PSA: what differs from one product and one contract to the next.

Each number carries its mark: documented (the vendor's own pages), derived, assumed. The defaults are the generic
dialect; a vendor's profile is another instance of this type with other numbers.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PsaProfile(BaseModel):
    """How one PSA account answers. Milliseconds, rows, parts per million."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page_size: int = Field(default=1_000, ge=1)
    """Heads per page of GET /published. Documented for OpenAir (at most 1,000); Kantata allows 200."""

    page_token_life_ms: int = Field(default=0, ge=0)
    """How long the token of a further page is good for; later the answer is 410 and a read begins anew. 0: for ever.
    Assumed: vendors say that tokens expire and seldom when."""

    status_batch_max: int = Field(default=1_000, ge=1)
    """Rows per POST /status; more are refused as one. Documented for OpenAir SOAP (1,000); Kantata takes 100."""

    publish_batch_max: int = Field(default=1_000, ge=1)
    """Heads per POST /publish; more are refused as one. Assumed: one page."""

    latency_low_ms: int = Field(default=80, ge=0)
    """Fastest answer. Assumed."""

    latency_high_ms: int = Field(default=600, ge=0)
    """Slowest answer without a fault; answers are spread evenly between the two. Assumed."""

    status_refused_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of POST /status calls turned away with a bare 429. That it has no Retry-After is documented for Kantata,
    whose limits are not published; the share is assumed."""

    auto_approver: str = "psa"
    """Who is named as approver when nobody was: the PSA itself. Assumed."""

    @model_validator(mode="after")
    def _latency_is_a_range(self) -> Self:
        if self.latency_low_ms > self.latency_high_ms:
            raise ValueError("latency_low_ms must not exceed latency_high_ms")
        return self
