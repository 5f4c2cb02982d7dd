"""The recipe: what models are trained on. So far: explanation labels of stored runs."""
