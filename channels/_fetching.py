"""What becomes of a file that could not be fetched from a provider."""

from gateway.domain.errors import DeliveryError, Failure, HttpFailure, TooLarge


def not_fetched(error: HttpFailure, provider: str) -> DeliveryError:
    """As `Fetcher.fetch` has to say it: asking is repeated, except for what is too large."""
    if isinstance(error, TooLarge):
        return DeliveryError(Failure.REJECTED, str(error))
    return DeliveryError(Failure.RETRY, f"no answer from {provider}")
