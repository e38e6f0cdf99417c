"""The FTP front end (floor F6)."""
