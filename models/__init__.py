"""What normal looks like: pure mathematics over observed accesses; time and bytes come in as arguments."""
