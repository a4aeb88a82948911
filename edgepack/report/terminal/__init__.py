"""What commands print: compact tables with colour, plain aligned columns in a pipe or a log."""
