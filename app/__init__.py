"""Whatever draws, or talks to a person or a device."""
