"""The hf backend: transformers models from a hub id, a folder, a GGUF file or an adapter."""
