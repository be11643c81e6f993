"""Flask plumbing without a domain: headers, CSRF, request ids, error pages, locale, templates."""
