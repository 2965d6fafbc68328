"""A home-improvement retailer made up from a seed: masters and orders as landing files."""

from retail.generator.run import ENTITIES, Request, generate, request

__all__ = ["ENTITIES", "Request", "generate", "request"]
