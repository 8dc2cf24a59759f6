"""The database: tables, and one module of functions for each thing kept in it.

Functions take an open connection and leave the transaction to their caller (`engine.Database`).
Rows stay in here: what comes out are the values of `model`.
"""
