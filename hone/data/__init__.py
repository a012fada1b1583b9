"""Tables: their schemas, training sets, labels, pairs and where they come from."""
