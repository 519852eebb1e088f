"""The lab: a researchers' bench beside the live window, in a process of its own, drawn with Dear PyGui."""
