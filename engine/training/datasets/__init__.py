"""Pictures made from numbers alone, to train on: no photograph, drawing or model is read. Free of rights (CC0)."""
