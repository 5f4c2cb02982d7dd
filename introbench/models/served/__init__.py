"""The openai backend: models behind any server that speaks OpenAI's interface."""
