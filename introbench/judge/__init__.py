"""Whether a reply refuses: rules for English replies, or an instruct model. Imports no library of models."""

from introbench.judge.rules import judge_reply
from introbench.judge.verdict import LABELS, REFUSES, Label, Verdict

__all__ = ["LABELS", "REFUSES", "Label", "Verdict", "judge_reply"]
