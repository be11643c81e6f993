"""What a person allowed an application to know."""
