"""`python -m introbench` is the `introbench` command."""

from introbench.cli.main import main

if __name__ == "__main__":
    main()
