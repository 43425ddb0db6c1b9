"""What watches a run: the ledger of unreadable videos, the row of the table, pictures."""
