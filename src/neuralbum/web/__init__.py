"""What every local server shares: who may talk to it, and how long a request may take to arrive."""
