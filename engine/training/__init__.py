"""Training: from a folder or zip of pictures to a network. Start with loop.py; one idea of the papers a file."""
