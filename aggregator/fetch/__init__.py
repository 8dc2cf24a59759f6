"""Bring in what a source has to say: `http` for feeds and pages, `folder` for article files.

A check that brings nothing is a value (`model.Failed`), never an exception. Nothing is imported
here, so that who reads folders does not pay for an HTTP client.
"""
