"""Where the tests of one checkout keep trained engines: learning all topics takes ten seconds, and
what was learnt is the same for all of them."""

from pathlib import Path

MODELS = Path(__file__).parents[1] / ".pytest_cache" / "models"
#: The setting that says so, as a program finds it.
SETTING = {"GATEWAY_ANSWERS__MODELS": str(MODELS)}
