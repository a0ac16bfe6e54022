"""``python -m tabdiff_lora`` is the same as ``tabdiff-lora``."""

from tabdiff_lora.cli import main

if __name__ == "__main__":
    main()
