"""Looking inside a network: what an activation is like, and how it is shown. Pure functions on tensors."""
