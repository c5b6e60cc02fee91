"""Durable state: unit of work, engines, queries, migrations, blobs."""
