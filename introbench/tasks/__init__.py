"""What a task is: types, templates, cases, labels and the registry. Imports no model code."""

from introbench.tasks.task import ItemSet, Parameter, Task
from introbench.tasks.types import Case, Cue, Item, Message, Question, TaskInfo

__all__ = ["Case", "Cue", "Item", "ItemSet", "Message", "Parameter", "Question", "Task", "TaskInfo"]
