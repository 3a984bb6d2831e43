"""The embedded peers: catalogue-produit, crm, scheduler and the gateway in front of them.

They speak the real peers' protocol over real HTTP on one loopback port, and share no code with the
application: a fake that shares a parser cannot reveal its mistakes.
"""

from ecommerce_core.sandbox.server import Sandbox

__all__ = ["Sandbox"]
