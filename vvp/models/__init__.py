"""Model families and rules behind one protocol (base.py), plain Python throughout."""
