"""Configuration as code: what stands in the register as one document, and a document made what stands there."""
