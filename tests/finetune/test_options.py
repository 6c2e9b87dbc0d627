"""The command line has an option for everything that a training depends on."""

import inspect
from dataclasses import fields

from jobs.finetune import command
from vvp.finetune.settings import TrainSettings

MADE_OF_OTHERS = {"options", "begun"}


def test_every_setting_has_an_option_with_the_same_default() -> None:
    asked = inspect.signature(command).parameters
    for field in fields(TrainSettings):
        if field.name in MADE_OF_OTHERS:
            continue
        assert field.name in asked, f"vvp finetune has no option for {field.name}"
        default = asked[field.name].default
        assert default in (None, inspect.Parameter.empty) or default == field.default, field.name
