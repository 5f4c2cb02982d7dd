"""The parts of the conformance kit: each looks at items or rendered cases and says what is wrong in plain lines."""

from introbench.tasks.checks.cases import case_problems
from introbench.tasks.checks.items import item_problems, split_problems
from introbench.tasks.checks.leaks import leak_problems

__all__ = ["case_problems", "item_problems", "leak_problems", "split_problems"]
