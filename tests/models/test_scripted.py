"""Scripted models do what their names say."""

from __future__ import annotations

import pytest

from introbench.errors import ModelError, SpecError
from introbench.models.load import load_model
from introbench.models.types import ChoiceRequest


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("scripted/orcale", "did you mean 'oracle'"),
        ("scripted/oracle?sed=1", "unknown option 'sed'"),
        ("scripted/constant?verdict=maybe", "verdict must be one of unchanged, changed"),
        ("scripted/oracle?follow=2", "shares from 0 to 1"),
        ("scripted/oracle?seed=x", "invalid literal"),
    ],
)
def test_wrong_scripts_and_options_are_named(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_model(spec)


def test_a_request_without_a_case_cannot_be_answered_by_a_script() -> None:
    with pytest.raises(ModelError, match="answer the questions of a run only"):
        load_model("scripted/oracle").score([ChoiceRequest((1,), ((2,),))])
