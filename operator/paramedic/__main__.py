"""`python -m paramedic` is `paramedic`."""

from paramedic.main import main

if __name__ == "__main__":
    main(prog_name="paramedic")
