"""Mails to people: texts and delivery."""
