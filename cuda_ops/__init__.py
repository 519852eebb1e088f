"""The few operations that the networks live on: formula, PyTorch reference, fast path. Imports nothing of ours."""
