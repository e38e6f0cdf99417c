"""``python -m pyproftpd`` is the ``proftpd`` command."""

import sys

from pyproftpd.cli.proftpd import main

sys.exit(main())
