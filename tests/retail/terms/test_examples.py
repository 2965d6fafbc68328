"""The examples in the docstrings of terms hold."""

import doctest
import importlib
import pkgutil

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import retail.terms

TERMS = [f"retail.terms.{info.name}" for info in pkgutil.iter_modules(retail.terms.__path__)]


@pytest.mark.parametrize("name", TERMS)
def test_examples_of_the_term_hold(spark: SparkSession, name: str) -> None:
    module = importlib.import_module(name)
    failed, attempted = doctest.testmod(module, extraglobs={"spark": spark, "F": F})
    assert attempted > 0, "a term shows an example"
    assert failed == 0
