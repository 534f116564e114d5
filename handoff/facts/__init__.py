"""Recorded results, and receipts."""
