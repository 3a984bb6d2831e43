"""The peers, embedded: catalogue-produit, crm, scheduler and the gateway before them.

They speak the real peers' wire over real HTTP on one loopback port, and share
no code with what they serve: a fake that shares a parser cannot catch its
mistakes.
"""

from ecommerce_core.sandbox.server import Sandbox

__all__ = ["Sandbox"]
