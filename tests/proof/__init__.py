"""The full figures behind the promises: long runs, printed with the commit they were made from."""
