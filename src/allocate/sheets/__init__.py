"""Spreadsheet files: read without trusting them, written without surprises."""
