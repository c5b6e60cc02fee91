"""Takes contacts in: accept, redact, filter, read mail, find language, identity and thread."""
