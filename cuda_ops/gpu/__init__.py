"""The CUDA kernels: compiled on the user's machine by torch's own NVRTC, and proved before they are used."""
