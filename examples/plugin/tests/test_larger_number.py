"""The example task keeps what introbench asks of a task."""

from __future__ import annotations

import pytest
from introbench_example.task import TASK

from introbench.errors import TaskError
from introbench.testing import check_task


@pytest.mark.parametrize("largest", ["99", "1000"])
def test_the_task_keeps_the_contract(largest: str) -> None:
    check_task(TASK, {"largest": largest})


def test_a_range_that_is_too_small_is_named() -> None:
    with pytest.raises(TaskError, match="largest=5 must be a whole number, 20 or more"):
        TASK.item_set({"largest": "5"})
