"""What operators of several families share; no operator is defined here."""
