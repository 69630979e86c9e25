"""Our own Expectations, one a file. Each carries rows that must hold and rows that must not; the tests run them."""
