"""Sources of accounts, one file per ProFTPD auth module, and the order in which a login asks them."""
