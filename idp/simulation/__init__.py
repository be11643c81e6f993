"""Faults on purpose, for applications in a sandbox: does the application notice?"""
