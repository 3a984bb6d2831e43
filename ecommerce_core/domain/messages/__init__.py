"""Facts as codes and details, the template of each code, and the advice for some of them."""

from ecommerce_core.domain.messages.advice import ADVICE, advice
from ecommerce_core.domain.messages.fact import TEMPLATES, Detail, Fact, make_fact, said, text

__all__ = ["ADVICE", "TEMPLATES", "Detail", "Fact", "advice", "make_fact", "said", "text"]
