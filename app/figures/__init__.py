"""The papers' figures for any network: which pictures to render, and how they stand on a page."""
