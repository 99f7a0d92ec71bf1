"""The study's tables: the meaning of their columns, and how they are collected and written."""
